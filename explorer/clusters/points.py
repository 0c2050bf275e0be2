"""What the map's component draws: points, colours, legend, badges and outlines of an Atlas, as bytes and names."""

import hashlib
from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.clusters import figures
from explorer.clusters.atlas import Atlas, Colouring, keyed
from explorer.clusters.subject import decoded
from explorer.components import live_decoder
from explorer.components.scatter import Badge, Legend, Scatter, blob
from explorer.shared import cache, pixels, share, theme
from trainer.runs.folder import SPRITE_COLUMNS

LEGEND_LIMIT = 24
SHADES = 64
"""Colours of a scale."""


def content(
    atlas: Atlas, key: str, colouring: Colouring, layers: tuple[str, ...], focus: dict, own: tuple, selected: str
) -> Scatter:
    """Return the map; what it names is brought by `bring` and `bring_rest`.

    Args:
        key: of the colouring.
        layers: any of prior, centres, outlines.
        focus: {kind, index, at}.
        own: place of the user's picture, or empty.
        selected: bits of the selected codes.
    """
    table = atlas.pictures
    names = table.drop_duplicates("label") if "label" in table else table[:0]
    outlines = atlas.meta["outlines"] if "outlines" in layers else []
    palette, legend = _colours(colouring)
    return Scatter(
        points=_name("points", atlas),
        count=len(atlas.codes),
        samples=int((atlas.drawn["kind"] == "prior").sum()),
        codes=_name("codes", atlas),
        z_dim=atlas.entry.z_dim,
        colours=_name(key, atlas),
        palette=palette,
        legend=legend,
        labels={int(row.label): str(row.label_name) for row in names.itertuples() if row.label >= 0 and row.label_name},
        label_colours=theme.CATEGORIES,
        name=f"{atlas.entry.name} ({atlas.entry.hash})",
        model=atlas.entry.hash,
        shape=atlas.entry.image_shape,
        sprite=_name("sprite", atlas) if atlas.entry.has_sprite else "",
        sprite_columns=SPRITE_COLUMNS,
        badges=_badges(atlas),
        badge_pictures=_name("badges", atlas) if atlas.components else "",
        prior="prior" in layers,
        centres="centres" in layers,
        outlines=[{name: outline[name] for name in ("sigma", "paths")} for outline in outlines],
        usual={"map": atlas.usual.on_map, "code": atlas.usual.in_codes},
        focus=focus,
        own=own,
        selected=selected,
    )


def offer(atlas: Atlas, colouring: Colouring, layers: tuple[str, ...]) -> None:
    """Offer the map as a chart, and its points as a table, under Share."""
    dark, name = theme.is_dark(), f"{atlas.entry.name}-map"
    share.chart(lambda: figures.figure(atlas, colouring, layers, dark), name)
    share.table(name, atlas.pictures.drop(columns=["row"]))


def bring(atlas: Atlas, key: str, colouring: Colouring, side: int = 0) -> None:
    """Send the points and their colours: with them the map is painted. `side` tells maps on one page apart."""
    with st.container(key=f"clusters-bytes-{side}"):
        blob(_name("points", atlas), _points(atlas))
        blob(_name(key, atlas), _numbers(atlas, key, colouring))


def bring_rest(atlas: Atlas, side: int = 0) -> None:
    """Send what the lens and the badges need, after everything that can be seen at once."""
    with st.container(key=f"clusters-more-bytes-{side}"):
        if decoder := cache.decoder(atlas.entry):
            live_decoder.carrier(atlas.entry.hash, decoder)
        blob(_name("codes", atlas), _codes(atlas))
        if atlas.entry.has_sprite:
            blob(_name("sprite", atlas), atlas.entry.run.sprite_path.read_bytes())
        if atlas.components:
            blob(_name("badges", atlas), _centres(atlas))


def _name(what: str, atlas: Atlas) -> str:
    """Return a short name for bytes, which their content alone decides."""
    return hashlib.sha256(f"{what} {atlas.key}".encode()).hexdigest()[:24]


def _cached(make: Callable) -> Callable:
    return st.cache_resource(make, max_entries=6, show_spinner=False, hash_funcs=keyed())


@_cached
def _points(atlas: Atlas) -> bytes:
    table, rows = atlas.pictures, len(atlas.codes)
    none = np.full(rows, -1)
    label = table["label"].to_numpy() if "label" in table else none
    tile = table["sprite_index"].to_numpy() if "sprite_index" in table else none
    parts = [
        (atlas.places, "<f4"),
        (table["row"], "<u4"),
        (label.clip(-1, 32767), "<i2"),
        (tile.clip(-1, 32767), "<i2"),
    ]
    return b"".join(np.asarray(values).astype(kind).tobytes() for values, kind in parts)


@_cached
def _codes(atlas: Atlas) -> bytes:
    return atlas.everything.clip(-65504, 65504).astype("<f2").tobytes()


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=keyed())
def _numbers(atlas: Atlas, key: str, _colouring: Colouring) -> bytes:
    """Return the number of each code's colour in the palette of `_colours`."""
    values = _colouring.values
    if _colouring.names is not None:
        return np.where(values < 0, len(theme.CATEGORIES), values % len(theme.CATEGORIES)).astype(np.uint8).tobytes()
    low, high = _ends(_colouring)
    shade = np.clip((values - low) / (high - low), 0, 1) * (SHADES - 1)
    return np.where(np.isfinite(shade), np.nan_to_num(shade).round(), SHADES).astype(np.uint8).tobytes()


def _ends(colouring: Colouring) -> tuple[float, float]:
    """Return the ends of a scale: there the last per cent on either side begins."""
    known = colouring.values[np.isfinite(colouring.values)]
    low, high = np.quantile(known, [0.01, 0.99]) if len(known) else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-9))


def _colours(colouring: Colouring) -> tuple[list[str], Legend]:
    """Return the palette, its last colour for what has no value, and what it means."""
    nothing = theme.category(-1)
    if colouring.names is None:
        low, high = _ends(colouring)
        ends = {"low": f"{low:.3g}", "high": f"{high:.3g}"}
        legend = Legend(title=colouring.title, entries=[], more=0, scale=ends)
        return [*theme.scale(SHADES), nothing], legend
    ten = len(theme.CATEGORIES)
    entries = [{"name": str(n), "colour": k % ten if k >= 0 else ten} for k, n in colouring.names.items()]
    more = max(0, len(entries) - LEGEND_LIMIT)
    return [*theme.CATEGORIES, nothing], Legend(
        title=colouring.title, entries=entries[:LEGEND_LIMIT], more=more, scale=None
    )


def _badges(atlas: Atlas) -> list[Badge]:
    places = atlas.places[len(atlas.places) - atlas.components :]
    return [Badge(title=f"Component {k}", at=place) for k, place in enumerate(places[:, :2].tolist())]


@_cached
def _centres(atlas: Atlas) -> bytes:
    """Return the decoded centres side by side, PNG."""
    made = decoded(atlas, atlas.centres)
    return pixels.png(pixels.join_tiles(made, len(made)))
