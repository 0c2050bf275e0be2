"""What the Traverse page knows of a model, measured once per checkpoint, and starts turned into codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from explorer.shared import cache, catalog, test_pictures
from explorer.shared.own_picture import Kept, OwnPicture
from trainer.errors import UserError
from trainer.runs import layout

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.latent.traversal import AxisTable
    from trainer.models.base import LatentModel

Kind = Literal["image", "prior", "component", "upload"]
PRIOR_CODES = 2000
WITHOUT_SPRITE = 2000


@dataclass(frozen=True, eq=False)
class Space:
    """One model with everything that does not depend on what is looked at. Shared by all sessions: never change it.

    Attributes:
        pictures: codes, labels and ids of the test pictures that can be started from, by their index in URLs.
        codes: (N, d) posterior means of the whole test set, or draws from the prior where `real` is False.
        near: the codes in the axes that count for distances: the live ones, because a code may lie anywhere on a dead
            axis and still show the same picture (all of them where none is live).
        neighbours: sorted distances of codes to their nearest other code, in the axes that count.
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
        """Ways to start that this model has, with their names on the page."""
        found = {"image": "Test picture"} if self.real else {}
        found |= {"prior": "Prior"}
        found |= {"component": "Mixture"} if self.model.prior.kind == "gmp" else {}
        return found | {"upload": "Upload"}

    def distance(self, codes: Tensor) -> Tensor:
        """Distance of codes (M, d) to the nearest known code, in the axes that count, (M,)."""
        from trainer.latent import traversal

        return traversal.nearest_distance(codes[:, self.table.live] if self.table.live.any() else codes, self.near)

    @property
    def codes_name(self) -> str:
        """What `codes` are."""
        return "test codes" if self.real else "draws from the prior"

    @property
    def labels(self) -> list[str]:
        """Names of the labels that occur, in the order of the label numbers."""
        named = self.pictures[self.pictures["label"] >= 0]
        return list(named.sort_values("label", kind="stable")["label_name"].unique())


class Choice(NamedTuple):
    """What to start from, before it is a code."""

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
        original: the picture it belongs to, uint8 (C, H, W), or None.
        anchor: what the code is, to complete "back to the ...".
        caption: which one it is.
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

    from trainer.latent import traversal

    frame = cache.codes(entry)
    columns = [f"z{axis}" for axis in range(model.z_dim)]
    real = len(frame) > 1 and {"label", "label_name", "id", "sprite_index", *columns} <= set(frame.columns)
    if real:
        codes = torch.from_numpy(frame[columns].to_numpy("float32", copy=True))
        frame = _pictures(frame, entry.has_sprite)
    else:
        codes = model.sample_prior(PRIOR_CODES, torch.Generator().manual_seed(0))
    table = traversal.describe_axes(model, codes)
    near = codes[:, table.live] if table.live.any() else codes
    return Space(
        key=f"{entry.hash}-{catalog.stamp(entry.path / layout.CODES)[0]}",
        entry=entry,
        model=model,
        pictures=frame,
        codes=codes,
        real=real,
        table=table,
        near=near,
        neighbours=traversal.neighbour_distances(near),
    )


def _pictures(frame: pd.DataFrame, has_sprite: bool) -> pd.DataFrame:
    """The rows to start from: those in the sprite, or, where pictures may not be bundled, the first ones."""
    if not has_sprite:
        return frame.head(WITHOUT_SPRITE).reset_index(drop=True)
    return frame[frame["sprite_index"] >= 0].set_index("sprite_index", drop=False).sort_index()


def resolve(found: Space, chosen: Choice, side: str, avoid: str = "") -> Start:
    """The code of a choice; a choice this model does not have becomes its nearest, with a note that says so.

    Args:
        avoid: label that an automatic choice (index -1) does not take.
    """
    if chosen.kind == "component" and "component" in found.kinds:
        return _component(found, chosen.component)
    if chosen.kind == "upload":
        return _upload(found, chosen, side)
    if chosen.kind == "image" and found.real:
        return _picture(found, chosen.index, avoid)
    note = ""
    if chosen.kind == "component":
        note = f"{found.entry.name} has no mixture components; a prior sample is shown instead."
    elif chosen.kind == "image":
        note = f"{found.entry.name} has no codes of test pictures yet; a prior sample is shown instead."
    return _prior(found, chosen.seed, note)


def picture_index(found: Space, index: int, avoid: str = "") -> int:
    """An index that exists: the given one, or the first (for -1: the first one with another label than `avoid`)."""
    if index in found.pictures.index:
        return index
    others = found.pictures[found.pictures["label_name"] != avoid] if index < 0 else found.pictures
    return int((others if len(others) else found.pictures).index[0])


def _picture(found: Space, wanted: int, avoid: str) -> Start:
    import torch

    index = picture_index(found, wanted, avoid)
    row = found.pictures.loc[index]
    axes = range(found.model.z_dim)
    log_var = [row.get(f"log_var{axis}", np.nan) for axis in axes]
    label = f"{row['label_name']} · " if row["label_name"] else ""
    return Start(
        code=torch.tensor([float(row[f"z{axis}"]) for axis in axes]),
        sigma=None if np.isnan(log_var).any() else torch.tensor(np.array(log_var, "float32")).mul(0.5).exp(),
        original=_original(found, index),
        anchor="posterior mean",
        caption=f"{label}{row['id']}",
        note=f"There is no test picture {wanted}; picture {index} is shown instead." if 0 <= wanted != index else "",
    )


def _original(found: Space, index: int) -> np.ndarray | None:
    if not found.entry.has_sprite:
        return test_pictures.pictures(found.entry).of([index])[0]
    try:
        return cache.tiles(found.entry, [index])[0]
    except UserError:  # the gallery says so; the reconstruction can still be shown
        return None


def _prior(found: Space, seed: int, note: str = "") -> Start:
    import torch

    code = found.model.sample_prior(1, torch.Generator().manual_seed(seed))[0]
    return Start(code=code.detach(), anchor="prior sample", caption=f"prior sample, seed {seed}", note=note)


def _component(found: Space, wanted: int) -> Start:
    means, weights = found.model.prior.means(), found.model.prior.weights()
    k = min(wanted, len(means) - 1)
    note = f"There is no component {wanted}; component {k} is shown instead." if k != wanted else ""
    caption = f"component {k}, weight {float(weights[k]):.3f}"
    return Start(code=means[k].detach().clone(), anchor="component centre", caption=caption, note=note)


# ---------------------------------------------------------------- uploads


def own_picture(side: str, changed: Callable[[Kept], None] = lambda kept: None) -> OwnPicture:
    """The picture that the user uploaded for one of the two starts."""
    return OwnPicture(f"traverse.{{}}.{side}", changed)


def _upload(found: Space, chosen: Choice, side: str) -> Start:
    import torch

    kept = own_picture(side).kept(found)
    if kept and (not chosen.code or kept.code == chosen.code):
        return Start(torch.tensor(kept.code), "posterior mean", kept.upload.name, kept.sigma, kept.upload.array)
    if len(chosen.code) == found.model.z_dim:
        note = "This link carries the code of somebody's picture, not the picture itself, so there is no original."
        return Start(torch.tensor(chosen.code), "code of the link", "code of an uploaded picture", note=note)
    if chosen.code:
        return _prior(found, chosen.seed, "The link's code belongs to a model with another number of axes.")
    return _prior(found, chosen.seed, "Choose a picture to upload; until then a prior sample is shown.")
