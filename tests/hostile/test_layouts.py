"""Folders as people have them: splits and classes as their maker meant them, and said before anything is read."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pytest

from tests.hostile.zips import CENTRAL, END, LOCAL, picture
from trainer.config import DataConfig
from trainer.data import celeba, collect, load
from trainer.data.arrangement import arrange, in_words
from trainer.data.survey import survey
from trainer.data.zips import Limits
from trainer.errors import UserError
from trainer.system import ROOT


def classes(top: str, count: int) -> list[str]:
    return [f"{top}{kind}/{i}.png" for kind in ("cat", "dog") for i in range(count)]


LAYOUTS = {  # names: training pictures, test pictures, classes, left out
    "train and val": (classes("train/", 20) + classes("val/", 6), 40, 12, 2, 0),
    "train and valid": (classes("train/", 20) + classes("valid/", 6), 40, 12, 2, 0),
    "Training and Testing": (classes("Training/", 20) + classes("Testing/", 6), 40, 12, 2, 0),
    "training_set and test_set": (classes("training_set/", 20) + classes("test_set/", 6), 40, 12, 2, 0),
    "train-images and test-images": (classes("train-images/", 20) + classes("test-images/", 6), 40, 12, 2, 0),
    "train, val and test": (classes("train/", 20) + classes("val/", 3) + classes("test/", 6), 46, 12, 2, 0),
    "a stray file beside the split": (classes("train/", 20) + classes("test/", 6) + ["x.png"], 40, 12, 2, 1),
    "a stray file beside classes": ([*classes("", 20), "overview.png"], None, None, 2, 1),
    "a folder beside the split": (classes("train/", 20) + classes("test/", 6) + ["docs/logo.png"], 40, 12, 2, 1),
    "a flat test folder": (classes("train/", 20) + [f"test/{i}.png" for i in range(9)], 40, 9, 2, 0),
    "train/images": (classes("train/images/", 20) + classes("test/images/", 6), 40, 12, 2, 0),
    "images/train": (classes("images/train/", 20) + classes("images/test/", 6), 40, 12, 2, 0),
    "flat split": ([f"train/{i}.png" for i in range(20)] + [f"test/{i}.png" for i in range(5)], 20, 5, 0, 0),
    "only train": (classes("train/", 20), None, None, 2, 0),
    "flat": ([f"{i}.png" for i in range(40)], None, None, 0, 0),
    "half in folders": (classes("", 5) + [f"{i}.png" for i in range(10)], None, None, 0, 0),
    "classes that sound like splits": ([f"{k}/{i}.png" for k in ("bus", "train") for i in range(9)], None, None, 2, 0),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_layouts_mean_what_their_maker_meant(what):
    names, train, test, kinds, left = LAYOUTS[what]
    places = arrange(sorted(names))
    splits = [place.split for place in places]
    if train is not None:
        assert (splits.count("train"), splits.count("test")) == (train, test)
    assert len({place.label for place in places} - {None}) == kinds
    assert splits.count("") == left == sum(bool(place.reason) for place in places)
    said = in_words(places)
    assert ("; no classes" in said) == (kinds == 0)
    assert (f"{left} file left out" in said) == bool(left)


def fill(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture())
    return folder


def test_clutter_of_network_drives_and_systems_is_passed_over(tmp_path):
    clutter = ["@eaDir/1.png", "cat/@eaDir/1.png", ".thumbnails/1.png", "__MACOSX/cat/1.png", "cat/.hidden/1.png"]
    folder = fill(tmp_path, classes("", 8) + clutter)
    images = load(DataConfig(name="folder", path=str(folder)), "all")
    assert (len(images), images.label_names, images.skipped) == (16, ("cat", "dog"), ())


@pytest.mark.skipif(os.name == "nt", reason="links of Unix")
def test_links_to_folders_are_followed_once_and_circles_are_named(tmp_path):
    real = fill(tmp_path / "real", classes("", 8))
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "cat").symlink_to(real / "cat")
    (linked / "dog").symlink_to(real / "dog")
    (linked / "again").symlink_to(real / "cat")
    (linked / "circle").symlink_to(linked)
    (linked / "up").symlink_to(tmp_path)
    images = load(DataConfig(name="folder", path=str(linked)), "all")
    assert len(images) == 16
    assert sum("a link to a folder that is read already" in text for text in images.skipped) == 3


READING = """
import os, sys
from trainer.config import DataConfig
from trainer.data import celeba, collect, load
data = DataConfig(name="folder", path=sys.argv[1])
if os.geteuid() == 0:  # root reads everything, and what is imported, too
    load(data, "all")
    os.setgid(65534)
    os.setuid(65534)
print(len(images := load(data, "all")), *images.skipped)
"""


@pytest.mark.skipif(os.name == "nt", reason="permissions of Unix")
def test_an_unreadable_folder_is_named():
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        folder = fill(Path(place), [*classes("", 8), "owl/1.png"])
        folder.chmod(0o755)
        (folder / "owl").chmod(0)
        command = [sys.executable, "-c", READING, place]
        said = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
        (folder / "owl").chmod(0o755)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("16 ")
    assert "owl: the folder cannot be read (Permission denied)" in said.stdout


def test_home_and_variables_in_paths(tmp_path, monkeypatch):
    fill(tmp_path / "pets", classes("", 8))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PETS", str(tmp_path / "pets"))
    for path in ("~/pets", "$PETS", "${PETS}"):
        assert "2 classes: cat 8, dog 8" in survey(path, Path("/none")).about
        assert len(load(DataConfig(name="folder", path=path), "all", Path("/none"))) == 16


CELEBA = 202_599


def test_the_complete_celeba_is_read(tmp_path):
    """As many files as the published zip has; its own limit is above that of users' folders."""
    root = tmp_path / "celeba"
    root.mkdir()
    content = picture()
    head = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 33, zlib.crc32(content), len(content), len(content), 27, 0)
    with open(root / "img_align_celeba.zip", "wb") as file:
        central, at = [], 0
        for number in range(1, CELEBA + 1):
            name = b"img_align_celeba/%06d.jpg" % number
            local = LOCAL + head + name + content
            central.append(CENTRAL + b"\x14\0" + head + bytes(10) + struct.pack("<I", at) + name)
            at += file.write(local)
        directory = b"".join(central)
        file.write(directory)
        record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, CELEBA, CELEBA, len(directory), at)
        file.write(record + b"PK\x06\x07" + struct.pack("<IQI", 0, at + len(directory), 1))
        file.write(END + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    parts = "".join(f"{i:06d}.jpg {2 if i > CELEBA - 40 else 0}\n" for i in range(1, CELEBA + 1))
    (root / "list_eval_partition.txt").write_text(parts)
    images = load(DataConfig(name="celeba", size=32, channels=3), "test", tmp_path)
    assert (len(images), images.skipped) == (40, ())


def test_as_a_folder_it_has_its_own_limit_too(tmp_path, monkeypatch):
    """The complete folder is 202,599 files; here the limit of users' folders is lowered instead."""
    assert celeba.LIMITS.files >= CELEBA
    monkeypatch.setattr(collect, "LIMITS", Limits(files=20))
    folder = fill(tmp_path / "celeba" / "img_align_celeba", [f"{i:06d}.jpg" for i in range(1, 31)])
    (folder.parent / "list_eval_partition.txt").write_text("".join(f"{i:06d}.jpg 0\n" for i in range(1, 31)))
    assert len(load(DataConfig(name="celeba", size=32, channels=3), "train", tmp_path)) == 30
    with pytest.raises(UserError, match="more than 20 files"):
        load(DataConfig(name="folder", path=str(folder)), "all")
