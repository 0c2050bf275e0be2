"""A training beside the app makes room while somebody uses the app.

Low priority is not enough: what a slider waits for shares caches, memory and often the physical core with the training.
So the app leaves a note in the folder of the runs whenever somebody does something (`ask`), and trainings there wait
before their next step for as long as the note is fresh. Watching a training is no such note.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from trainer.runs import layout

VARIABLE = "GWAE_PAUSE"
PAUSE = 2.0
"""Seconds for which a note counts, and for which a training waits at most between two steps of a player."""
MOST = 5.0
"""Seconds at most: with twenty critic steps a step then takes less than what counts as silence (job_state.py)."""
POLL_SECONDS = 0.02


def note(root: Path) -> Path:
    """The file whose time of change says when somebody last used the app on these runs."""
    return Path(root) / ".in-use"


def ask(root: Path) -> None:
    """Say that somebody uses the app; costs microseconds, and nothing where the folder cannot be written."""
    with contextlib.suppress(OSError):
        note(root).touch()


def seconds() -> float:
    """$GWAE_PAUSE, at most MOST, else PAUSE; 0 for trainings that wait for nobody."""
    try:
        wanted = float(os.environ.get(VARIABLE) or PAUSE)
    except ValueError:
        wanted = PAUSE
    return max(0.0, min(MOST, wanted))


class Pause:
    """Called before every step of a player, returns at once while nobody uses the app, else when its pause is over.

    Args:
        folder: the run folder; notes are left beside it.
        pause: seconds after the last note; a player that is never left alone still steps once in every `pause`.
    """

    def __init__(self, folder: Path, pause: float | None = None):
        self.note, self.stop = note(folder.parent), folder / layout.STOP
        self.pause = seconds() if pause is None else pause

    def __call__(self) -> None:
        """Wait; not where somebody asks the training to stop."""
        end = time.monotonic() + self.pause
        while time.monotonic() < end and self._is_fresh() and not self.stop.exists():
            time.sleep(POLL_SECONDS)

    def _is_fresh(self) -> bool:
        try:
            age = time.time() - self.note.stat().st_mtime
        except OSError:
            return False
        return 0 <= age < self.pause  # a note from the future, after the clock was set back, says nothing
