"""The choice of a start: a test picture, a prior sample, a mixture centre or an uploaded picture; also of the end."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from explorer.components import live_decoder
from explorer.shared import cache, pixels, test_pictures, widgets
from explorer.shared.latent import Space, own_picture, picture_index
from explorer.shared.links import open_drawing
from explorer.shared.state import SEED_LIMIT
from explorer.traverse.state import bound, choice, current, field, restart
from trainer.runs import layout

GALLERY_LIMIT = 400
GALLERY_HEIGHT = 116
SAMPLES = 24
TILE = 44
PILLS_LIMIT = 12


def picker(space: Space, side: str, avoid: str = "") -> None:
    """Draw the widgets that set the start or the end.

    Args:
        side: "start" or "end".
        avoid: label that an automatic choice does not take (see latent.resolve).
    """
    kinds = space.kinds
    if getattr(current(), side) not in kinds:
        restart(side, kind=next(iter(kinds)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = "Start from" if side == "start" else "End picture"
        widgets.segments(label, kinds, **bound(side, restarts=side))
        kind = getattr(current(), side)
        if kind == "image":
            _label_filter(space, side)
        elif kind == "prior":
            _seed(side)
    if kind == "image":
        _gallery(space, side, avoid)
    elif kind == "prior":
        _samples(space, side)
    elif kind == "component":
        _components(space, side)
    else:
        _upload(space, side)


# ---------------------------------------------------------------- test pictures


def _label_filter(space: Space, side: str) -> None:
    names = ["", *space.labels]
    if len(names) < 3:
        return
    show = st.pills if len(names) <= PILLS_LIMIT else st.selectbox
    name = field(side, "label")
    tied = bound(name)
    if st.session_state[tied["key"]] not in names:
        st.session_state[tied["key"]] = ""
    more = {"required": True} if show is st.pills else {"width": 220}
    show("Label", names, format_func=lambda label: label or "all", **more, **tied)
    count = len(_shown(space, side))
    if count > GALLERY_LIMIT:
        st.caption(f"{GALLERY_LIMIT} of {count:,} shown", width="content")


def _shown(space: Space, side: str) -> pd.DataFrame:
    """Return the test pictures of the chosen label."""
    label = getattr(current(), field(side, "label"))
    return space.pictures[space.pictures["label_name"] == label] if label in space.labels else space.pictures


def _gallery(space: Space, side: str, avoid: str) -> None:
    """Draw thumbnails of test pictures, always with the chosen one."""
    view = current()
    label, shown = getattr(view, field(side, "label")), _shown(space, side)
    index = picture_index(space, getattr(view, field(side, "index")), avoid)
    numbers = [int(number) for number in shown.index]
    if len(numbers) > GALLERY_LIMIT:
        numbers = [numbers[place] for place in np.linspace(0, len(numbers) - 1, GALLERY_LIMIT).astype(int)]
    if index not in numbers and (not label or space.pictures.loc[index, "label_name"] == label):
        numbers = sorted([*numbers, index])
    rows = shown.reindex(numbers) if set(numbers) <= set(shown.index) else space.pictures.loc[numbers]
    titles = [" · ".join(filter(None, pair)) for pair in zip(rows["label_name"], rows["id"], strict=True)]
    pictures, selected = _pictures_of(space, tuple(numbers)), [numbers.index(index)] if index in numbers else []
    name = f"Test pictures{f' with label {label}' if label else ''}"
    _choose(space, side, "index", numbers, pictures, titles, selected, name)
    if not _has_pictures(space, numbers):
        st.caption("The pictures are not here; these are the model's reconstructions of them.")


def _pictures_of(space: Space, numbers: tuple[int, ...]) -> np.ndarray:
    """Return the pictures, or, without the data, their reconstructions, uint8 (N, C, H, W)."""
    if space.entry.has_sprite:
        return cache.tiles(space.entry, list(numbers))
    if _has_pictures(space, numbers):
        return test_pictures.pictures(space.entry).read(np.array(numbers))
    return _decoded(space.key, space, numbers)


def _has_pictures(space: Space, numbers: Sequence[int]) -> bool:
    """Return whether these test pictures are available: in the sprite, or, by row, with the data set."""
    return space.entry.has_sprite or bool(test_pictures.pictures(space.entry).known[list(numbers)].all())


@st.cache_data(max_entries=16, show_spinner=False)
def _decoded(key: str, _space: Space, numbers: tuple[int, ...]) -> np.ndarray:
    import torch

    columns = layout.code_columns(_space.model.z_dim)
    codes = torch.from_numpy(_space.pictures.loc[list(numbers), columns].to_numpy("float32", copy=True))
    return pixels.decoded(_space.model, codes)


# ---------------------------------------------------------------- the prior


def _seed(side: str) -> None:
    name = field(side, "seed")
    st.number_input("Seed", 0, SEED_LIMIT, step=1, width=130, **bound(name, restarts=side))
    if st.button("New sample", icon=":material/casino:", key=f"traverse.new.{side}"):
        seed = (getattr(current(), name) + 1) % (SEED_LIMIT + 1)
        restart(side, seed=seed)
        st.rerun()


def _samples(space: Space, side: str) -> None:
    """Draw the sample of this seed among those of the next seeds."""
    seed = getattr(current(), field(side, "seed"))
    first = min(seed // SAMPLES * SAMPLES, SEED_LIMIT - SAMPLES + 1)
    seeds = list(range(first, first + SAMPLES))
    pictures, titles = _sample_pictures(space.key, space, first), [f"seed {number}" for number in seeds]
    _choose(space, side, "seed", seeds, pictures, titles, [seed - first], "Prior samples")


@st.cache_data(max_entries=64, show_spinner=False)
def _sample_pictures(key: str, _space: Space, first: int) -> np.ndarray:
    import torch

    draw = _space.model.sample_prior
    codes = torch.cat([draw(1, torch.Generator().manual_seed(first + i)) for i in range(SAMPLES)])
    return pixels.decoded(_space.model, codes.detach())


def _components(space: Space, side: str) -> None:
    weights = space.model.prior.weights()
    component = min(choice(current(), side).component, len(weights) - 1)
    titles = [f"component {k}, weight {float(weight):.3f}" for k, weight in enumerate(weights)]
    pictures = _component_pictures(space.key, space)
    numbers = list(range(len(weights)))
    _choose(space, side, "component", numbers, pictures, titles, [component], "Mixture centres")


@st.cache_data(max_entries=8, show_spinner=False)
def _component_pictures(key: str, _space: Space) -> np.ndarray:
    return pixels.decoded(_space.model, _space.model.prior.means().detach())


def _choose(
    space: Space,
    side: str,
    name: str,
    values: list[int],
    pictures: np.ndarray,
    titles: list[str],
    selected: list[int],
    label: str,
) -> None:
    """Draw tiles to pick from: tile i sets the side's field `name` to values[i]."""
    key = f"traverse.tiles.{side}.{name}"

    def picked() -> None:
        place = st.session_state[key].picked
        if isinstance(place, int) and 0 <= place < len(values):
            restart(side, **{name: values[place]})

    live_decoder.Tiles(
        sprite=pixels.sprite(pictures, 50),
        sprite_columns=50,
        shape=list(space.model.image_shape),
        count=len(values),
        size=TILE,
        height=GALLERY_HEIGHT,
        titles=titles,
        selected=selected,
        label=label,
    ).draw(key, on_picked_change=picked)


# ---------------------------------------------------------------- an uploaded picture


def _upload(space: Space, side: str) -> None:
    """Draw the uploader, the invert switch, and the model's exact input."""
    own = own_picture(side, lambda kept: restart(side, code=kept.code))
    controls, preview = st.columns(2, gap="large", vertical_alignment="center")
    with controls:
        own.uploader(space, lambda: _ordinary(space), label_visibility="collapsed")
        can_be_drawn = side == "start" and space.entry.image_shape[0] == 1
        if can_be_drawn and st.button("Draw one", key="traverse.draw", icon=":material/draw:", type="tertiary"):
            open_drawing()
    with preview, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        kept = own.preview(space, 112)
        if not kept:
            return
        height, width = kept.upload.array.shape[1:]
        with st.container(width="stretch", gap="small"):
            st.markdown(f"**What the model sees**  \n:small[:gray[{width} × {height} pixels. {kept.upload.note}]]")
            own.invert_switch(space)
    st.caption(
        "A picture cannot be in a link: the address holds its code (to three decimals), so a copied link shows the "
        "same reconstruction and the same changes, without the original."
    )


def _ordinary(space: Space) -> Sequence[np.ndarray]:
    """Return some test pictures, if the sprite has them."""
    if not space.real or not space.entry.has_sprite:
        return []
    return _pictures_of(space, tuple(int(number) for number in space.pictures.index[:50]))
