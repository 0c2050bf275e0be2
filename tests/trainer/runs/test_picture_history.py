"""The record of pictures over a training: bounded when written, and believed only if it is one."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from trainer.errors import UserError
from trainer.runs import picture_history
from trainer.runs.picture_history import KEPT, MAX_PICTURES, PictureHistory

LARGEST = (3, 64, 64)


def row(step: int, shape: tuple[int, int, int] = (1, 4, 4), seed: int | None = None) -> PictureHistory:
    noise = np.random.default_rng(step if seed is None else seed).integers(0, 256, (60, *shape), dtype=np.uint8)
    arrays = {"originals": noise[:10] * 0, "reconstructions": noise[:10], "samples": noise[10:30], "strip": noise[30:]}
    return picture_history.row(step, arrays | {"axes": np.array([step % 3, 4, 5])})


def history(steps: int, **more: object) -> PictureHistory:
    found = row(1, **more)
    for step in range(2, steps + 1):
        found = found.extended(row(step, **more))
    return found


def test_it_is_read_as_it_was_written_and_cut_where_a_training_resumes(tmp_path):
    picture_history.write(history(3), tmp_path / "x")
    for stored, made in zip(picture_history.read(tmp_path / "x"), history(3), strict=True):
        np.testing.assert_array_equal(stored, made)
    for resumed, made in zip(history(5).until(3).extended(row(4)), history(4), strict=True):
        np.testing.assert_array_equal(resumed, made)


def test_it_stays_small_and_keeps_the_first_and_the_last_row(tmp_path):
    long = history(5 * KEPT)
    assert KEPT / 2 <= len(long.step) <= KEPT
    assert (long.step[0], long.step[-1]) == (1, 5 * KEPT)
    np.testing.assert_array_equal(long.samples[-1], row(5 * KEPT).samples[0])
    picture_history.write(history(KEPT, shape=LARGEST), tmp_path / "x")
    assert (tmp_path / "x").stat().st_size < 18 * 2**20
    picture_history.read(tmp_path / "x")


def test_other_pictures_begin_a_history_of_their_own():
    other = row(4)._replace(originals=np.ones((9, 1, 4, 4), np.uint8))
    assert history(3).extended(other).step.tolist() == [4]


def test_a_step_is_recorded_once():
    found = history(3).extended(row(3, seed=99))
    assert found.step.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(found.strip[-1], row(3, seed=99).strip[0])


@pytest.mark.parametrize(
    "change",
    [
        {"step": np.int64([3, 2, 1])},
        {"step": np.int64([1, 2])},
        {"step": np.float32([1, 2, 3])},
        {"step": np.array(1)},
        {"originals": np.zeros((10, 2, 4, 4), np.uint8)},
        {"originals": np.zeros((9, 1, 4, 4), np.uint8)},
        {"samples": np.zeros((3, 20, 1, 4, 5), np.uint8)},
        {"samples": np.zeros((3, MAX_PICTURES + 1, 1, 4, 4), np.uint8)},
        {"samples": np.zeros((3, 0, 1, 4, 4), np.uint8)},
        {"strip": np.zeros((3, 31, 1, 4, 4), np.uint8)},
        {"strip": np.zeros((3, 30, 1, 4, 4), np.float32)},
        {"axes": np.int64([[-1, 2, 3]] * 3)},
        {"axes": np.int64([1, 2, 3])},
        {"axes": np.zeros((3, 0), np.int64)},
    ],
)
def test_a_damaged_one_is_refused(tmp_path, change):
    save_file(history(3)._asdict() | change, tmp_path / "x")
    with pytest.raises(UserError, match="delete it"):
        picture_history.read(tmp_path / "x")


def test_other_files_are_refused(tmp_path):
    for content in (b"", b"{}", bytes(10**4)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError):
            picture_history.read(tmp_path / "x")
