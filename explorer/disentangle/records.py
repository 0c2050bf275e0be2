"""The disentanglement measurements of a model, and how its axes move along a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from explorer.shared import axis_names, catalog
from explorer.shared.latent import Space
from trainer.data import DATASETS
from trainer.evaluation.disentanglement.record import Record

if TYPE_CHECKING:
    from torch import Tensor


class Measurement(NamedTuple):
    """Protocol and data set of a record; `other` is empty for the model's own data set."""

    protocol: str
    other: str = ""

    @property
    def text(self) -> str:
        """Return the kind as it stands in the URL."""
        return ",".join(filter(None, self))


def kinds(entry: catalog.Entry) -> list[Measurement]:
    """Return every kind of measurement that a model allows, its own data set and the full protocol first."""
    from trainer.evaluation.disentanglement import group

    return [
        Measurement(protocol, other)
        for other in ("", *group.others(entry.run.config))
        for protocol in axis_names.PROTOCOLS
    ]


def records(entry: catalog.Entry) -> dict[Measurement, Record]:
    """Return the stored measurements of a model."""
    return {kind: record for kind in kinds(entry) if (record := axis_names.record(entry, *kind)) is not None}


def data_title(entry: catalog.Entry, kind: Measurement) -> str:
    """Return the title of the data set that a kind of measurement uses."""
    return DATASETS[kind.other or entry.run.config.data.name].title


def movement(codes: Tensor, space: Space) -> Tensor:
    """Return each axis' share of the movement along a path of codes (N, d): (d,), sums to 1, or is 0 throughout.

    An axis moves by its variance along the path over its variance among the model's codes. Axes without a visible
    effect on the picture count as still: dividing by next to nothing would make noise look like movement.
    """
    import torch

    usual = space.codes.var(0).clamp_min(1e-12)
    moved = torch.where(space.table.live, codes.var(0, correction=0) / usual, 0.0)
    return moved / moved.sum().clamp_min(1e-12)
