"""The evidence bundle of every view: what it shows is in the zip as a figure or a table, and every file can be made."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import PurePath
from urllib.parse import parse_qsl

import pytest
from PIL import Image

from explorer.shared import evidence, share
from tests.browser.test_layout import VIEWS
from tests.fixtures import make_run
from tests.pages import reading

EMPTY = {"view=mine"}  # shows nothing before one's own pictures are there (tests/pages/test_ood.py)


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    """The bundled models, and one run."""
    make_run(tmp_path / "runs" / "small-gmp", trained=True)
    monkeypatch.setenv("GWAE_RUNS", str(tmp_path / "runs"))


def bundled(app) -> zipfile.ZipFile:
    """What a click on "Evidence bundle" gives: made without the session."""
    files = {name: file.make for name, file in app.session_state[share._OFFERED].items()}
    return zipfile.ZipFile(io.BytesIO(evidence.bundle(app.session_state[share._MODELS], "x", "", files)))


@pytest.mark.parametrize("page", VIEWS)
def test_every_view_gives_what_it_shows(page):
    name, _, link = page.partition("?")
    for view in VIEWS[page]:
        parameters = dict(parse_qsl(link)) | dict(parse_qsl(view))
        app = reading.opened(name or "home", parameters.pop("model"), **parameters)
        packed = bundled(app)
        assert "left out" not in packed.read("README.txt").decode(), view
        shown = [PurePath(each) for each in packed.namelist() if each.startswith(("figures/", "tables/", "files/"))]
        assert shown or view in EMPTY, view
        for path in shown:
            data = packed.read(str(path))
            if path.suffix == ".csv":
                rows = list(csv.reader(io.StringIO(data.decode())))
                assert len(rows) > 1, path
                assert {len(row) for row in rows} == {len(rows[0])}, path
            elif path.suffix == ".png":
                Image.open(io.BytesIO(data)).verify()
