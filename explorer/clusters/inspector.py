"""The panel beside the map, about one point, and the gallery below it, about many."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from explorer.clusters.atlas import Atlas
from explorer.clusters.state import current, look_at
from explorer.clusters.subject import (
    OWN,
    Subject,
    decoded,
    neighbours,
    originals,
    pictures,
    reliability,
    responsibilities,
)
from explorer.components import gallery as clusters_gallery
from explorer.shared import pixels, test_pictures, theme, widgets
from explorer.shared.latent import WITHOUT_SPRITE
from explorer.shared.links import TraverseState, edits_text, open_traverse

GALLERY_LIMIT = 120
_SPRITE_COLUMNS = 50


def panel(atlas: Atlas, subject: Subject | None) -> None:
    """Everything known of the focus, or what can be done here."""
    if subject is None:
        _hints(atlas)
        return
    st.markdown(f"**{subject.title}**  \n:small[:gray[{subject.caption}]]")
    made = decoded(atlas, subject.code[None])[0]
    _pair(subject, made)
    _about(atlas, subject)
    near = neighbours(atlas, subject)
    if near:
        st.caption("Nearest test pictures in code space", text_alignment="left")
        _tiles(atlas, near, "clusters.near")
    if st.button("Open in Traverse", icon=":material/tune:", key="clusters.traverse", width="stretch"):
        open_in_traverse(atlas, subject)
    with st.expander("Code"):
        _code(subject)


def _hints(atlas: Atlas) -> None:
    flat = atlas.settings.dims == 2
    rows = [
        (":material/touch_app:", "**Click a point** for its picture, reconstruction, scores and neighbours."),
        (
            ":material/add_location_alt:",
            "**Click an empty place** to decode the code there and see how far to trust it.",
        ),
        (
            ":material/lasso_select:",
            "**Take the lasso** from the map's tools and draw around points to see their pictures below.",
        ),
        (":material/upload:", "**Place a picture** of your own on the map."),
    ]
    with st.container(border=True, gap="small"):
        for icon, text in rows if flat else rows[3:]:
            st.markdown(f":gray[{icon}]&ensp;{text}")


def _pair(subject: Subject, made: np.ndarray) -> None:
    """The picture beside what the model makes of it; alone where there is no original."""
    with st.container(horizontal=True, gap="small"):
        if subject.original is not None:
            widgets.picture(subject.original, "picture")
        widgets.picture(made, "reconstruction" if subject.original is not None or not subject.made else "decoded")
        if subject.row is not None and subject.original is None:
            st.caption("The picture itself is not at hand; this is what the model makes of it.", width="stretch")


def _about(atlas: Atlas, subject: Subject) -> None:
    """Component, reliability and scores, as far as they apply."""
    lines = []
    if atlas.components:
        shares = responsibilities(atlas, subject.code)
        order = shares.argsort()[::-1]
        named = [f"component {k} {shares[k]:.0%}" for k in order[:2] if shares[k] >= 0.005]
        lines.append(("Belongs to", ", ".join(named)))
    if subject.made:
        found = reliability(atlas, subject.code)
        st.progress(found.score, f"Reliability **{found.score:.2f}**")
        lines += [
            (
                "Distance to the data",
                f"{found.distance:.2f}; {found.near:.0%} of test codes are lonelier",
            ),
            ("Round trip error", f"{found.trip:.2f}; larger for {found.back:.0%} of test codes"),
        ]
    if subject.row is not None and "psnr" in atlas.pictures:
        lines.append(("PSNR", f"{atlas.pictures['psnr'].iloc[subject.row]:.1f} dB"))
    if lines:
        st.html(_facts(lines))
    scores = _scores(atlas, subject)
    if scores:
        st.caption("Outlier scores, and the share of test pictures that score lower")
        st.html(_facts(scores))


def _facts(lines: list[tuple[str, ...]]) -> str:
    """Names and values in quiet columns."""
    cells = "".join(f"<span>{escape(cell)}</span>" for line in lines for cell in line)
    return f'<div class="gwae-facts" style="--columns: {len(lines[0]) - 1}">{cells}</div>'


def _scores(atlas: Atlas, subject: Subject) -> list[tuple[str, ...]]:
    """Scores of a real picture, each with its place among the test pictures."""
    table = atlas.pictures
    kept = OWN.kept(atlas)
    if subject.row is not None:
        row = table.iloc[subject.row]
        given = {name.removeprefix("score_"): row[name] for name in table if name.startswith("score_")}
    elif kept and current().focus == "upload" and subject.original is not None:
        given = kept.scores
    else:
        return []
    lines = []
    for name, value in given.items():
        column = f"score_{name}"
        place = f"{(table[column] < value).mean():.0%}" if column in table else ""
        lines.append((name[:1].upper() + name[1:], f"{value:.3g}", place))
    return lines


def _code(subject: Subject) -> None:
    numbers = [f"{value:.3f}" for value in subject.code.tolist()]
    st.code(", ".join(numbers), language=None, wrap_lines=True)


# ---------------------------------------------------------------- on to Traverse


def open_in_traverse(atlas: Atlas, subject: Subject) -> None:
    """Hand the code over and leave: a test picture as it is, anything else as its nearest one, moved to the code."""
    open_traverse(traverse_state(atlas, subject))


def traverse_state(atlas: Atlas, subject: Subject) -> TraverseState:
    """The state of the Traverse page that starts at a subject's code."""
    view, table, hash_ = current(), atlas.pictures, atlas.entry.hash
    index = table["sprite_index" if atlas.entry.has_sprite else "row"].to_numpy()
    known = (index >= 0) if atlas.entry.has_sprite else index < WITHOUT_SPRITE
    if subject.row is not None and known[subject.row]:
        return TraverseState(checkpoint=hash_, start="image", index=int(index[subject.row]))
    if view.focus == "centre":
        return TraverseState(checkpoint=hash_, start="component", component=view.index)
    near = next((row for row in neighbours(atlas, subject, len(table)) if known[row]), None)
    if near is None:
        return TraverseState(checkpoint=hash_, start="prior")
    edits = edits_text(dict(enumerate(subject.code.tolist())))
    return TraverseState(checkpoint=hash_, start="image", index=int(index[near]), edits=edits)


# ---------------------------------------------------------------- many pictures


def gallery(atlas: Atlas, rows: np.ndarray) -> None:
    """Pictures above their reconstructions, in groups of one label; more than GALLERY_LIMIT are thinned evenly.

    Args:
        rows: of Atlas.pictures, ascending.
    """
    table = atlas.pictures.iloc[rows]
    labels = table["label_name"].where(table["label_name"] != "", "no label") if "label_name" in table else "all"
    table = table.assign(at=rows, group=labels)
    sizes = table.groupby("group").size().sort_values(ascending=False)
    share = min(1.0, GALLERY_LIMIT / len(rows))
    groups, chosen = [], []
    for name, size in sizes.items():
        members = table[table["group"] == name]
        count = min(size, max(1, round(share * size)))
        members = _pictured_first(atlas, members, count)
        places = np.unique(np.linspace(0, len(members) - 1, count).round().astype(int))
        picked = members.iloc[places]
        colour = theme.category(int(picked["label"].iloc[0])) if "label" in picked else ""
        note = f"{size:,} picture{'s' if size != 1 else ''}" + (f", {len(picked)} shown" if len(picked) < size else "")
        titles = [f"{name} · {id_}" for id_ in picked["id"]]
        groups.append({"title": str(name), "note": note, "colour": colour, "first": len(chosen), "titles": titles})
        chosen += [int(row) for row in picked["at"]]
    _show_gallery(atlas, chosen, groups, len(rows))


def _pictured_first(atlas: Atlas, members: pd.DataFrame, count: int) -> pd.DataFrame:
    """Those whose picture is at hand, if they are enough."""
    pictured = members[test_pictures.pictures(atlas.entry).known[members["row"].to_numpy()]]
    return pictured if len(pictured) >= count else members


def _show_gallery(atlas: Atlas, chosen: list[int], groups: list[dict], total: int) -> None:
    absent = sum(picture is None for picture in originals(atlas, chosen))
    st.subheader(f"{total:,} selected", anchor=False)
    st.caption(
        "Upper: the picture; lower: what the model makes of it. Click one for more."
        + (f" {len(chosen)} are shown, every label by its share." if len(chosen) < total else "")
        + (f" For {absent} of them the picture is not at hand: both are the model's." if absent else "")
    )
    above, below = pictures(atlas, chosen), decoded(atlas, atlas.codes[chosen])
    sprite = pixels.png(pixels.join_tiles(np.concatenate([above, below]), _SPRITE_COLUMNS))

    def picked() -> None:
        place = st.session_state["clusters.gallery"].picked
        if isinstance(place, int) and 0 <= place < len(chosen):
            look_at("code", int(atlas.pictures["row"].iloc[chosen[place]]))

    clusters_gallery.gallery(
        _gallery_data(atlas, sprite, len(chosen), groups, pair=True), key="clusters.gallery", on_picked=picked
    )


def _tiles(atlas: Atlas, rows: list[int], key: str) -> None:
    """A line of test pictures to go on to."""
    names = atlas.pictures.iloc[rows]
    titles = [f"{name} · {id_}".removeprefix(" · ") for name, id_ in zip(names["label_name"], names["id"], strict=True)]
    sprite = pixels.png(pixels.join_tiles(pictures(atlas, rows), _SPRITE_COLUMNS))

    def picked() -> None:
        place = st.session_state[key].picked
        if isinstance(place, int) and 0 <= place < len(rows):
            look_at("code", int(atlas.pictures["row"].iloc[rows[place]]))

    groups = [{"title": "", "note": "", "colour": "", "first": 0, "titles": titles}]
    clusters_gallery.gallery(_gallery_data(atlas, sprite, len(rows), groups), key=key, on_picked=picked)


def _gallery_data(
    atlas: Atlas, sprite: bytes, count: int, groups: list[dict], pair: bool = False
) -> clusters_gallery.Gallery:
    return clusters_gallery.Gallery(
        sprite=pixels.as_base64(sprite),
        columns=_SPRITE_COLUMNS,
        shape=list(atlas.entry.image_shape),
        count=count,
        pair=pair,
        size=44,
        groups=groups,
    )
