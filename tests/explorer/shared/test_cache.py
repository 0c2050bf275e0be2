from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from explorer.shared import cache, catalog, latent
from tests.fixtures import make_run
from trainer.runs import layout, validation
from trainer.runs.folder import Run
from trainer.runs.sprite import read_sprite_tiles, write_sprite


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_run(root / "one", pictures=40)
    return root / "one"


@pytest.fixture
def entry(made, tmp_path, monkeypatch) -> catalog.Entry:
    shutil.copytree(made, tmp_path / "one")
    monkeypatch.setenv(catalog.RUNS_VARIABLE, str(tmp_path))
    return catalog.find("one")


def remade_sprite(entry: catalog.Entry) -> None:
    tiles = read_sprite_tiles(entry.run.sprite_path, entry.image_shape)
    write_sprite(255 - tiles, entry.path / layout.SPRITE)


def test_a_handle_holds_its_run_and_is_made_anew_when_the_folder_changes(entry):
    assert (entry.run.path, entry.run.hash) == (entry.path, entry.hash)
    assert catalog.find("one") is entry
    (entry.path / layout.METRICS).write_text(json.dumps([]))
    assert catalog.find("one") is not entry


def test_a_remade_sprite_is_noticed_though_the_weights_are_the_same(entry):
    before, made = cache.tiles(entry, [0, 1]), cache.reconstructions(entry)
    assert cache.reconstructions(entry) is not made  # a copy each, of the same pictures
    np.testing.assert_array_equal(cache.reconstructions(entry), made)
    remade_sprite(entry)
    np.testing.assert_array_equal(cache.tiles(entry, [0, 1]), 255 - before)
    assert (cache.reconstructions(entry) != made).any()


def test_the_decoder_is_read_once_for_all_pages_and_again_when_it_changes(entry, monkeypatch):
    assert cache.decoder(entry) is None
    path = entry.path / layout.DECODER
    path.write_bytes(b"\x08one")
    assert cache.decoder(entry) == b"\x08one"
    with monkeypatch.context() as patch:
        patch.setattr(validation, "read_network", None)
        assert cache.decoder(entry) == b"\x08one"
    path.write_bytes(b"damaged, and of another size")
    assert cache.decoder(entry) is None


def test_remade_codes_are_noticed_by_everything_made_from_them(entry):
    space, table = latent.space(entry), cache.codes(entry)
    assert latent.space(catalog.find("one")) is space
    Run(entry.path).write_codes(table.head(20))
    assert len(cache.codes(entry)) == 20
    again = latent.space(entry)
    assert (len(again.codes), len(space.codes)) == (20, 40)
    assert again.key != space.key


def test_the_model_is_kept_as_long_as_its_weights(entry):
    model = cache.model(entry)
    remade_sprite(entry)
    assert cache.model(catalog.find("one")) is model
