"""The record of pairs over a training: bounded when written, and believed only if it is one."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from trainer.errors import UserError
from trainer.latent import pair_history
from trainer.latent.pair_history import EMPTY, KEPT, PAIRS


def history(steps: int) -> pair_history.PairHistory:
    found = EMPTY
    for step in range(1, steps + 1):
        found = found.extended(step, 2.0, np.full(PAIRS, step / 10), np.full(PAIRS, step / 5))
    return found


def test_it_is_read_as_it_was_written(tmp_path):
    pair_history.write(history(3), tmp_path / "x.safetensors")
    for stored, made in zip(pair_history.read(tmp_path / "x.safetensors"), history(3), strict=True):
        np.testing.assert_array_equal(stored, made)


def test_it_stays_small_and_keeps_the_first_and_the_last_row(tmp_path):
    long = history(5 * KEPT)
    assert KEPT / 2 <= len(long.step) <= KEPT
    assert (long.step[0], long.step[-1]) == (1, 5 * KEPT)
    assert (np.diff(long.step) > 0).all()
    pair_history.write(long, tmp_path / "x.safetensors")
    assert (tmp_path / "x.safetensors").stat().st_size < 300_000
    pair_history.read(tmp_path / "x.safetensors")


def test_a_step_is_recorded_once_and_huge_distances_stay_finite():
    found = history(3).extended(3, 1.0, np.full(PAIRS, 1e9), np.ones(PAIRS))
    assert found.step.tolist() == [1, 2, 3]
    assert np.isfinite(found.d_z).all()


@pytest.mark.parametrize(
    "change",
    [
        {"step": np.int64([3, 2, 1])},
        {"step": np.int64([1, 2])},
        {"step": np.float32([1, 2, 3])},
        {"slope": np.float32([1, np.nan, 1])},
        {"d_z": np.full((3, PAIRS), np.inf, np.float16)},
        {"d_x": np.full((3, PAIRS), -1, np.float16)},
        {"d_x": np.ones((3, PAIRS - 1), np.float16)},
        {"d_x": np.ones((3, PAIRS), np.float32)},
        {"d_x": np.ones((), np.float16)},
        {name: np.ones((3, PAIRS + 1), np.float16) for name in ("d_z", "d_x")},
        {name: np.zeros((0, *part.shape[1:]), part.dtype) for name, part in EMPTY._asdict().items()},
    ],
)
def test_a_damaged_one_is_refused(tmp_path, change):
    path = tmp_path / "x.safetensors"
    save_file(history(3)._asdict() | change, path)
    with pytest.raises(UserError, match="delete it"):
        pair_history.read(path)


def test_other_files_are_refused(tmp_path):
    for content in (b"", b"{}", bytes(2**20 + 1)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(UserError):
            pair_history.read(tmp_path / "x")
