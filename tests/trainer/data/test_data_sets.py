"""ImageSet, its split, and the data sets by name: on small files of the real formats, and on the real data."""

from __future__ import annotations

import gzip
import struct
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from trainer.config import DataConfig
from trainer.data import DATASETS, default_data_root, load, torchvision_shim
from trainer.data.digits import NAMES, fit_digits
from trainer.data.imageset import ImageSet, split_validation
from trainer.errors import UserError


def picture_set(n: int = 20) -> ImageSet:
    return ImageSet(
        images=torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 4, 4).contiguous(),
        labels=torch.arange(n) % 3,
        label_names=("a", "b", "c"),
        ids=tuple(f"x-{index:02d}" for index in range(n)),
        name="X",
        split="train",
        factors=torch.arange(2 * n).view(n, 2),
        factor_names=("hue", "scale"),
    )


def write_idx(path: Path, values: np.ndarray) -> None:
    """The IDX format: 0, 0, type 8 (bytes), number of axes, their lengths big-endian, bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_digits(root: Path, kind: str = "MNIST", train: int = 30, test: int = 10) -> np.ndarray:
    """Both splits with random pixels; returns the test pixels."""
    generator = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        pixels = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        write_idx(root / kind / "raw" / f"{part}-images-idx3-ubyte", pixels)
        write_idx(root / kind / "raw" / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    return pixels


def refusal(*args, **options) -> str:
    with pytest.raises(UserError) as caught:
        load(*args, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_options):
        raise URLError("network is cut")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


# --- ImageSet --------------------------------------------------------------------------------------------------------


def test_subset_keeps_everything_together():
    images = picture_set()
    part = images.subset([7, 2, 19])
    assert part.ids == ("x-07", "x-02", "x-19")
    assert part.images[:, 0, 0, 0].tolist() == [7, 2, 19]
    assert part.labels.tolist() == [1, 2, 1]
    assert part.factors.tolist() == [[14, 15], [4, 5], [38, 39]]
    assert (part.label_names, part.name, part.split) == (images.label_names, "X", "train")
    assert images.subset(slice(3, 5)).ids == ("x-03", "x-04")
    assert len(images.subset([])) == 0
    part.images.zero_()
    assert images.images[7, 0, 0, 0] == 7  # a copy, not a window


def test_float_batch_is_bytes_over_255():
    images = picture_set()
    for indices in ([0, 5], torch.tensor([0, 5]), np.array([0, 5])):
        batch = images.float_batch(indices)
        assert batch.dtype == torch.float32
        assert batch.shape == (2, 1, 4, 4)
        assert torch.equal(batch[1], torch.full((1, 4, 4), 5) / 255)
    assert images.images[5, 0, 0, 0] == 5


@pytest.mark.parametrize(
    "change",
    [
        {"images": torch.zeros(2, 1, 4, 4)},
        {"images": torch.zeros(2, 4, 4, dtype=torch.uint8)},
        {"ids": ("one",)},
        {"labels": torch.zeros(3, dtype=torch.int64)},
        {"labels": torch.zeros(2)},
        {"factors": torch.zeros(2, 3, dtype=torch.int64), "factor_names": ("only",)},
    ],
)
def test_inconsistent_sets_cannot_be_made(change):
    parts = {
        "images": torch.zeros(2, 1, 4, 4, dtype=torch.uint8),
        "labels": None,
        "label_names": (),
        "ids": ("one", "two"),
        "name": "X",
        "split": "test",
    }
    assert len(ImageSet(**parts)) == 2
    with pytest.raises(ValueError, match=r"images|ids|labels|factors"):
        ImageSet(**(parts | change))


@pytest.mark.parametrize(
    ("n", "share", "expected"), [(20, 0.1, 2), (20, 0.25, 5), (2, 0.1, 1), (3, 0.45, 1), (7, 0.99, 6)]
)
def test_validation_is_disjoint_complete_and_of_its_share(n, share, expected):
    images = picture_set(n)
    training, validation = split_validation(images, share, seed=3)
    assert len(validation) == expected
    assert sorted(training.ids + validation.ids) == sorted(images.ids)
    assert not set(training.ids) & set(validation.ids)
    assert list(training.ids) == sorted(training.ids)


def test_validation_depends_on_the_seed_alone():
    images = picture_set(200)
    first = split_validation(images, 0.1, seed=5)[1].ids
    torch.manual_seed(1)
    np.random.seed(1)
    assert split_validation(images, 0.1, seed=5)[1].ids == first
    assert split_validation(images, 0.1, seed=6)[1].ids != first
    assert split_validation(images, 0.1, seed=2**40)[1].ids != first  # any seed the configuration allows


def test_validation_is_the_same_across_versions_and_machines():
    # Frozen on purpose: another split would leak validation pictures into the training of a resumed run.
    assert split_validation(picture_set(20), 0.25, seed=0)[1].ids == ("x-01", "x-04", "x-09", "x-10", "x-11")


def test_one_picture_cannot_be_divided():
    with pytest.raises(UserError, match="at least 2"):
        split_validation(picture_set(1), 0.5, seed=0)


# --- by name ---------------------------------------------------------------------------------------------------------


def test_unknown_names_list_the_valid_ones(tmp_path):
    assert f"choose one of {', '.join(DATASETS)}." in refusal("mnits", "train", tmp_path)
    assert "train, test" in refusal("mnist", "validation", tmp_path)
    assert "data.path" in refusal("folder", "train", tmp_path)


def test_registry_agrees_with_the_configuration():
    names = DataConfig.model_fields["name"].annotation.__args__
    assert set(DATASETS) == set(names)
    for name in set(names) - {"folder"}:
        info = DATASETS[name]
        DataConfig(name=name, size=info.size, channels=info.channels)
        assert info.url.startswith("https://") or name == "shapes3d-rendered"  # made here
        assert info.licence
    assert not DATASETS["omniglot"].may_bundle
    assert not DATASETS["folder"].may_bundle


def test_default_root(monkeypatch):
    monkeypatch.setenv("GWAE_DATA", "/somewhere")
    assert default_data_root() == Path("/somewhere")
    monkeypatch.setenv("GWAE_DATA", "")
    assert default_data_root() == Path("data")
    monkeypatch.delenv("GWAE_DATA")
    assert default_data_root() == Path("data")


# --- digits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_digits_are_padded_and_keep_every_byte(tmp_path, no_network, name, kind):
    pixels = write_digits(tmp_path, kind)
    images = load(name, "test", tmp_path)
    assert images.images.shape == (10, 1, 32, 32)
    assert np.array_equal(images.images[:, 0, 2:30, 2:30].numpy(), pixels)
    assert images.images.sum() == pixels.sum(dtype=np.int64)  # so the border is black
    assert images.labels.tolist() == list(range(10))
    assert len(images.label_names) == 10
    assert images.ids[3] == f"{name}-test-00003"
    assert (images.name, images.split, len(load(name, "train", tmp_path))) == (DATASETS[name].title, "test", 30)


def test_colour_from_grey_is_the_same_three_times(tmp_path, no_network):
    write_digits(tmp_path)
    images = load(DataConfig(name="mnist", channels=3), "test", tmp_path).images
    assert images.shape == (10, 3, 32, 32)
    assert torch.equal(images[:, 0], images[:, 2])
    assert images.is_contiguous()


def test_64_is_the_padded_picture_enlarged_smoothly():
    pixels = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (5000, 28, 28), dtype=np.uint8))
    large = fit_digits(pixels, 64)
    assert large.shape == (5000, 1, 64, 64)
    padded = np.pad(pixels.numpy().astype(float), ((0, 0), (3, 3), (3, 3)))  # 2 as for 32, and 1 that repeats the edge
    along = np.stack([padded[:, :-2] + 3 * padded[:, 1:-1], 3 * padded[:, 1:-1] + padded[:, 2:]], 2) / 4
    along = along.reshape(5000, 64, 34)
    both = np.stack([along[..., :-2] + 3 * along[..., 1:-1], 3 * along[..., 1:-1] + along[..., 2:]], 3) / 4
    assert np.abs(large[:, 0].numpy() - both.reshape(5000, 64, 64)).max() <= 0.5  # bilinear at double size, rounded
    constant = fit_digits(torch.full((1, 28, 28), 200, dtype=torch.uint8), 64)[0, 0]
    assert torch.all(constant[8:56, 8:56] == 200)
    with pytest.raises(ValueError, match="32 or 64"):
        fit_digits(pixels, 28)


@pytest.mark.parametrize(
    ("name", "place"),
    [("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw"), ("omniglot", "omniglot-py/images_background")],
)
def test_absent_data_says_where_it_looked_and_where_to_get_it(tmp_path, no_network, capsys, name, place):
    text = refusal(name, "test", tmp_path)
    assert str(tmp_path / place) in text
    assert DATASETS[name].url in text
    assert "network is cut" in text
    assert "--data-root" in text
    assert capsys.readouterr().out == ""  # standard output is for results


def test_a_root_that_cannot_be_written(tmp_path, no_network):
    (tmp_path / "file").write_text("in the way")
    assert "could not be downloaded" in refusal("mnist", "test", tmp_path / "file")


def test_absent_data_is_downloaded(tmp_path, monkeypatch, capsys):
    from trainer.data import torchvision_shim

    def download(self):
        print("torchvision talks")
        write_digits(Path(self.root))

    monkeypatch.setattr(torchvision_shim.datasets().MNIST, "download", download)
    assert len(load("mnist", "test", tmp_path)) == 10
    output = capsys.readouterr()
    assert output.out == ""
    assert "downloading" in output.err


def test_a_split_needs_its_own_files_only_and_may_be_compressed(tmp_path, no_network):
    pixels = write_digits(tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    plain = load("mnist", "test", tmp_path)
    for path in list(raw.iterdir()):
        if path.name.startswith("t10k"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    images = load("mnist", "test", tmp_path)
    assert torch.equal(images.images, plain.images)
    assert torch.equal(images.labels, plain.labels)
    assert np.array_equal(images.images[:, 0, 2:30, 2:30].numpy(), pixels)
    assert "could not be downloaded" in refusal("mnist", "train", tmp_path)


def test_label_names_are_those_of_torchvision():
    for name, kind in (("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")):
        theirs = getattr(torchvision_shim.datasets(), kind).classes
        assert NAMES[name] == tuple(text.split(" - ")[0] for text in theirs)


@pytest.mark.parametrize("damage", ["cut", "long", "huge", "text", "labels", "floats"])
def test_damaged_compressed_digits_are_named(tmp_path, no_network, damage):
    write_digits(tmp_path)
    path = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    content = path.read_bytes()
    path.unlink()
    path = path.with_name(f"{path.name}.gz")
    packed = gzip.compress(
        {
            "long": content + b"\0",
            "huge": struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31) + b"\0" * 100,
            "labels": struct.pack(">HBBI", 0, 8, 1, 10) + bytes(10),
            "floats": struct.pack(">HBB3I", 0, 13, 3, 10, 28, 28) + bytes(7840),
        }.get(damage, content)
    )
    path.write_bytes({"cut": packed[:-300], "text": b"<html>not found</html>"}.get(damage, packed))
    assert "damaged" in refusal("mnist", "test", tmp_path)


@pytest.mark.parametrize("damage", ["cut", "text", "labels", "empty", "size"])
def test_damaged_digits_are_named(tmp_path, no_network, damage):
    write_digits(tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    pixels = raw / "t10k-images-idx3-ubyte"
    if damage == "cut":
        pixels.write_bytes(pixels.read_bytes()[:-100])
    elif damage == "text":
        pixels.write_text("<html>not found</html>")
    elif damage == "labels":
        write_idx(raw / "t10k-labels-idx1-ubyte", np.full(10, 200))
    elif damage == "empty":
        pixels.write_bytes(b"")
    else:
        write_idx(pixels, np.zeros((10, 32, 32)))
    text = refusal("mnist", "test", tmp_path)
    assert "damaged" in text
    assert str(raw) in text


# --- the real data ---------------------------------------------------------------------------------------------------


def real(data_root: Path, place: str) -> Path:
    if not (data_root / place).exists():
        pytest.skip(f"real data: {data_root / place} is absent")
    return data_root


def test_real_mnist(data_root):
    root = real(data_root, "MNIST/raw/train-images-idx3-ubyte")
    train, test = load("mnist", "train", root), load("mnist", "test", root)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The published mean of the 28x28 training pixels is 0.1307.
    assert train.images.double().mean() / 255 * (32 / 28) ** 2 == pytest.approx(0.1307, abs=1e-4)
    assert test.label_names == tuple("0123456789")
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_real_fashion_mnist(data_root):
    test = load("fashion-mnist", "test", real(data_root, "FashionMNIST/raw/t10k-images-idx3-ubyte"))
    assert test.labels.bincount().tolist() == [1000] * 10
    assert test.label_names[test.labels[0]] == "Ankle boot"


def test_real_omniglot(data_root):
    root = real(data_root, "omniglot-py/images_background")
    train, test, both = (load("omniglot", split, root) for split in ("train", "test", "all"))
    assert len(train) + len(test) == len(both)
    assert sorted(train.ids + test.ids) == sorted(both.ids)
    assert not set(train.labels.tolist()) & set(test.labels.tolist())
    assert train.label_names == test.label_names == both.label_names
    assert set(both.labels.bincount().tolist()) == {20}  # 20 drawers for each character
    assert 0.75 < len(train) / len(both) < 0.85
    assert both.images.float().mean() > 200  # black on white, as in the files
    assert both.skipped == ()


def test_real_faces_as_a_folder(data_root):
    path = real(data_root, "faces/celeba-10k") / "faces" / "celeba-10k"
    config = DataConfig(name="folder", path="faces/celeba-10k", size=64, channels=3)
    test = load(config, "test", data_root)
    assert test.images.shape[1:] == (3, 64, 64)
    assert 0.09 < len(test) / sum(1 for _ in path.iterdir()) < 0.11
    assert test.skipped == ()
    assert test.images[:, 0].float().mean() > test.images[:, 2].float().mean()  # skin: more red than blue
