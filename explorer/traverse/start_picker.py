"""Choosing a start: a test picture, a prior sample, a mixture centre or one's own picture. Both starts use it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from explorer.components import live_decoder
from explorer.shared import cache, pixels, test_pictures
from explorer.shared.latent import Space, own_picture, picture_index
from explorer.shared.state import SEED_LIMIT
from explorer.traverse.state import bound, choice, current, restart

GALLERY_LIMIT = 400
GALLERY_HEIGHT = 116
SAMPLES = 24
TILE = 44
PILLS_LIMIT = 12


def picker(found: Space, side: str, avoid: str = "") -> None:
    """Widgets that set one of the two starts.

    Args:
        side: "start" or "end".
        avoid: label that an automatic choice does not take (see latent.resolve).
    """
    kinds = found.kinds
    if getattr(current(), side) not in kinds:
        restart(side, kind=next(iter(kinds)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.segmented_control(
            "Start from" if side == "start" else "Go to",
            list(kinds),
            format_func=kinds.__getitem__,
            required=True,
            **bound(side, restarts=side),
        )
        kind = getattr(current(), side)
        if kind == "image":
            _label_filter(found, side)
        elif kind == "prior":
            _seed(side)
    if kind == "image":
        _gallery(found, side, avoid)
    elif kind == "prior":
        _samples(found, side)
    elif kind == "component":
        _components(found, side)
    else:
        _upload(found, side)


def _field(side: str, name: str) -> str:
    return name if side == "start" else f"end_{name}"


# ---------------------------------------------------------------- test pictures


def _label_filter(found: Space, side: str) -> None:
    names = ["", *found.labels]
    if len(names) < 3:
        return
    show = st.pills if len(names) <= PILLS_LIMIT else st.selectbox
    name = _field(side, "label")
    tied = bound(name)
    if st.session_state[tied["key"]] not in names:
        st.session_state[tied["key"]] = ""
    more = {"required": True} if show is st.pills else {"width": 220}
    show("Label", names, format_func=lambda label: label or "all", **more, **tied)
    count = len(_shown(found, side))
    if count > GALLERY_LIMIT:
        st.caption(f"{GALLERY_LIMIT} of {count:,} shown", width="content")


def _shown(found: Space, side: str) -> pd.DataFrame:
    """The test pictures of the chosen label."""
    label = getattr(current(), _field(side, "label"))
    return found.pictures[found.pictures["label_name"] == label] if label in found.labels else found.pictures


def _gallery(found: Space, side: str, avoid: str) -> None:
    """Thumbnails of test pictures, scrolled, the chosen one always among them."""
    view = current()
    label, shown = getattr(view, _field(side, "label")), _shown(found, side)
    index = picture_index(found, getattr(view, _field(side, "index")), avoid)
    numbers = [int(number) for number in shown.index]
    if len(numbers) > GALLERY_LIMIT:
        numbers = [numbers[place] for place in np.linspace(0, len(numbers) - 1, GALLERY_LIMIT).astype(int)]
    if index not in numbers and (not label or found.pictures.loc[index, "label_name"] == label):
        numbers = sorted([*numbers, index])
    rows = shown.reindex(numbers) if set(numbers) <= set(shown.index) else found.pictures.loc[numbers]
    titles = [
        f"{label_} · {id_}" if label_ else id_ for label_, id_ in zip(rows["label_name"], rows["id"], strict=True)
    ]
    pictures, selected = _pictures_of(found, tuple(numbers)), [numbers.index(index)] if index in numbers else []
    name = f"Test pictures{f' with label {label}' if label else ''}"
    _choose(found, side, "index", numbers, pictures, titles, selected, name)
    if not _has_pictures(found, numbers):
        st.caption("The pictures of this data set may not be bundled; these are the model's reconstructions of them.")


def _pictures_of(found: Space, numbers: tuple[int, ...]) -> np.ndarray:
    """uint8 (N, C, H, W): the pictures themselves, or what the model makes of their codes."""
    if found.entry.has_sprite:
        return cache.tiles(found.entry, list(numbers))
    if _has_pictures(found, numbers):
        return test_pictures.pictures(found.entry).read(np.array(numbers))
    return _decoded(found.key, found, numbers)


def _has_pictures(found: Space, numbers: Sequence[int]) -> bool:
    """Whether these test pictures are at hand: in the sprite, or, by row, with the data set."""
    return found.entry.has_sprite or bool(test_pictures.pictures(found.entry).known[list(numbers)].all())


@st.cache_data(max_entries=16, show_spinner=False)
def _decoded(key: str, _found: Space, numbers: tuple[int, ...]) -> np.ndarray:
    import torch

    columns = [f"z{axis}" for axis in range(_found.model.z_dim)]
    codes = torch.from_numpy(_found.pictures.loc[list(numbers), columns].to_numpy("float32", copy=True))
    return pixels.decoded(_found.model, codes)


# ---------------------------------------------------------------- the prior


def _seed(side: str) -> None:
    name = _field(side, "seed")
    st.number_input("Seed", 0, SEED_LIMIT, step=1, width=130, **bound(name, restarts=side))
    if st.button("New sample", icon=":material/casino:", key=f"traverse.new.{side}"):
        seed = (getattr(current(), name) + 1) % (SEED_LIMIT + 1)
        restart(side, seed=seed)
        st.rerun()


def _samples(found: Space, side: str) -> None:
    """The sample of this seed among those of its neighbours."""
    seed = getattr(current(), _field(side, "seed"))
    first = min(seed // SAMPLES * SAMPLES, SEED_LIMIT - SAMPLES + 1)
    seeds = list(range(first, first + SAMPLES))
    pictures, titles = _sample_pictures(found.key, found, first), [f"seed {number}" for number in seeds]
    _choose(found, side, "seed", seeds, pictures, titles, [seed - first], "Prior samples")


@st.cache_data(max_entries=64, show_spinner=False)
def _sample_pictures(key: str, _found: Space, first: int) -> np.ndarray:
    import torch

    draw = _found.model.sample_prior
    codes = torch.cat([draw(1, torch.Generator().manual_seed(first + i)) for i in range(SAMPLES)])
    return pixels.decoded(_found.model, codes.detach())


def _components(found: Space, side: str) -> None:
    weights = found.model.prior.weights()
    component = min(choice(current(), side).component, len(weights) - 1)
    titles = [f"component {k}, weight {float(weight):.3f}" for k, weight in enumerate(weights)]
    pictures = _component_pictures(found.key, found)
    numbers = list(range(len(weights)))
    _choose(found, side, "component", numbers, pictures, titles, [component], "Mixture centres")


@st.cache_data(max_entries=8, show_spinner=False)
def _component_pictures(key: str, _found: Space) -> np.ndarray:
    return pixels.decoded(_found.model, _found.model.prior.means().detach())


def _choose(
    found: Space,
    side: str,
    name: str,
    values: list[int],
    pictures: np.ndarray,
    titles: list[str],
    selected: list[int],
    label: str,
) -> None:
    """Tiles to pick from: picking tile i sets the side's field `name` to values[i]."""
    key = f"traverse.tiles.{side}.{name}"

    def picked() -> None:
        place = st.session_state[key].picked
        if isinstance(place, int) and 0 <= place < len(values):
            restart(side, **{name: values[place]})

    live_decoder.tiles(
        live_decoder.Tiles(
            sprite=pixels.sprite(pictures, 50),
            sprite_columns=50,
            shape=list(found.model.image_shape),
            count=len(values),
            size=TILE,
            height=GALLERY_HEIGHT,
            titles=titles,
            selected=selected,
            label=label,
        ),
        key=key,
        on_picked=picked,
    )


# ---------------------------------------------------------------- one's own picture


def _upload(found: Space, side: str) -> None:
    """Uploader, the invert switch, and exactly what the model sees."""
    own = own_picture(side, lambda kept: restart(side, code=kept.code))
    controls, preview = st.columns(2, gap="large", vertical_alignment="center")
    with controls:
        own.uploader(found, lambda: _ordinary(found), label_visibility="collapsed")
    with preview, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        kept = own.preview(found, 112)
        if not kept:
            return
        height, width = kept.upload.array.shape[1:]
        with st.container(width="stretch", gap="small"):
            st.markdown(f"**What the model sees**  \n:small[:gray[{width} × {height} pixels. {kept.upload.note}]]")
            own.invert_switch(found)
    st.caption(
        "A picture cannot be in a link: the address holds its code (to three decimals), so a copied link shows the "
        "same reconstruction and the same changes, without the original."
    )


def _ordinary(found: Space) -> Sequence[np.ndarray]:
    """Some of the pictures that the model knows, if they are at hand."""
    if not found.real or not found.entry.has_sprite:
        return []
    return _pictures_of(found, tuple(int(number) for number in found.pictures.index[:50]))
