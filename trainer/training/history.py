"""Records of a training: history.csv, a row per logged step, and training/status.json, the heartbeat."""

import csv
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
from pydantic import ConfigDict, Field, NonNegativeInt
from torch import Tensor

from trainer.errors import UserError
from trainer.runs import layout
from trainer.system import files, processes

BEAT_EVERY = 5.0
"""Seconds between two heartbeats; none for much longer, without a process, means a crash."""

Row = dict[str, float]


@dataclass
class Counters:
    """Progress of the loop; stored with every checkpoint."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    step: NonNegativeInt = 0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    best: Annotated[float, Field(ge=-math.inf)] = math.inf  # infinite before the first validation, never NaN
    best_step: NonNegativeInt = 0
    stale: NonNegativeInt = 0  # validations since the best one


class Recorder:
    """Sums the terms of steps into rows of history.csv and keeps status.json fresh.

    A row holds the means since the row before. The sums that are not yet a row belong to the checkpoint (`sums`,
    `restore`), so that a resumed training writes the rows the uninterrupted one would have written.

    Args:
        folder: the run folder.
        max_steps: where the training ends.
        hardware: what it runs on, for status.json (hardware.Hardware).
        writes: whether this process is the one that writes.
    """

    def __init__(self, folder: Path, max_steps: int, hardware: Mapping[str, object] | None = None, writes: bool = True):
        self.folder, self.max_steps, self.hardware, self.writes = folder, max_steps, dict(hardware or {}), writes
        self.rows: list[Row] = []
        self.sums: dict[str, Tensor] = {}
        self._last_beat = -float("inf")

    @property
    def history_path(self) -> Path:
        """Path of history.csv."""
        return self.folder / layout.HISTORY

    def restore(self, step: int, sums: Mapping[str, Tensor]) -> None:
        """Continue at `step` with the sums of its checkpoint; rows written after it are dropped.

        Raises: UserError if history.csv is damaged.
        """
        self.sums = dict(sums)
        self.rows = [row for row in _read(self.history_path) if row["step"] <= step]

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Add one step's terms, scalars that no longer hold a graph."""
        for name, value in {**terms, "steps": torch.tensor(1)}.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value

    def close_row(self, counters: Counters, extra: Mapping[str, float]) -> Row:
        """Make the sums a row, add `extra` to it, and write history.csv; a second row of the same step joins the first.

        Raises: UserError if the disk is full or the folder may not be written.
        """
        row: Row = {"step": counters.step, "seconds": round(counters.seconds, 1)}
        steps = self.sums.pop("steps", None)
        row |= {name: value.item() / steps.item() for name, value in self.sums.items()}
        self.sums = {}
        if self.rows and self.rows[-1]["step"] == row["step"]:
            row = self.rows.pop() | row
        self.rows.append(row | dict(extra))
        if self.writes:
            in_order = dict.fromkeys(name for row in self.rows for name in row)  # of their first appearance
            files.write_csv(self.history_path, in_order, self.rows)
        return self.rows[-1]

    def beat(self, counters: Counters, state: str = "running", **more: object) -> None:
        """Write the status if the last one is BEAT_EVERY seconds old."""
        if time.monotonic() - self._last_beat > BEAT_EVERY:
            self.status(state, counters, **more)

    def status(self, state: str, counters: Counters, message: str = "", **more: object) -> None:
        """Write training/status.json: state, process, time of writing, counters, and a message where there is one."""
        if not self.writes:
            return
        pid = os.getpid()
        values = {"state": state, "pid": pid, "started": processes.start_time(pid), "heartbeat": time.time()}
        values |= {"max_steps": self.max_steps} | asdict(counters) | {"best": repr(counters.best)}  # inf is not JSON
        values |= ({"message": message} if message else {}) | more
        values |= {"hardware": self.hardware} if self.hardware else {}
        files.write_text(self.folder / layout.STATUS, json.dumps(values, indent=1) + "\n")
        self._last_beat = time.monotonic()


def _read(path: Path) -> list[Row]:
    """The rows of history.csv; none if there is no file."""
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            rows = [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(handle)]
        return [row | {"step": int(row["step"])} for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise UserError(f"{path}: damaged; delete it, and the training resumes with a new one.") from error
