"""Other places for the numbers of a training, beside history.csv, through the loggers of Lightning Fabric.

Any of Fabric's loggers does: from Python, `launch(hardware, loggers=[...])` takes one of Weights & Biases or of your
own, with `log_metrics(metrics, step)`, as well.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainer.errors import UserError
from trainer.runs import layout

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.loggers import Logger

Kind = Literal["none", "tensorboard"]


def of_kind(kind: Kind, folder: Path) -> Sequence["Logger"]:
    """Return the loggers of a kind for a run folder; TensorBoard's event files lie in its training/tensorboard."""
    if kind == "none":
        return []
    from lightning_fabric.loggers import TensorBoardLogger

    try:
        return [TensorBoardLogger(Path(folder) / layout.TRAINING, name="tensorboard", version="")]
    except ModuleNotFoundError as error:
        raise UserError("--logger tensorboard: needs 'pip install tensorboardX'.") from error


@contextlib.contextmanager
def closing(fabric: "Fabric") -> Iterator[None]:
    """Return a context at whose end everything that was logged is on the disk, however the training ended."""
    try:
        yield
    finally:
        for logger in fabric.loggers:
            logger.finalize("")


class Log:
    """Passes rows of history.csv on; of a row that was completed after a validation only what is new."""

    def __init__(self, fabric: "Fabric"):
        self.fabric, self._step, self._known = fabric, -1, frozenset[str]()

    def row(self, row: Mapping[str, float]) -> None:
        """Pass a row on to every logger; of several processes the leading one does."""
        if not self.fabric.loggers:
            return
        step = int(row["step"])
        known = self._known if step == self._step else frozenset()
        self._step, self._known = step, known | set(row)
        self.fabric.log_dict({_group(name): row[name] for name in row if name not in known | {"step"}}, step)


def _group(name: str) -> str:
    """Return the name under which TensorBoard groups a term: training/gw, validation/psnr, training/critic_gap."""
    name = name.replace(" ", "_")
    head, _, rest = name.partition("_")
    return f"validation/{rest}" if head == "validation" else f"training/{name}"
