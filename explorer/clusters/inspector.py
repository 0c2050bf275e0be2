"""The panel beside the map, about one point, and the gallery below it, about many."""

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from explorer.clusters import subject as subjects
from explorer.clusters.atlas import Atlas, score_title
from explorer.clusters.state import change, current, look_at
from explorer.clusters.subject import OWN, Subject, decoded, originals, pictures
from explorer.components import gallery as galleries
from explorer.shared import share, test_pictures, theme, widgets
from explorer.shared.latent import WITHOUT_SPRITE
from explorer.shared.links import TraverseState, edits_text, open_traverse
from trainer.batching import evenly

GALLERY_LIMIT = 120
_HINTS = [
    (
        "search",
        "**Hover over the map**: the lens shows a point's picture, or what the decoder draws at an empty place.",
    ),
    ("touch_app", "**Click a point** for its picture, reconstruction, scores and neighbours."),
    ("add_location_alt", "**Click an empty place** to decode the code there and see how reliable the picture is."),
    ("lasso_select", "**Take the lasso** above the map and draw around points to see their pictures below."),
    ("timeline", "**Take the path** and drag from one place to another to see the pictures between."),
    ("upload", "**Place a picture** of your own on the map."),
]


def panel(atlas: Atlas, subject: Subject | None) -> None:
    """The point in focus with all its numbers, or what can be done here."""
    if subject is None:
        widgets.hints(_HINTS if atlas.settings.dims == 2 else _HINTS[-1:])
        return
    st.markdown(f"**{subject.title}**  \n:small[:gray[{subject.caption}]]")
    made = decoded(atlas, subject.code[None])[0]
    _pair(subject, made)
    _about(atlas, subject)
    near = subjects.neighbours(atlas, subject)
    if near:
        st.caption("Nearest test pictures in code space", text_alignment="left")
        _tiles(atlas, near)
    if st.button("Open in Traverse", icon=":material/tune:", key="clusters.traverse", width="stretch"):
        open_traverse(traverse_state(atlas, subject))
    with st.expander("Code"):
        st.code(", ".join(f"{value:.3f}" for value in subject.code.tolist()), language=None, wrap_lines=True)


def _pair(subject: Subject, made: np.ndarray) -> None:
    """The picture beside its reconstruction; the decoded picture alone where there is no original."""
    with st.container(horizontal=True, gap="small"):
        if subject.original is not None:
            widgets.picture(subject.original, "picture")
        widgets.picture(made, "reconstruction" if subject.original is not None or not subject.made else "decoded")
        if subject.row is not None and subject.original is None:
            st.caption("The picture itself is not at hand; this is its reconstruction.", width="stretch")


def _about(atlas: Atlas, subject: Subject) -> None:
    """Component, reliability and scores, as far as they apply."""
    lines = []
    if atlas.components:
        shares = subjects.responsibilities(atlas, subject.code)
        order = shares.argsort()[::-1]
        named = [f"component {k} {shares[k]:.0%}" for k in order[:2] if shares[k] >= 0.005]
        lines.append(("Belongs to", ", ".join(named)))
    if subject.made:
        trust = subjects.reliability(atlas, subject.code, subject.at)
        st.progress(trust.score, f"Reliability **{trust.score:.2f}**")
        found = (trust.on_map, trust.in_codes, trust.trip)
        names = ("Distance on the map", "Distance in code space", "Round trip error")
        for name, value, usual in zip(names, found, atlas.usual, strict=True):
            lines.append((name, f"{value:.2f}; usual up to {usual:.2f}"))
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
        lines.append((score_title(name), f"{value:.3g}", place))
    return lines


def traverse_state(atlas: Atlas, subject: Subject) -> TraverseState:
    """Return the state of the Traverse page that starts at a subject's code: a test picture as it is, anything
    else as its nearest one, moved to the code.
    """
    view, table, hash_ = current(), atlas.pictures, atlas.entry.hash
    index = table["sprite_index" if atlas.entry.has_sprite else "row"].to_numpy()
    known = (index >= 0) if atlas.entry.has_sprite else index < WITHOUT_SPRITE
    if subject.row is not None and known[subject.row]:
        return TraverseState(checkpoint=hash_, start="image", index=int(index[subject.row]))
    if view.focus == "centre":
        return TraverseState(checkpoint=hash_, start="component", component=view.index)
    near = next((row for row in subjects.neighbours(atlas, subject, len(table)) if known[row]), None)
    if near is None:
        return TraverseState(checkpoint=hash_, start="prior")
    edits = edits_text(dict(enumerate(subject.code.tolist())))
    return TraverseState(checkpoint=hash_, start="image", index=int(index[near]), edits=edits)


# ---------------------------------------------------------------- many pictures


def gallery(atlas: Atlas, rows: np.ndarray, coloured: bool = False, title: str = "", opens_map: bool = False) -> None:
    """Pictures above their reconstructions, in groups of one label; more than GALLERY_LIMIT are thinned evenly.

    Args:
        rows: of Atlas.pictures, ascending.
        coloured: whether the map is coloured by label: elsewhere these colours mean something else.
        title: default how many are selected.
        opens_map: whether a click leads to the map.
    """
    table = atlas.pictures.iloc[rows]
    labels = table["label_name"].where(table["label_name"] != "", "no label") if "label_name" in table else "all"
    table = table.assign(at=rows, group=labels)
    sizes = table.groupby("group").size().sort_values(ascending=False)
    part = min(1.0, GALLERY_LIMIT / len(rows))
    groups, chosen = [], []
    for name, size in sizes.items():
        count = min(size, max(1, round(part * size)))
        members = _pictured_first(atlas, table[table["group"] == name], count)
        picked = members.iloc[evenly(len(members), count)]
        colour = theme.category(int(picked["label"].iloc[0])) if coloured and "label" in picked else ""
        note = f"{size:,} picture{'s' if size != 1 else ''}" + (f", {len(picked)} shown" if len(picked) < size else "")
        titles = [f"{name} · {id_}" for id_ in picked["id"]]
        groups.append({"title": str(name), "note": note, "colour": colour, "titles": titles})
        chosen += [int(row) for row in picked["at"]]
    absent = sum(picture is None for picture in originals(atlas, chosen))
    st.header(title or f"{len(rows):,} selected", anchor=False)
    aim = "to see it on the map" if opens_map else "for more"
    st.caption(
        f"Upper: the picture; lower: its reconstruction. Click one {aim}."
        + (f" {len(chosen)} are shown, every label by its share." if len(chosen) < len(rows) else "")
        + (f" For {absent} of them the picture is not at hand: both are the reconstruction." if absent else "")
    )
    below = decoded(atlas, atlas.codes[chosen])
    share.pictures("chosen-pictures", [(title or "selected", pictures(atlas, chosen)), ("reconstructions", below)])
    share.table("chosen-pictures", atlas.pictures.iloc[chosen].drop(columns=["row"]))
    draw(atlas, groups, chosen, "clusters.gallery", below, opens_map)


def _pictured_first(atlas: Atlas, members: pd.DataFrame, count: int) -> pd.DataFrame:
    """Those whose picture is at hand, if they are enough."""
    pictured = members[test_pictures.pictures(atlas.entry).known[members["row"].to_numpy()]]
    return pictured if len(pictured) >= count else members


def _tiles(atlas: Atlas, rows: list[int]) -> None:
    """A line of test pictures to go on to."""
    names = atlas.pictures.iloc[rows]
    titles = [f"{name} · {id_}".removeprefix(" · ") for name, id_ in zip(names["label_name"], names["id"], strict=True)]
    draw(atlas, [{"title": "", "titles": titles}], rows, "clusters.near")


def draw(
    atlas: Atlas,
    groups: list[dict],
    rows: list[int],
    key: str,
    below: np.ndarray | None = None,
    opens_map: bool = False,
) -> None:
    """Test pictures by row; a click on one moves the focus to it."""
    numbers = atlas.pictures["row"].iloc[rows].tolist()

    def picked(number: int) -> None:
        look_at("code", numbers[number])
        if opens_map:
            change(view="map")

    galleries.gallery(groups, pictures(atlas, rows), below, key=key, on_picked=picked)
