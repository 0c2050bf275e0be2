"""The two data sets of 3D Shapes: the stored pictures, the splits, and the published file's structure."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from urllib.error import URLError

import h5py
import numpy as np
import pytest
import torch

from trainer.config import DataConfig
from trainer.data import load, shapes3d, shapes3d_file
from trainer.data.imageset import ImageSet, split_validation
from trainer.data.rendering import COUNT, FACTORS, factors_of, index_of, render_indices, store, values_of
from trainer.data.rows import Rows
from trainer.errors import UserError

FEW = 960  # two combinations of hues
FIRST_TEST_PLACES = [8, 37, 38, 39, 40, 45]  # what the first version drew


def settings(name: str = "shapes3d-rendered", **changes) -> DataConfig:
    return DataConfig(name=name, **{"size": 32, "channels": 3} | changes)


def few_places() -> torch.Tensor:
    return torch.arange(0, COUNT, 7919)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A data root whose picture file is whole but, to be quick, holds only some of the pictures (the rest is black)."""
    folder = tmp_path_factory.mktemp("data")
    path = store.rendered_path(folder, 32)
    path.parent.mkdir()
    pictures = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(COUNT, 3, 32, 32), version=(1, 0))
    pictures[few_places().numpy()] = render_indices(factors_of(few_places()), 32).numpy()
    pictures.flush()
    return folder


# --- rendered pictures -------------------------------------------------------------------------------------------


def test_every_picture_belongs_to_its_factors_and_its_id(root):
    images = load(settings(), "all", root)
    assert len(images) == COUNT
    assert images.factor_names == FACTORS
    assert images.labels is None
    assert torch.equal(images.images[few_places()], render_indices(images.factors[few_places()], 32))
    assert images.ids[123] == "shapes3d-rendered-000123"
    assert images.ids[-1] == "shapes3d-rendered-479999"


def test_train_and_test_divide_the_grid(root):
    train, test = (load(settings(), split, root) for split in ("train", "test"))
    assert (len(train), len(test)) == (432_000, 48_000)
    places = torch.cat([index_of(train.factors), index_of(test.factors)])
    assert len(places.unique()) == COUNT
    assert [int(id_[-6:]) for id_ in test.ids] == index_of(test.factors).tolist()
    for factor in range(6):  # drawn at random: every value of every factor is in the test set, about equally often
        counts = test.factors[:, factor].bincount().float()
        assert counts.min() > 0.9 * counts.mean()


def test_the_split_is_frozen():
    """A model trained elsewhere must be tested on what it has not seen."""
    places = shapes3d.split_places()
    assert places["test"][:6].tolist() == FIRST_TEST_PLACES
    assert not set(places["test"].tolist()) & set(places["train"].tolist())


def test_grey_pictures_are_those_of_pillow(root):
    from PIL import Image

    coloured, grey = (load(settings(channels=channels), "all", root) for channels in (3, 1))
    assert tuple(grey.images.shape) == (COUNT, 1, 32, 32)
    for place in few_places()[:10].tolist():
        expected = np.asarray(Image.fromarray(coloured.images[place].permute(1, 2, 0).numpy()).convert("L"))
        assert np.array_equal(grey.images[place][0].numpy(), expected)


def test_training_and_validation_read_nothing_until_asked(root):
    train, validation = split_validation(load(settings(), "train", root), 0.1, 0)
    assert isinstance(train.images, Rows)
    assert isinstance(validation.images, Rows)
    assert train.images.store is validation.images.store
    assert isinstance(train.images.store, np.memmap)
    assert (len(train), len(validation)) == (388_800, 43_200)
    assert not set(train.ids[::100]) & set(validation.ids)
    at = int(np.nonzero(np.isin(train.images.index, few_places().numpy()))[0][0])
    assert torch.equal(train.float_batch([at]), render_indices(train.factors[[at]], 32).float() / 255)


def test_a_stored_file_is_used_again(root, monkeypatch):
    monkeypatch.setattr(store, "rendered_blocks", lambda *_: pytest.fail("rendered again"))
    before = store.rendered_path(root, 32).stat().st_mtime_ns
    load(settings(), "test", root)
    assert store.rendered_path(root, 32).stat().st_mtime_ns == before


def test_another_renderer_is_another_file(tmp_path, monkeypatch):
    before = store.rendered_path(tmp_path, 32)
    assert store.rendered_path(tmp_path, 64) != before
    assert store.rendered_path(tmp_path, 32) == before
    monkeypatch.setattr("trainer.data.rendering.scene.HIGHLIGHT", 0.3)
    assert store.rendered_path(tmp_path, 32) != before


def test_blocks_are_the_pictures_in_order():
    steps = []
    pictures = np.concatenate(list(store.rendered_blocks(32, lambda *step: steps.append(step), FEW)))
    assert np.array_equal(pictures, render_indices(factors_of(torch.arange(FEW)), 32).numpy())
    assert steps == [(480, FEW), (FEW, FEW)]


# --- the stored file ---------------------------------------------------------------------------------------------

SHAPE = (10, 3, 4, 4)
PICTURES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


def made(path: Path) -> np.ndarray:
    return store.mapped(path, SHAPE, lambda: [PICTURES[:6], PICTURES[6:]])


def test_a_file_is_made_once_and_mapped(tmp_path):
    path = tmp_path / "folder" / "pictures.npy"
    first = made(path)
    assert np.array_equal(first, PICTURES)
    assert isinstance(first, np.memmap)
    assert not first.flags.writeable
    again = store.mapped(path, SHAPE, lambda: pytest.fail("made again"))
    assert np.array_equal(again, PICTURES)


@pytest.mark.parametrize("damage", ["cut", "empty", "other shape"])
def test_a_file_that_is_not_whole_is_made_anew(tmp_path, damage):
    path = tmp_path / "pictures.npy"
    made(path)
    if damage == "other shape":
        np.save(path, PICTURES[:5])
    else:
        os.truncate(path, path.stat().st_size - 20 if damage == "cut" else 0)
    assert np.array_equal(made(path), PICTURES)


def test_a_killed_attempt_is_ignored_and_removed(tmp_path):
    path = tmp_path / "pictures.npy"
    leftover = tmp_path / f".{path.name}.999999999.tmp"  # no process has such a number
    leftover.write_bytes(b"half")
    assert np.array_equal(made(path), PICTURES)
    assert not leftover.exists()


def test_an_error_on_the_way_leaves_no_file(tmp_path):
    path = tmp_path / "pictures.npy"

    def blocks():
        yield PICTURES[:6]
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        store.mapped(path, SHAPE, blocks)
    assert not path.exists()
    assert not list(tmp_path.glob(".*.tmp"))


def test_too_few_pictures_are_no_file(tmp_path):
    with pytest.raises(ValueError, match="6 pictures were given for 10"):
        store.mapped(tmp_path / "pictures.npy", SHAPE, lambda: [PICTURES[:6]])
    assert not (tmp_path / "pictures.npy").exists()


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10**6}))
    with pytest.raises(UserError, match=r"needs 1\.5 GB, and the disk has 0\.0 GB free; .*--data-root") as caught:
        load(settings(), "test", tmp_path)
    assert "\n" not in str(caught.value)


# --- rows --------------------------------------------------------------------------------------------------------


def test_rows_index_like_a_tensor():
    rows, tensor = Rows(PICTURES, np.array([4, 2, 9, 0])), torch.from_numpy(PICTURES)[[4, 2, 9, 0]]
    assert rows.shape == tensor.shape
    assert len(rows) == 4
    assert rows.dtype == tensor.dtype
    for key in (1, -1, slice(1, 3), [0, 3], [], np.array([2, 2]), torch.tensor([3, 1]), (2, 0), (slice(0, 2), 1)):
        assert torch.equal(rows[key], tensor[key]), key
    assert torch.equal(rows[1, :, 2:], tensor[1, :, 2:])
    assert np.array_equal(rows.numpy(), tensor.numpy())
    assert torch.equal(rows.take([2, 0])[:], tensor[[2, 0]])


def test_what_is_read_may_be_written_to():
    stored = PICTURES.copy()
    pictures = Rows(stored, np.arange(10))[:]
    pictures.fill_(0)
    assert np.array_equal(stored, PICTURES)


def test_a_set_of_rows_is_as_good_as_one_in_memory():
    parts = {"labels": None, "label_names": (), "ids": tuple("abcdefghij"), "name": "X", "split": "all"}
    lazy, eager = (ImageSet(images=i, **parts) for i in (Rows(PICTURES, np.arange(10)), torch.from_numpy(PICTURES)))
    for rows in (slice(2, 5), [7, 1], torch.tensor([0])):
        assert torch.equal(lazy.subset(rows).images[:], eager.subset(rows).images)
        assert lazy.subset(rows).ids == eager.subset(rows).ids
        assert torch.equal(lazy.float_batch(rows), eager.float_batch(rows))


# --- the published file ------------------------------------------------------------------------------------------


def write_h5(path: Path, labels: np.ndarray | None = None, side: int = 64) -> np.ndarray:
    """A file of the published structure with random pixels in its first chunk only; returns those, (20, 64, 64, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(1).integers(0, 256, (20, side, side, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        images = file.create_dataset(
            "images", (COUNT, side, side, 3), np.uint8, chunks=(20, side, side, 3), compression="gzip"
        )
        images[:20] = pixels
        file["labels"] = values_of(factors_of(torch.arange(COUNT))).numpy() if labels is None else labels
    return pixels


def test_the_published_structure_is_read(tmp_path):
    pixels = write_h5(tmp_path / "3dshapes.h5")
    found = np.concatenate(list(shapes3d_file.blocks(tmp_path / "3dshapes.h5", 64, count=30)))
    assert found.shape == (30, 3, 64, 64)
    assert np.array_equal(found[:20].transpose(0, 2, 3, 1), pixels)
    assert not found[20:].any()


def test_half_the_size_is_the_mean_of_four(tmp_path):
    pixels = write_h5(tmp_path / "3dshapes.h5").astype(int)
    found = next(iter(shapes3d_file.blocks(tmp_path / "3dshapes.h5", 32, count=20)))
    sums = pixels[:, 0::2, 0::2] + pixels[:, 1::2, 0::2] + pixels[:, 0::2, 1::2] + pixels[:, 1::2, 1::2]
    assert np.array_equal(found.transpose(0, 2, 3, 1), (sums + 2) // 4)


def test_blocks_join_without_a_seam(tmp_path, monkeypatch):
    write_h5(tmp_path / "3dshapes.h5")
    whole = next(iter(shapes3d_file.blocks(tmp_path / "3dshapes.h5", 64, count=20)))
    monkeypatch.setattr(shapes3d_file, "_BLOCK", 7)
    steps = []
    parts = list(shapes3d_file.blocks(tmp_path / "3dshapes.h5", 64, lambda *step: steps.append(step), count=20))
    assert np.array_equal(np.concatenate(parts), whole)
    assert steps == [(7, 20), (14, 20), (20, 20)]


def refusal(call) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_structure_is_refused(tmp_path):
    file = tmp_path / "3dshapes.h5"
    write_h5(file, side=32)
    assert "(480000, 64, 64, 3) named 'images'" in refusal(lambda: list(shapes3d_file.blocks(file, 64, count=1)))
    write_h5(file, labels=values_of(factors_of(torch.arange(COUNT).flip(0))).numpy())
    assert "published order" in refusal(lambda: list(shapes3d_file.blocks(file, 64, count=1)))
    file.write_bytes(b"not HDF5" * 100)
    assert "cannot be read as HDF5" in refusal(lambda: list(shapes3d_file.blocks(file, 64, count=1)))


def test_a_damaged_file_is_refused_by_its_checksum(tmp_path):
    (tmp_path / "3dshapes").mkdir()
    (tmp_path / "3dshapes" / "3dshapes.h5").write_bytes(b"cut short")
    assert "MD5" in refusal(lambda: load(settings("shapes3d"), "test", tmp_path))


def test_an_absent_file_without_network_names_place_and_address(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise URLError("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    text = refusal(lambda: load(settings("shapes3d"), "test", tmp_path))
    assert "https://storage.googleapis.com/3d-shapes/3dshapes.h5" in text
    assert str(tmp_path / "3dshapes") in text


def test_unpacked_pictures_need_no_compressed_file(tmp_path):
    path = tmp_path / "3dshapes" / "3dshapes-32.npy"
    path.parent.mkdir()
    pictures = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(COUNT, 3, 32, 32), version=(1, 0))
    pictures[5] = 77
    pictures.flush()
    images = load(settings("shapes3d"), "all", tmp_path)
    assert images.ids[5] == "shapes3d-000005"
    assert int(images.images[5].min()) == 77
    assert load(settings("shapes3d"), "test", tmp_path).ids[0] == f"shapes3d-{FIRST_TEST_PLACES[0]:06d}"


def test_the_real_file_looks_like_the_rendered_pictures():
    root = Path(os.environ.get("GWAE_DATA") or "data")
    if not (root / "3dshapes" / "3dshapes.h5").is_file():
        pytest.skip("3dshapes.h5 is not in GWAE_DATA")
    pixels = next(iter(shapes3d_file.blocks(root / "3dshapes" / "3dshapes.h5", 64, count=480)))
    ours = render_indices(factors_of(torch.arange(480))).numpy()
    squared = ((pixels.astype(float) - ours) / 255) ** 2
    assert (-10 * np.log10(squared.mean((1, 2, 3)))).mean() > 20
