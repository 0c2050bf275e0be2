"""A user's 5,000 photographs, trained on as they are by the process that the page starts."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from tests import photographs
from tests.trainings import settings
from trainer.data.folder import hashed_splits
from trainer.jobs import queue
from trainer.runs import monitor
from trainer.runs.folder import create
from trainer.runs.status import Training, look
from trainer.system import processes

COUNT, BROKEN_EACH = 5_000, 10
MEMORY = 250 * 2**20
"""Bytes that reading may take beyond the program itself: the pictures of the model's size are 55 MB, those of the files
together 400 MB, and one of the broken ones would be 10 GB."""
pytestmark = pytest.mark.timeout(600)


def kilobytes(pid: int, what: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of a process; 0 where the system does not say, or it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(rf"{what}:\s+(\d+) kB", text)
    return int(found[1]) if found else 0


def followed(folder: Path) -> tuple[list[Training], int]:
    """What the page sees until the training ends, and by how many bytes the process grew since it began to read."""
    seen: list[Training] = []
    before = grown = 0
    deadline = time.monotonic() + 300
    while (job := look(folder)).is_active:
        assert time.monotonic() < deadline, monitor.log(folder)
        if not seen or job != seen[-1]:
            seen.append(job)
        if job.phase == "loading" and job.pid:
            before = before or kilobytes(job.pid, "VmRSS")
            grown = max(grown, kilobytes(job.pid, "VmHWM") - before)
        time.sleep(0.02)
    return [*seen, job], grown * 1024


def test_five_thousand_photographs_of_every_kind_are_trained_on_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv(processes.NICE_VARIABLE, "1")
    good, broken = photographs.fill(tmp_path / "photographs", COUNT, BROKEN_EACH)
    wanted = settings(
        name="photos",
        data={"name": "folder", "path": str(tmp_path / "photographs"), "size": 64, "channels": 3},
        optim={"max_steps": 4, "validate_every": 4},
    )
    folder = create(tmp_path / "runs" / "photos", wanted).path
    queue.start(folder)
    seen, grown = followed(folder)
    assert seen[-1].phase == "finished", monitor.log(folder)
    assert (folder / "model.safetensors").is_file()

    # Every tenth file is for testing. Of those only what has no picture's beginning is seen by a training.
    names = good + [name for name, said in broken.items() if "the content" not in said and "empty" not in said]
    split = dict(zip(names, hashed_splits(names), strict=True))
    kept = [name for name in good if split[name] == "train"]
    left_out = {name: said for name, said in broken.items() if split.get(name, "train") == "train"}
    assert f"photographs: {len(kept)} training pictures" in monitor.log(folder)
    assert len(kept) > 0.88 * COUNT
    skipped = dict(sentence.split(": ", 1) for sentence in monitor.skipped(folder))
    assert skipped.keys() == left_out.keys()
    assert [name for name, said in left_out.items() if said not in skipped[name]] == []
    assert f"{len(left_out)} files were left out" in monitor.log(folder)

    loading = [(job.done, job.total) for job in seen if job.phase == "loading" and job.total]
    assert loading, "progress of the reading was reported"
    assert loading == sorted(loading)
    assert {total for _, total in loading} == {sum(part == "train" for part in split.values())}
    assert 0 < grown < MEMORY or not os.path.exists("/proc/self/status")
