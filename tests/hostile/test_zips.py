"""At least 60 hostile zips through the three doors: a training's folder, its uploads, and pictures to check."""

from __future__ import annotations

import io
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest

from explorer.shared.uploads import read_files
from explorer.train.uploads import pack
from tests.fixtures import zipped
from tests.hostile import zips
from trainer.config import DataConfig
from trainer.data import load
from trainer.data.survey import survey
from trainer.errors import UserError
from trainer.manage import archive

NAMED = dict(zips.named())
ALL = {**dict(zips.lying()), **dict(zips.expanding()), **dict(zips.unsafe()), **dict(zips.mutants(40))}
SECONDS, MEGABYTES = 2.0, 300


def doors(content: bytes, folder: Path) -> list[str]:
    """What the three doors say of a zip: a sentence each, or "" for pictures."""
    path = folder / "x.zip"
    path.write_bytes(content)
    found = []
    for call in (
        lambda: load(DataConfig(name="folder", path=str(path)), "all"),
        lambda: pack([("x.zip", content)], folder / "packed.zip"),
        lambda: read_files([("x.zip", content)], (1, 32, 32)),
    ):
        try:
            call()
            found.append("")
        except UserError as error:
            found.append(str(error))
    assert "\n" not in "".join(found)
    return found


def test_there_are_enough():
    assert len(ALL) + len(NAMED) >= 60


@pytest.mark.parametrize("what", [*ALL])
def test_hostile_zips_end_in_pictures_or_a_sentence(tmp_path, what):
    before = time.process_time()
    tracemalloc.start()
    said = doors(ALL[what], tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - before < 3 * SECONDS
    assert peak < MEGABYTES * 2**20
    assert all(len(sentence) < 700 for sentence in said)
    assert {path.name for path in tmp_path.rglob("*")} <= {"x.zip", "packed.zip"}


@pytest.mark.parametrize("what", [*NAMED])
def test_names_of_other_systems_are_read_alike_at_every_door(tmp_path, what):
    assert doors(NAMED[what], tmp_path) == ["", "", ""]
    for name in ("x.zip", "packed.zip"):
        images = load(DataConfig(name="folder", path=str(tmp_path / name)), "all")
        assert images.label_names == ("Bär", "Kätzchen")
        assert len(images) == 20
        assert "2 classes: Bär 10, Kätzchen 10" in survey(str(tmp_path / name), tmp_path).about


def test_other_code_pages_keep_their_folders_apart_though_not_their_names(tmp_path):
    """Nothing tells Shift-JIS from code page 437; its backslashes, second bytes of characters, are no separators."""
    names = [f"{kind}/{i}.png" for kind in ("表A", "ソB", "犬") for i in range(10)]
    assert doors(zips.in_encoding(names, "shift_jis", system=0), tmp_path) == ["", "", ""]
    images = load(DataConfig(name="folder", path=str(tmp_path / "x.zip")), "all")
    assert len(images.label_names) == 3
    assert len(images) == 30


RUN = {"a/config.yaml": b"name: a\n"}


@pytest.mark.parametrize("what", [*ALL])
def test_a_hostile_zip_is_no_run(tmp_path, what):
    before = time.process_time()
    (tmp_path / "x.zip").write_bytes(ALL[what])
    with pytest.raises(UserError) as said:
        archive.import_zip(tmp_path / "x.zip", tmp_path / "runs")
    assert "\n" not in str(said.value)
    assert time.process_time() - before < SECONDS
    assert [*(tmp_path / "runs").iterdir()] == []


def test_runs_are_read_as_pictures_are(tmp_path):
    """zip64, names of other systems and what macOS adds, by the same reader."""
    clutter = {"__MACOSX/a/._config.yaml": b"x", "a/.DS_Store": b"x"}
    (tmp_path / "x.zip").write_bytes(zipped(RUN | clutter))
    assert archive.import_zip(tmp_path / "x.zip", tmp_path / "runs").name == "a"
    for what, name in (("unsafe path", "a/../../config.yaml"), ("second entry", "a/config.yaml")):
        buffer = io.BytesIO(zipped(RUN))
        with zipfile.ZipFile(buffer, "a") as packed, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            packed.writestr(name, b"name: b\n")
        (tmp_path / "x.zip").write_bytes(buffer.getvalue())
        with pytest.raises(UserError, match=what):
            archive.import_zip(tmp_path / "x.zip", tmp_path / "runs")


def test_what_unpacks_to_hundreds_of_times_its_size_is_refused_everywhere(tmp_path):
    said = doors(ALL["30 bitmaps of 20 MiB"], tmp_path)
    assert all("times its size" in sentence or "when unpacked" in sentence for sentence in said)


def packed(tmp_path, uploads) -> tuple[int, tuple[str, ...]]:
    pack(uploads, tmp_path / "packed.zip")
    images = load(DataConfig(name="folder", path=str(tmp_path / "packed.zip")), "all")
    return len(images), images.label_names


def both(start: int, end: int, top: str = "") -> list[str]:
    return [f"{top}{kind}/{i}.png" for kind in ("cat", "dog") for i in range(start, end)]


def test_two_zips_of_one_set_are_its_union(tmp_path):
    parts = [("part1.zip", zips.zipped(both(0, 20))), ("part2.zip", zips.zipped(both(20, 40)))]
    assert packed(tmp_path, parts) == (80, ("cat", "dog"))
    split = [("a1.zip", zips.zipped(both(0, 20, "train/"))), ("a2.zip", zips.zipped(both(0, 5, "test/")))]
    assert packed(tmp_path, split) == (50, ("cat", "dog"))
    same = [("part1.zip", zips.zipped(both(0, 20))), ("part2.zip", zips.zipped(both(0, 20)))]
    assert packed(tmp_path, same) == (80, ("cat", "dog"))  # names that repeat get a number


def test_zips_without_folders_are_classes_unless_they_are_parts(tmp_path):
    flat = zips.zipped([f"{i}.png" for i in range(10)])
    assert packed(tmp_path, [("cats.zip", flat), ("dogs.zip", flat)]) == (20, ("cats", "dogs"))
    assert packed(tmp_path, [("set-part1.zip", flat), ("set-part2.zip", flat)]) == (20, ())


def test_a_loose_picture_beside_a_zip_does_not_cost_the_classes(tmp_path):
    uploads = [("all.zip", zips.zipped(both(0, 20))), ("extra.png", zips.picture())]
    assert packed(tmp_path, uploads) == (40, ("cat", "dog"))
