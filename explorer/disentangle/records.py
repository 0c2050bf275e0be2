"""The measurements of a model that there are, and how axes move along a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from explorer.shared import axis_names, catalog
from trainer.data import DATASETS

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.shared.latent import Space
    from trainer.evaluation.disentanglement.record import Record


class Kind(NamedTuple):
    """What a record was measured by and on; `other` is empty for the model's own data set."""

    protocol: str
    other: str = ""

    @property
    def text(self) -> str:
        """As the URL has it."""
        return ",".join(filter(None, self))


def kinds(entry: catalog.Entry) -> list[Kind]:
    """Every measurement that there could be of a model, its own data set and the full protocol first."""
    from trainer.evaluation.disentanglement import group

    return [
        Kind(protocol, other) for other in ("", *group.others(entry.run.config)) for protocol in axis_names.PROTOCOLS
    ]


def records(entry: catalog.Entry) -> dict[Kind, Record]:
    """The measurements that there are."""
    found = {kind: axis_names.record(entry, *kind) for kind in kinds(entry)}
    return {kind: record for kind, record in found.items() if record is not None}


def data_title(entry: catalog.Entry, kind: Kind) -> str:
    """Name of the data set that a kind of record is about."""
    return DATASETS[kind.other or entry.run.config.data.name].title


def movement(codes: Tensor, found: Space) -> Tensor:
    """How the movement along a path is shared among the axes: (N, d) codes -> (d,), sums to 1 (or is 0 throughout).

    Each axis' variance along the path, in units of its variance over the model's known codes; axes without a visible
    effect on the picture count as still, because a unit that is next to nothing would make noise look like movement.
    """
    import torch

    usual = found.codes.var(0).clamp_min(1e-12)
    moved = torch.where(found.table.live, codes.var(0, correction=0) / usual, 0.0)
    return moved / moved.sum().clamp_min(1e-12)
