"""The point that the panel beside the map shows: a test picture, a prior sample, a centre, an empty place, an upload.

Each is a code with a place; this module makes it from the state, and measures how reliable its picture is.
"""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.clusters.atlas import Atlas, keyed
from explorer.clusters.state import ClustersState, look_at
from explorer.shared import pixels, test_pictures
from explorer.shared.escape import Text
from explorer.shared.own_picture import OwnPicture
from trainer.latent import map as maps
from trainer.latent import neighbours as knn
from trainer.latent.reliability import Reliability, judge

NEIGHBOURS = 6
OWN = OwnPicture("clusters.{}", lambda kept: look_at("upload", code=kept.code))


@dataclass(frozen=True, eq=False)
class Subject:
    """A point in focus.

    Attributes:
        code: (d,) float32.
        title, caption: what it is.
        original: the picture it belongs to, uint8 (C, H, W), or None.
        row: of Atlas.pictures, where it is one of them, else None.
        made: whether its picture is only decoded, so that its reliability is measured.
        at: its place on the map; empty: where its code falls.
    """

    code: np.ndarray
    title: str
    caption: str
    original: np.ndarray | None = None
    row: int | None = None
    made: bool = True
    at: tuple[float, ...] = ()


def resolve(atlas: Atlas, view: ClustersState) -> Subject | None:
    """Return the state's focus; None where there is none, or it does not exist in this model."""
    if view.focus == "code":
        rows = np.flatnonzero(atlas.pictures["row"].to_numpy() == view.index)
        return of_row(atlas, int(rows[0])) if len(rows) else None
    finders = {"prior": _drawn, "centre": _drawn, "place": _place, "upload": _upload}
    return finders[view.focus](atlas, view) if view.focus else None


def of_row(atlas: Atlas, row: int) -> Subject:
    """Return the test picture in a row of Atlas.pictures."""
    picture = atlas.pictures.iloc[row]
    label, original = picture.get("label_name") or "no label", originals(atlas, [row])[0]
    return Subject(atlas.codes[row], Text(label), Text(picture["id"]), original, row, False, _at(atlas, row))


def _drawn(atlas: Atlas, view: ClustersState) -> Subject | None:
    rows = np.flatnonzero((atlas.drawn["kind"] == view.focus).to_numpy())
    if view.index >= len(rows):
        return None
    number = len(atlas.codes) + int(rows[view.index])
    code, at = atlas.everything[number], _at(atlas, number)
    if view.focus == "centre":
        return Subject(code, f"Component {view.index}", "the component's centre, decoded", at=at)
    return Subject(code, "Prior sample", f"number {view.index} of this map, decoded", at=at)


def _at(atlas: Atlas, number: int) -> tuple[float, ...]:
    return tuple(float(value) for value in atlas.places[number])


def _place(atlas: Atlas, view: ClustersState) -> Subject | None:
    if len(view.at) != atlas.settings.dims:
        return None
    caption = f"the code of its {knn.NEIGHBOURS} nearest points, weighted by their distance, decoded"
    return Subject(atlas.code_at(view.at), "Empty place", caption, at=view.at)


def _upload(atlas: Atlas, view: ClustersState) -> Subject | None:
    kept = OWN.kept(atlas)
    if kept and (not view.code or kept.code == view.code):
        return Subject(np.array(kept.code, np.float32), "Your picture", Text(kept.upload.name), kept.upload.array)
    if len(view.code) == atlas.entry.z_dim:
        caption = "this link carries its code, not the picture itself"
        return Subject(np.array(view.code, np.float32), "An uploaded picture", caption)
    return None


# ---------------------------------------------------------------- measuring


def reliability(atlas: Atlas, code: np.ndarray, at: tuple[float, ...] = ()) -> Reliability:
    """Compare a code's distances to the data and its round trip with those of test codes.

    Args:
        at: its place on the map; empty: where the map puts the code.
    """
    import torch

    place = np.array([at]) if at else atlas.placed(code[None])
    on_map = float(knn.nearest(place, atlas.places[: len(atlas.codes)], 1)[1][0, 0])
    in_codes = float(knn.nearest(code[None], atlas.codes, 1)[1][0, 0])
    with torch.inference_mode():
        trip = float(maps.round_trip(atlas.model, torch.tensor(code)[None])[0])
    return judge(on_map, in_codes, trip, atlas.usual)


def responsibilities(atlas: Atlas, code: np.ndarray) -> np.ndarray:
    """Return p(k | z) of a mixture prior, (K,)."""
    import torch

    with torch.inference_mode():
        return atlas.model.prior.responsibilities(torch.tensor(code)[None])[0].numpy()


def neighbours(atlas: Atlas, subject: Subject, k: int = NEIGHBOURS) -> list[int]:
    """Return rows of the nearest test pictures in code space, nearest first, the picture itself left out."""
    rows = knn.nearest(subject.code[None], atlas.codes, k + 1)[0][0]
    return [int(row) for row in rows if row != subject.row][:k]


def decoded(atlas: Atlas, codes: np.ndarray) -> np.ndarray:
    """Return pictures of codes (M, d), uint8 (M, C, H, W)."""
    import torch

    with torch.inference_mode():
        return pixels.decoded(atlas.model, torch.tensor(codes))  # a copy: the shared arrays must stay what they are


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=keyed())
def warm_up(atlas: Atlas) -> bool:
    """Load the model and the pictures, and do once what a click asks for: the first one is then as quick as others."""
    code = atlas.codes[0]
    decoded(atlas, code[None])
    reliability(atlas, code)
    if atlas.components:
        responsibilities(atlas, code)
    if atlas.settings.dims == 2:
        atlas.code_at(tuple(atlas.places[0]))
    test_pictures.pictures(atlas.entry)
    return True


def originals(atlas: Atlas, rows: list[int]) -> list[np.ndarray | None]:
    """Return test pictures by row of Atlas.pictures, uint8 (C, H, W); None for those that are not at hand."""
    return test_pictures.pictures(atlas.entry).of(atlas.pictures["row"].to_numpy()[rows])


def pictures(atlas: Atlas, rows: list[int]) -> np.ndarray:
    """Return test pictures by row, the model's reconstruction for those that are not at hand, uint8 (M, C, H, W)."""
    shown = originals(atlas, rows)
    missing = [place for place, picture in enumerate(shown) if picture is None]
    if missing:
        for place, picture in zip(missing, decoded(atlas, atlas.codes[[rows[i] for i in missing]]), strict=True):
            shown[place] = picture
    return np.stack(shown) if shown else np.zeros((0, *atlas.entry.image_shape), np.uint8)
