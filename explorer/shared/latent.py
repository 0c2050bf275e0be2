"""The latent space of a model, measured once per checkpoint, and the codes to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import axis_names, cache, catalog, test_pictures
from explorer.shared.escape import Text
from explorer.shared.links import Kind
from explorer.shared.own_picture import EncodedPicture, OwnPicture
from trainer.errors import UserError
from trainer.runs import layout

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.latent.traversal import AxisTable
    from trainer.models.base import LatentModel

PRIOR_CODES = 2000
WITHOUT_SPRITE = 2000
YARDSTICK = 1000  # codes whose distances to their nearest other code a distance is compared with


@dataclass(frozen=True, eq=False)
class Space:
    """A model, its codes and its axes. Shared by all sessions: never change it.

    Attributes:
        pictures: codes, labels and ids of the test pictures to start from, by their index in URLs.
        codes: (N, d) posterior means of the whole test set, or draws from the prior where `real` is False.
        near: the codes in the axes used for distances: the live ones, as moving along a dead axis changes no picture
            (all axes where none is live).
        neighbours: sorted distances of codes to their nearest other code, in those axes.
    """

    key: str
    entry: catalog.Entry
    model: LatentModel
    pictures: pd.DataFrame
    codes: Tensor
    real: bool
    table: AxisTable
    near: Tensor
    neighbours: Tensor

    @property
    def kinds(self) -> dict[str, str]:
        """Return the kinds of start of this model and their titles."""
        kinds = {"image": "Test picture", "prior": "Prior", "component": "Mixture", "upload": "Upload"}
        shows = self.real and test_pictures.may_show(self.entry)
        absent = ([] if shows else ["image"]) + ([] if self.model.prior.kind == "gmp" else ["component"])
        return {kind: title for kind, title in kinds.items() if kind not in absent}

    def distance(self, codes: Tensor) -> Tensor:
        """Return the distances of codes (M, d) to the nearest of `codes`, in the axes of `near`, shape (M,)."""
        from trainer.latent import traversal

        return traversal.nearest_distance(codes[:, self.table.live] if self.table.live.any() else codes, self.near)

    @property
    def codes_name(self) -> str:
        """Return what `codes` are called."""
        return "test codes" if self.real else "draws from the prior"

    @property
    def labels(self) -> list[str]:
        """Return the names of the labels that occur, in the order of the label numbers."""
        named = self.pictures[self.pictures["label"] >= 0]
        return list(named.sort_values("label", kind="stable")["label_name"].unique())


class Choice(NamedTuple):
    """What to start from, as the state of a page has it."""

    kind: Kind
    index: int
    seed: int
    component: int
    code: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Start:
    """A code to start from.

    Attributes:
        code: (d,) float32.
        sigma: posterior standard deviation per axis, (d,), where an encoder gave the code.
        original: the encoded picture, uint8 (C, H, W), or None.
        anchor: kind of code, such as "posterior mean"; `caption`: which one.
    """

    code: Tensor
    anchor: str
    caption: str
    sigma: Tensor | None = None
    original: np.ndarray | None = None
    note: str = ""


@st.cache_resource(
    max_entries=4,
    show_spinner="Measuring the axes of this model, once …",
    hash_funcs=catalog.keyed(layout.CODES, layout.SPRITE),
)
def space(entry: catalog.Entry) -> Space:
    """Measure a model's latent space.

    Raises: UserError if the model or its codes cannot be read.
    """
    model = cache.model(entry)  # first, because it prepares torch
    import torch

    from trainer.latent import neighbours, traversal

    frame = cache.codes(entry)
    columns = layout.code_columns(model.z_dim)
    real = len(frame) > 1 and {"label", "label_name", "id", "sprite_index", *columns} <= set(frame.columns)
    if real:
        codes = torch.from_numpy(frame[columns].to_numpy("float32", copy=True))
        frame = _pictures(frame, entry.has_sprite)
    else:
        codes = model.sample_prior(PRIOR_CODES, torch.Generator().manual_seed(0))
    table = traversal.describe_axes(model, codes)
    near = codes[:, table.live] if table.live.any() else codes
    distances = neighbours.neighbour_distances(near.numpy(), YARDSTICK)
    return Space(
        key=f"{entry.hash}-{catalog.stamp(entry.path / layout.CODES)[0]}",
        entry=entry,
        model=model,
        pictures=frame,
        codes=codes,
        real=real,
        table=table,
        near=near,
        neighbours=torch.from_numpy(distances).float(),
    )


def axes(space: Space) -> list[dict[str, Any]]:
    """Return every axis by falling effect, as components take them: number, what it carries, and range."""
    table, names = space.table, axis_names.carried(space.entry)
    return [
        {
            "i": axis,
            "carries": names[axis],
            "live": bool(table.live[axis]),
            "low": round(float(table.low[axis]), 3),
            "high": round(float(table.high[axis]), 3),
        }
        for axis in table.order.tolist()
    ]


def _pictures(frame: pd.DataFrame, has_sprite: bool) -> pd.DataFrame:
    """Return the rows to start from: those in the sprite, or, where pictures may not be bundled, the first ones."""
    if not has_sprite:
        return frame.head(WITHOUT_SPRITE).reset_index(drop=True)
    return frame[frame["sprite_index"] >= 0].set_index("sprite_index", drop=False).sort_index()


def resolve(space: Space, chosen: Choice, side: str, avoid: str = "") -> Start:
    """Return the start of a choice; where this model lacks it, another start with a note.

    Args:
        avoid: label that an automatic choice (index -1) does not take.
    """
    if chosen.kind == "component" and "component" in space.kinds:
        return _component(space, chosen.component)
    if chosen.kind == "upload":
        return _upload(space, chosen, side)
    if chosen.kind == "image" and "image" in space.kinds:
        return _picture(space, chosen.index, avoid)
    note = ""
    if chosen.kind == "component":
        note = f"{space.entry.name} has no mixture components; a prior sample is shown instead."
    elif chosen.kind == "image":
        lack = f"pictures of {space.entry.data_title} on this machine" if space.real else "codes of test pictures yet"
        note = f"{space.entry.name} has no {lack}; a prior sample is shown instead."
    return _prior(space, chosen.seed, note)


def picture_index(space: Space, index: int, avoid: str = "") -> int:
    """Return the index; if it does not exist, the first (for -1: the first with another label than `avoid`)."""
    if index in space.pictures.index:
        return index
    others = space.pictures[space.pictures["label_name"] != avoid] if index < 0 else space.pictures
    return int((others if len(others) else space.pictures).index[0])


def _picture(space: Space, wanted: int, avoid: str) -> Start:
    import torch

    index = picture_index(space, wanted, avoid)
    row = space.pictures.loc[index]
    axes = range(space.model.z_dim)
    log_var = [row.get(f"log_var{axis}", np.nan) for axis in axes]
    label = f"{Text(row['label_name'])} · " if row["label_name"] else ""
    return Start(
        code=torch.tensor([float(row[f"z{axis}"]) for axis in axes]),
        sigma=None if np.isnan(log_var).any() else torch.tensor(np.array(log_var, "float32")).mul(0.5).exp(),
        original=_original(space, index),
        anchor="posterior mean",
        caption=f"{label}{Text(row['id'])}",
        note=f"There is no test picture {wanted}; picture {index} is shown instead." if 0 <= wanted != index else "",
    )


def _original(space: Space, index: int) -> np.ndarray | None:
    if not space.entry.has_sprite:
        return test_pictures.pictures(space.entry).of([index])[0]
    try:
        return cache.tiles(space.entry, [index])[0]
    except UserError:  # the gallery reports it; the reconstruction can still be shown
        return None


def _prior(space: Space, seed: int, note: str = "") -> Start:
    import torch

    code = space.model.sample_prior(1, torch.Generator().manual_seed(seed))[0]
    return Start(code=code.detach(), anchor="prior sample", caption=f"prior sample, seed {seed}", note=note)


def _component(space: Space, wanted: int) -> Start:
    means, weights = space.model.prior.means(), space.model.prior.weights()
    k = min(wanted, len(means) - 1)
    note = f"There is no component {wanted}; component {k} is shown instead." if k != wanted else ""
    caption = f"component {k}, weight {float(weights[k]):.3f}"
    return Start(code=means[k].detach().clone(), anchor="component centre", caption=caption, note=note)


# ---------------------------------------------------------------- uploads


def own_picture(side: str, changed: Callable[[EncodedPicture], None] = lambda kept: None) -> OwnPicture:
    """Return the user's picture for the start or the end."""
    return OwnPicture(f"traverse.{{}}.{side}", changed)


def _upload(space: Space, chosen: Choice, side: str) -> Start:
    import torch

    kept = own_picture(side).kept(space)
    if kept and (not chosen.code or kept.code == chosen.code):
        return Start(torch.tensor(kept.code), "posterior mean", kept.upload.name, kept.sigma, kept.upload.array)
    if len(chosen.code) == space.model.z_dim:
        note = "This link holds the code of an uploaded picture, not the picture itself, so there is no original."
        return Start(torch.tensor(chosen.code), "code of the link", "code of an uploaded picture", note=note)
    if chosen.code:
        return _prior(space, chosen.seed, "The link's code belongs to a model with another number of axes.")
    return _prior(space, chosen.seed, "Choose a picture to upload; until then a prior sample is shown.")
