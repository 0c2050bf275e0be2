"""One component in one place: what it stands for, what it mixes up, and the pictures at its border."""

import numpy as np
import streamlit as st

from explorer.clusters import inspector
from explorer.clusters.atlas import Atlas, keyed

SHOWN = 16
"""Pictures of one kind at most."""
KINDS = 5
"""Labels, and neighbours, at most."""


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=keyed())
def mixed_up(atlas: Atlas, k: int) -> list[tuple[str, list[int]]]:
    """Return the labels of a component's pictures beside the most frequent one, and of each the rows, central first.

    Rows are those of Atlas.pictures. Empty without labels.
    """
    members = _members(atlas, k)
    names = atlas.pictures["label_name"].to_numpy()[members] if "label_name" in atlas.pictures else np.array([])
    found, counts = np.unique(names[names != ""], return_counts=True)
    order = np.argsort(-counts, kind="stable")[1:]
    return [(str(found[place]), members[names == found[place]].tolist()) for place in order]


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=keyed())
def border(atlas: Atlas, k: int) -> list[tuple[int, list[int]]]:
    """Return the components that a component's pictures nearly belong to, and of each the rows, the closest call first.

    A picture is at the border where the second component's responsibility is more than half of the first one's.
    """
    import torch

    members = _members(atlas, k)
    with torch.inference_mode():
        shares = atlas.model.prior.responsibilities(torch.tensor(atlas.codes[members])).numpy()
    own = shares[:, k].copy()
    shares[:, k] = -1
    rival, ratio = shares.argmax(1), shares.max(1, initial=0) / np.maximum(own, 1e-12)
    near = np.flatnonzero(ratio > 0.5)
    near = near[np.argsort(-ratio[near], kind="stable")]
    others, counts = np.unique(rival[near], return_counts=True)
    ordered = others[np.argsort(-counts, kind="stable")]
    return [(int(other), members[near[rival[near] == other]].tolist()) for other in ordered]


def _members(atlas: Atlas, k: int) -> np.ndarray:
    """Return the rows of Atlas.pictures that a component is responsible for, nearest to its centre first."""
    rows = np.flatnonzero(atlas.pictures["component"] == k)
    return rows[np.linalg.norm(atlas.codes[rows] - atlas.centres[k], axis=1).argsort(kind="stable")]


def show(atlas: Atlas, k: int, title: str) -> None:
    """Draw the component.

    Args:
        title: what it stands for, as Markdown.
    """
    members = _members(atlas, k)
    st.markdown(f"**Component {k}** stands for {title}")
    if not len(members):
        st.caption("No test picture of this map is assigned to it.")
        return
    others, near = mixed_up(atlas, k), border(atlas, k)
    _pictures(atlas, [("most central", f"of {len(members):,}", members[:SHOWN].tolist())], f"clusters.stands.{k}")
    strangers = sum(len(rows) for _, rows in others)
    st.markdown(f"**Mixes up** {strangers:,} of {len(members):,} pictures ({strangers / len(members):.1%})")
    kinds = [(name, _count(rows), rows[:SHOWN]) for name, rows in others[:KINDS]]
    _pictures(atlas, kinds, f"clusters.mixed.{k}")
    torn = sum(len(rows) for _, rows in near)
    st.markdown(f"**At its border** {torn:,} pictures: another component is more than half as responsible")
    kinds = [(f"component {other}", _count(rows), rows[:SHOWN]) for other, rows in near[:KINDS]]
    _pictures(atlas, kinds, f"clusters.border.{k}")


def _count(rows: list[int]) -> str:
    return f"{len(rows):,} picture{'s' if len(rows) != 1 else ''}"


def _pictures(atlas: Atlas, kinds: list[tuple[str, str, list[int]]], key: str) -> None:
    """Draw named lines of pictures; a click on one opens it on the map."""
    if not kinds:
        return
    table = atlas.pictures
    names = table["label_name"] if "label_name" in table else table["id"]
    groups = [
        {
            "title": title,
            "note": note,
            "colour": "",
            "titles": [f"{names.iloc[r]} · {table['id'].iloc[r]}" for r in rows],
        }
        for title, note, rows in kinds
    ]
    inspector.draw(atlas, groups, [row for _, _, rows in kinds for row in rows], key, opens_map=True)
