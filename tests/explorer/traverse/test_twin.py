"""The model beside the selected one on Traverse: its own code of the same picture."""

from __future__ import annotations

import pytest

from explorer.shared import catalog, factors, latent
from explorer.shared.links import TraverseState
from explorer.traverse import twin
from tests.fixtures import make_run


@pytest.fixture
def spaces(tmp_path, monkeypatch):
    make_run(tmp_path / "runs" / "first", pictures=20)
    make_run(tmp_path / "runs" / "second", kind="vae", z_dim=5, pictures=20)
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path / "runs"))
    return [latent.space(catalog.find(name)) for name in ("first", "second")]


def test_the_start_is_encoded_once_whatever_is_moved(spaces, monkeypatch):
    first, second = spaces
    asked = []

    def encoded(entry, pictures):
        asked.append(entry.name)
        return factors.encoded(entry, pictures)

    monkeypatch.setattr(twin, "encoded", encoded)
    for index in (3, 3, 4, 3):
        view = TraverseState(index=index)
        start = latent.resolve(first, twin.choice(view, "start"), "start")
        code, note = twin.begin(first, second, view, start)
        assert code.tolist() == factors.encoded(second.entry, start.original[None])[0].tolist()
        assert note.startswith("The same picture.")
    assert asked == ["second"] * 2, "a code for each picture"
