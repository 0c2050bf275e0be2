"""One sample: its picture, the training pictures with the nearest codes, and the way to page Traverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from explorer.generate.draws import draws, pictures
from explorer.generate.state import change, current
from explorer.shared import catalog, escape, pixels, state, test_pictures
from explorer.shared.links import TraverseState, edits_text, open_traverse
from trainer.runs import layout

if TYPE_CHECKING:
    import numpy as np

NEAREST = 6
SIDE = 96


class Neighbours(NamedTuple):
    """The training codes nearest to a sample: ids, distances (k,), and their pictures, uint8 (k, C, H, W), or None."""

    ids: list[str]
    distances: np.ndarray
    pictures: np.ndarray | None


def show(entry: catalog.Entry, models: list[catalog.Entry]) -> None:
    """Show the sample that was clicked last, if any."""
    view = current()
    if view.picked < 0:
        return
    model = next((each for each in models if each.name == view.of), entry)
    code = draws(model, view.picked, 1, view.component).at(view.temperature)
    with st.container(border=True, key="generate-details"):
        _head(model, code)
        near = nearest(model, code[0])
        if near is None:
            st.caption(
                f"{escape.markdown(model.name)} has no codes of training pictures; measure it to see the nearest ones."
            )
            return
        _neighbours(model, near, code)


def _head(model: catalog.Entry, code: np.ndarray) -> None:
    view = current()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**Seed {view.picked}** of {escape.markdown(model.name)}, temperature {view.temperature:g}",
            width="stretch",
        )
        if st.button("Open in Traverse", icon=":material/tune:", key="generate.traverse"):
            state.select_model(model.name)
            open_traverse(_traverse_state(model, code[0]))
        st.button("Close", key="generate.close", type="tertiary", on_click=change, kwargs={"picked": -1})


def _neighbours(model: catalog.Entry, near: Neighbours, code: np.ndarray) -> None:
    rows = [("this sample", pictures(model, code)[0])]
    if near.pictures is not None:
        rows += [(f"{d:.2f}", p) for d, p in zip(near.distances, near.pictures, strict=True)]
    enlarge = max(1, SIDE // model.image_shape[1])
    with st.container(horizontal=True, gap="small"):
        for caption, picture in rows:
            st.image(pixels.inline(pixels.png(pixels.join_tiles(picture[None], 1), enlarge)), caption, width=SIDE)
    said = ", ".join(f"{d:.2f}" for d in near.distances)
    typical = typical_distance(model)
    what = "Distances to the nearest training codes"
    usual = f" Between training codes the nearest is usually {typical:.2f} away." if typical else ""
    if near.pictures is None:
        st.caption(
            f"{what}: {said}.{usual} Their pictures are not shown: "
            f"{escape.markdown(model.data_title)} may not be passed on."
        )
    else:
        st.caption(f"Captions are {what[0].lower() + what[1:]}, of a sample of the training pictures.{usual}")


def nearest(entry: catalog.Entry, code: np.ndarray) -> Neighbours | None:
    """Return the NEAREST training codes of a code (z_dim,), or None where the run has none.

    Raises: UserError if the sprite of the training pictures is damaged.
    """
    table = _training(entry)
    if table is None:
        return None
    import numpy as np

    from trainer.latent import neighbours

    ids, tiles, codes = table
    rows, distances = neighbours.nearest(code[None], codes, NEAREST)
    chosen = [ids[row] for row in rows[0]]
    return Neighbours(chosen, np.asarray(distances[0]), _shown(entry, chosen, tiles[rows[0]]))


def _shown(entry: catalog.Entry, ids: list[str], tiles: np.ndarray) -> np.ndarray | None:
    """Training pictures from the run's sprite or from the data on this disk, uint8 (k, C, H, W); None without both."""
    import numpy as np

    from trainer.data import local

    sheet = _sprite(entry)
    if sheet is not None and (tiles >= 0).all():
        return sheet[tiles]
    settings = entry.run.config.data
    found = local.find(settings, ids, local.place(settings, test_pictures.roots()))
    return None if found is None else found.read(np.arange(len(ids)))


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=catalog.keyed(layout.TRAIN_CODES))
def _training(entry: catalog.Entry) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """Ids, places in the sprite and codes (n, z_dim) of the run's sample of training pictures."""
    from trainer.ood import neighbours

    table = neighbours.read(entry.run)
    axes = layout.code_columns(entry.z_dim)
    if table.empty or not set(axes) <= set(table.columns):
        return None
    return table["id"].tolist(), table["tile"].to_numpy(), table[axes].to_numpy("float64")


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=catalog.keyed(layout.TRAIN_SPRITE))
def _sprite(entry: catalog.Entry) -> np.ndarray | None:
    from trainer.runs.sprite import read_sprite_tiles

    path = entry.path / layout.TRAIN_SPRITE
    return read_sprite_tiles(path, entry.image_shape) if path.is_file() else None


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=catalog.keyed(layout.TRAIN_CODES))
def typical_distance(entry: catalog.Entry) -> float | None:
    """Return the median distance of training codes to the nearest other one."""
    import numpy as np

    from trainer.latent import neighbours

    table = _training(entry)
    if table is None or len(table[2]) < 2:
        return None
    return float(np.median(neighbours.neighbour_distances(table[2], 200)))


def _traverse_state(model: catalog.Entry, code: np.ndarray) -> TraverseState:
    """The sample as a start of page Traverse: its seed, and what temperature and component have changed."""
    seed = current().picked
    plain = draws(model, seed, 1).codes[0]
    moved = {axis: float(code[axis]) for axis in range(len(code)) if abs(code[axis] - plain[axis]) > 1e-6}
    return TraverseState(checkpoint=model.hash, start="prior", seed=seed, edits=edits_text(moved))
