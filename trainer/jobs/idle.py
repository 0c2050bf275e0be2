"""Trainings pause while the app is in use.

Low priority is not enough: a slider's work shares caches, memory and often the physical core with the training. So the
app touches a file in the folder of the runs at every interaction (`ask`), and trainings there wait before their next
step as long as the last touch is recent. Watching a training is no interaction.
"""

import contextlib
import os
import time
from pathlib import Path

from trainer.runs import layout
from trainer.system import mode

VARIABLE = "GWAE_PAUSE"
PAUSE = 2.0
"""Seconds after the last interaction; also the longest wait between two steps of a player."""
MOST = 5.0
"""Largest PAUSE: even with twenty critic steps a step then takes less than SILENT_AFTER (runs/status.py)."""
POLL_SECONDS = 0.02


def note(root: Path) -> Path:
    """Return the file whose modification time is that of the last interaction with the app."""
    return Path(root) / ".in-use"


def ask(root: Path) -> None:
    """Ask trainings to pause. Takes microseconds; no effect where the folder cannot be written."""
    if not mode.is_view():
        with contextlib.suppress(OSError):
            note(root).touch()


def seconds() -> float:
    """Return $GWAE_PAUSE, at most MOST, else PAUSE; 0 means that trainings never pause."""
    try:
        wanted = float(os.environ.get(VARIABLE) or PAUSE)
    except ValueError:
        wanted = PAUSE
    return max(0.0, min(MOST, wanted))


class Pause:
    """Called before every step of a player: returns at once while the app is idle, else after a pause.

    Args:
        folder: the run folder; the touched file lies beside it.
        pause: seconds after the last interaction; under constant use a player still steps once per `pause`.
    """

    def __init__(self, folder: Path, pause: float | None = None):
        self.note, self.stop = note(folder.parent), folder / layout.STOP
        self.pause = seconds() if pause is None else pause

    def __call__(self) -> None:
        """Wait while the app is in use, unless the training is asked to stop."""
        end = time.monotonic() + self.pause
        while time.monotonic() < end and self._is_fresh() and not self.stop.exists():
            time.sleep(POLL_SECONDS)

    def _is_fresh(self) -> bool:
        try:
            age = time.time() - self.note.stat().st_mtime
        except OSError:
            return False
        return 0 <= age < self.pause  # a time in the future, after the clock was set back, does not count
