"""The pictures behind test codes: from the data set where it is at hand and the right one, else from the sprite."""

from __future__ import annotations

import urllib.request

import numpy as np
import pandas as pd
import pytest
import torch

from explorer.shared import catalog, test_pictures
from tests.fixtures import make_run, write_digit_files
from trainer.config import DataConfig
from trainer.data.rendering import factors_of, render_indices
from trainer.runs.folder import Run
from trainer.runs.sprite import read_sprite_tiles, write_sprite
from trainer.system import ROOT

N = 60


def planted() -> tuple[np.ndarray, np.ndarray]:
    """Digits uint8 (N, 28, 28) that tell their own number: every pixel of picture n is n + 1; and labels."""
    return np.broadcast_to(np.arange(1, N + 1, dtype=np.uint8)[:, None, None], (N, 28, 28)).copy(), np.arange(N) % 10


@pytest.fixture
def entry(tmp_path, monkeypatch) -> catalog.Entry:
    """A run on the planted digits; rows are shuffled, and a third of the pictures is in the sprite, shuffled again."""
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path / "runs"))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "mine"))
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_a, **_k: pytest.fail("nothing is ever downloaded here"))
    run = make_run(tmp_path / "runs" / "planted", pictures=N)
    random = np.random.default_rng(0)
    table = run.codes.iloc[random.permutation(N)].reset_index(drop=True)
    in_sprite = random.permutation(N)[: N // 3]
    table["sprite_index"] = -1
    table.loc[in_sprite, "sprite_index"] = np.arange(len(in_sprite))
    write_sprite(padded(planted()[0])[numbers(table)[in_sprite]], run.path / "sprite.png")
    run.write_codes(table)
    return catalog.find("planted")


def padded(pixels: np.ndarray) -> np.ndarray:
    return np.pad(pixels, ((0, 0), (2, 2), (2, 2)))[:, None]


def numbers(table: pd.DataFrame) -> np.ndarray:
    return table["id"].str.rsplit("-").str[-1].astype(int).to_numpy()


def table_of(entry: catalog.Entry) -> pd.DataFrame:
    return Run(entry.path).codes


def assert_from_sprite(entry: catalog.Entry) -> None:
    """Only the sprite's pictures are known, and each is its own."""
    table, found = table_of(entry), test_pictures.pictures(entry)
    np.testing.assert_array_equal(found.known, table["sprite_index"] >= 0)
    tiles = read_sprite_tiles(Run(entry.path).sprite_path, entry.image_shape)
    for row, picture in enumerate(found.of(range(N))):
        if found.known[row]:
            np.testing.assert_array_equal(picture, tiles[table["sprite_index"].iloc[row]])
        else:
            assert picture is None


def test_without_the_data_the_sprite_speaks(entry):
    assert_from_sprite(entry)
    row = int(np.flatnonzero(test_pictures.pictures(entry).known)[0])
    assert test_pictures.pictures(entry).of([row])[0].max() == numbers(table_of(entry))[row] + 1


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("place", ["mine", "pretrained/data"])
def test_with_the_data_every_row_has_its_picture(entry, tmp_path, place, compressed):
    pixels, labels = planted()
    write_digit_files(tmp_path / place, pixels, labels, compressed)
    found = test_pictures.pictures(entry)
    assert found.known.all()
    rows = np.random.default_rng(1).permutation(N)
    want = padded(pixels)[numbers(table_of(entry))[rows]]
    np.testing.assert_array_equal(np.stack(found.of(rows)), want)
    np.testing.assert_array_equal(found.read(rows), want)
    assert found.of([]) == []


def test_data_that_come_later_are_noticed(entry, tmp_path):
    assert_from_sprite(entry)
    write_digit_files(tmp_path / "mine", *planted())
    assert test_pictures.pictures(entry).known.all()


def test_other_sizes_and_colour(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path / "runs"))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "mine"))
    run = make_run(tmp_path / "runs" / "large", size=64, channels=3, pictures=N)
    (run.path / "sprite.png").unlink()
    write_digit_files(tmp_path / "mine", *planted())
    found = test_pictures.pictures(catalog.find("large"))
    (picture,) = found.of([7])
    assert picture.shape == (3, 64, 64)
    np.testing.assert_array_equal(picture[:, 30:34, 30:34], 8)


@pytest.mark.parametrize("what", ["more", "fewer", "labels", "pixels", "damaged", "half", "ids", "name"])
def test_data_that_are_not_those_of_the_codes_are_refused(entry, tmp_path, what):
    """A picture under a wrong point would be worse than none."""
    pixels, labels = planted()
    if what == "more":
        pixels, labels = np.concatenate([pixels, pixels[:1]]), np.append(labels, 0)
    elif what == "fewer":
        pixels, labels = pixels[1:], labels[1:]
    elif what == "labels":
        labels = np.roll(labels, 1)
    elif what == "pixels":
        pixels = np.roll(pixels, 10, axis=0)  # with their labels, so that only the sprite can tell
    write_digit_files(tmp_path / "mine", pixels, labels)
    raw = tmp_path / "mine" / "MNIST" / "raw"
    if what == "damaged":
        (raw / "t10k-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03cut")
    elif what == "half":
        (raw / "t10k-labels-idx1-ubyte").unlink()
    elif what in ("ids", "name"):
        change = {"ids": ("00003", "00999"), "name": ("mnist", "fashion-mnist")}[what]
        table = table_of(entry)
        Run(entry.path).write_codes(table.assign(id=table["id"].str.replace(*change)))
    assert_from_sprite(entry)


def test_a_run_without_sprite_and_data_has_no_pictures(entry):
    (entry.path / "sprite.png").unlink()
    found = test_pictures.pictures(catalog.find("planted"))
    assert not found.known.any()
    assert found.of([0, 5]) == [None, None]


def test_rendered_pictures_are_drawn_by_their_ids(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path / "runs"))
    run = make_run(tmp_path / "runs" / "shapes", channels=3, pictures=N)
    settings = run.config.model_copy(update={"data": DataConfig(name="shapes3d-rendered", size=32, channels=3)})
    (run.path / "config.yaml").write_text(settings.to_yaml())
    places = np.random.default_rng(0).choice(480_000, N, replace=False)
    table = run.codes.assign(id=[f"shapes3d-rendered-{place:06d}" for place in places], label=-1, label_name="")
    run.write_codes(table)
    want = render_indices(factors_of(torch.from_numpy(places)), 32).numpy()
    write_sprite(want, run.path / "sprite.png")
    found = test_pictures.pictures(catalog.find("shapes"))
    assert found.known.all()
    np.testing.assert_array_equal(np.stack(found.of([5, 59, 0])), want[[5, 59, 0]])
    write_sprite(np.roll(want, 1, axis=0), run.path / "sprite.png")  # as if an older renderer had made it
    run.write_codes(table.assign(sprite_index=-1))
    assert test_pictures.pictures(catalog.find("shapes")).known.all()
    run.write_codes(table.assign(sprite_index=np.where(np.arange(N) < 9, np.arange(N), -1)))
    assert test_pictures.pictures(catalog.find("shapes")).known.sum() == 9
    run.write_codes(table.assign(id=table["id"].str.replace("rendered", "other"), sprite_index=-1))
    assert not test_pictures.pictures(catalog.find("shapes")).known.any()


def test_the_bundled_digits_are_those_of_the_bundled_codes(tmp_path, monkeypatch):
    """Every one of the 10,000 points of the bundled models has its picture, without any other data."""
    monkeypatch.setenv("GWAE_DATA", str(tmp_path))
    bundled = [entry for entry in catalog.entries() if entry.bundled and entry.data_title == "MNIST"]
    assert bundled
    for entry in bundled:
        found = test_pictures.pictures(entry)
        assert len(found.known) == 10_000
        assert found.known.all()


def test_bundled_data_are_no_model():
    assert (ROOT / "pretrained" / test_pictures.BUNDLED / "MNIST").is_dir()
    assert test_pictures.BUNDLED not in [entry.name for entry in catalog.entries()]
