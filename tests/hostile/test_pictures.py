"""At least 150 hostile pictures: a picture or one sentence each, in bounded seconds and memory."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from explorer.shared import uploads
from explorer.shared.uploads import read_files
from tests.hostile import pictures
from trainer.data import isolation
from trainer.data.pictures import check_header, read_picture
from trainer.errors import UserError

BOMBS, ODD, MUTANTS = dict(pictures.bombs()), dict(pictures.odd()), dict(pictures.mutants(120))
SECONDS, MEGABYTES = 2.0, 300


def outcome(content: bytes) -> str:
    """One sentence, or an empty string for a picture."""
    try:
        found = read_picture(content, (1, 32, 32), name="x", max_memory=isolation.MOST_MEMORY, with_notes=True)
    except UserError as error:
        return str(error)
    assert found.array.shape == (1, 32, 32)
    return ""


def checked(sentence: str) -> str:
    """The sentence, which is one."""
    assert sentence == "" or re.fullmatch(r"x: [^\n]{10,200}\.", sentence), sentence
    assert "Error" not in sentence
    return sentence


def children() -> list[Path]:
    return [Path(f"/proc/{worker.process.pid}") for worker in isolation._pool.workers() if worker.is_alive]


def seconds() -> float:
    """Of the processor, by this process and its children, those that have ended included."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system + sum(map(_used, children()))


def _used(child: Path) -> float:
    fields = (child / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_there_are_enough():
    assert len(BOMBS) + len(ODD) + len(MUTANTS) >= 150
    assert max(map(len, BOMBS.values())) < 20 * 2**20


@pytest.mark.parametrize("what", [*BOMBS])
def test_no_picture_takes_more_time_or_memory_than_pictures_do(what):
    outcome(pictures.encoded(pictures.Image.new("L", (9, 9)), "GIF"))  # a child is there
    before = seconds()
    checked(outcome(BOMBS[what]))
    assert seconds() - before < SECONDS
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", (child / "status").read_text()) for child in children()]
    assert all(int(peak[1]) < (MEGABYTES - 20) * 1024 for peak in peaks if peak)  # the server holds the file, too


def test_pictures_of_one_upload_share_the_memory_of_one(monkeypatch):
    """Two that fit together are decoded together; one that needs more waits until it is alone."""
    held, most = [], []
    ask = isolation._Worker.ask

    def watched(worker, header, content, generous):
        held.append(header["memory"])
        most.append(sum(held))
        try:
            return ask(worker, header, content, generous)
        finally:
            held.remove(header["memory"])

    monkeypatch.setattr(isolation._Worker, "ask", watched)
    large = pictures.encoded(pictures.Image.new("RGB", (7000, 5000)), "PNG", compress_level=1)
    small = pictures.encoded(pictures.Image.new("RGB", (90, 70)), "WEBP")
    found = read_files([(f"{i}", content) for i, content in enumerate([large, small] * 4)], (1, 32, 32))
    assert found.rejected == ()
    assert max(most) == isolation.MOST_MEMORY
    assert len(most) == 12  # the four large ones twice


def test_hundreds_of_slow_files_end_together(monkeypatch):
    monkeypatch.setattr(uploads, "MAX_WASTED", 0.5)
    found = read_files([(f"{i}", BOMBS["JPEG of 20000 scans"]) for i in range(20)], (1, 32, 32))
    assert "more were left out, because the files named here took too long" in found.rejected[-1]
    assert len(found.rejected) <= 5


def test_the_clock_ends_a_child_where_the_system_counts_nothing(monkeypatch):
    """Windows and macOS have no /proc, Windows no limits of memory: there the child is killed by the clock."""
    monkeypatch.delattr(isolation.os, "sysconf")
    start = time.monotonic()
    assert "takes longer" in outcome(BOMBS["JPEG of 20000 scans"])
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("what", [*ODD])
def test_odd_pictures_are_read_or_named(what):
    checked(outcome(ODD[what]))


def test_mutants_are_read_or_named():
    for content in MUTANTS.values():
        checked(outcome(content))


def test_what_is_intact_is_not_called_damaged():
    for what, content in ODD.items():
        if what.startswith("TIFF of"):
            assert "is not supported" in outcome(content), what


def test_a_palette_picture_without_palette_is_refused():
    assert "its colours are missing" in outcome(ODD["indexed PNG without a palette"])


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_twelve_bits_in_sixteen_fill_the_range(kind):
    found = read_picture(ODD[f"12 bits in a {kind} of 16"], (1, 64, 64), with_notes=True)
    assert found.array.max() == 255
    assert any("12-bit" in note for note in found.notes)
    sixteen = read_picture(ODD[f"16 bits in a {kind} of 16"], (1, 64, 64))
    assert np.abs(found.array.astype(int) - sixteen.array).max() <= 1


def test_a_bad_file_does_not_take_the_good_ones_with_it():
    good = pictures.encoded(pictures.Image.new("L", (9, 9), 7), "PNG")
    bad = [
        ODD["indexed PNG without a palette"],
        ODD["APNG that declares 2**31 frames"],
        BOMBS["GIF of 3000000 comments"],
    ]
    files = [(f"g{i}.png", good) for i in range(6)] + [(f"b{i}.png", content) for i, content in enumerate(bad)]
    found = read_files(files, (1, 32, 32))
    assert {f"g{i}.png" for i in range(6)} <= set(found.names)
    assert len(found.names) + len(found.rejected) == len(files)


def test_headers_alone_are_bounded_too():
    for what in ("GIF of 3000000 comments", "PNG of 1000000 tIME chunks", "TIFF of 500000 strips"):
        before = seconds()
        try:
            check_header(BOMBS[what], "x", 20 * 2**20, 40_000_000)
        except UserError as error:
            checked(str(error))
        assert seconds() - before < SECONDS + 0.5


def test_the_same_picture_whichever_process_decodes_it(monkeypatch):
    photo = pictures.Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 70, 3), np.uint8))
    for kind in pictures.KINDS:
        content = pictures.encoded(photo, kind)
        here = read_picture(content, (3, 32, 32), with_notes=True)
        monkeypatch.setattr(isolation, "is_cheap", lambda content: False)
        there = read_picture(content, (3, 32, 32), with_notes=True)
        monkeypatch.undo()
        assert (here.array == there.array).all()
        assert (here.size, here.notes) == (there.size, there.notes)
