"""The critic's potential over a plane of the latent space, with the codes of test pictures on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer.geometry import figures, sample
from explorer.geometry.state import bound, current
from explorer.shared import axis_names, beside, cache, catalog, share, theme, widgets
from trainer.errors import UserError
from trainer.latent import potential
from trainer.runs import layout

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

SHOWN = 1500
"""Codes drawn at most."""
OF_PICTURES = "score_potential f(x, mu)"
PLANES = {"axes": "Two axes", "components": "Two components"}
WHAT = (
    "Colour: the critic's potential f(g(z), z), high where it takes code and picture for a draw of the prior. "
    "Dots: codes of test pictures, projected onto the plane, which goes through their mean. Where the colour is even, "
    "the critic cannot tell the two apart, which is what L_D asks for."
)
TWO = (
    " Both planes turn to axes of equal rank, the widest first, or to components of one number; the dots are the same "
    "pictures, and the colours of both go over equally many values."
)


class Turn(NamedTuple):
    """What the plane is turned to: "axes" and two of them by rank, the widest first; or "components" by number."""

    kind: str
    first: int
    second: int


class Seen(NamedTuple):
    """One model's part: the potential over its plane, the plane, and the names of its two directions.

    Attributes:
        means: of the potential over prior samples, and over test pictures with their codes (None: not measured).
    """

    entry: catalog.Entry
    over: potential.Potential
    plane: potential.Plane
    names: list[str]
    means: tuple[float, float | None]


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the view, of the model to compare with as well."""
    with widgets.user_errors():
        models = beside.shown(entry, 2)
        if all(model.model_kind != "gwae" for model in models):
            widgets.empty_state("No critic", lacks(entry, None), icon=":material/layers:")
            return
        turn = _controls(next(model for model in models if model.model_kind == "gwae"))
        seen: list[Seen] = []
        places = beside.columns(models, "geometry-critic")
        for place, model in zip(places, models, strict=True):
            with place, widgets.user_errors():
                if missing := lacks(model, turn):
                    st.caption(f":material/info: {missing}")
                else:
                    seen.append(_seen(model, turn))
        _draw(seen, {model.name: place for model, place in zip(models, places, strict=True)})
        if len(seen) == 2 and (said := verdict(seen)):
            st.markdown(said)
        st.caption(WHAT + (TWO if len(seen) == 2 else ""))


def lacks(entry: catalog.Entry, turn: Turn | None) -> str:
    """Return what a model has not that the view needs, as a sentence; empty if it has all."""
    if entry.model_kind != "gwae":
        return f"{entry.name} was trained without a critic; a GWAE has one."
    most = max(turn[1:]) if turn else 0
    if turn and turn.kind == "components" and most >= _components(entry):
        return f"The prior of {entry.name} has no component {most}: choose two that both models have, or two axes."
    if turn and turn.kind == "axes" and most >= entry.z_dim:
        return f"{entry.name} has only {entry.z_dim} axes: choose two of the widest."
    return ""


def _components(entry: catalog.Entry) -> int:
    prior = entry.run.config.prior
    return prior.components if prior.kind == "gmp" else 0


def _seen(entry: catalog.Entry, turn: Turn) -> Seen:
    """Return one model's part. Raises: UserError if it or its codes cannot be read."""
    table = cache.codes(entry)
    codes = _codes(entry, table)
    kind, first, second = turn
    if kind == "axes":
        first, second = (int(axis) for axis in widest(codes)[[first, second]])
    of_pictures = float(table[OF_PICTURES].mean()) if OF_PICTURES in table else None
    return Seen(
        entry,
        over(entry, kind, first, second),
        _plane(entry, codes, kind, first, second),
        _names(entry, kind, first, second),
        (of_prior(entry), of_pictures),
    )


def _draw(seen: Sequence[Seen], places: Mapping[str, DeltaGenerator]) -> None:
    """Draw each model's plane with the same pictures on it, the colours of both over a range of one width."""
    span = max((float(np.ptp(each.over.values)) for each in seen), default=0.0)
    known: list[str] = []
    for each in seen:
        table = cache.codes(each.entry)
        codes = _codes(each.entry, table)
        rows = shown(table, len(codes), known)
        known = known or (list(table["id"].iloc[rows]) if "id" in table else [])
        labels = table[["label", "label_name"]].iloc[rows] if _labelled(table) else None
        width = span if len(seen) > 1 else None
        at = each.plane.places(codes[rows])
        figure = figures.potential(each.over, at, labels, each.names, theme.is_dark(), width)
        with places[each.entry.name]:
            widgets.chart(figure, f"geometry.potential.{each.entry.name}", "geometry-potential")
            st.markdown(_means(*each.means))
        y, x = np.meshgrid(each.over.y, each.over.x, indexing="ij")
        grid = {each.names[0]: x.ravel(), each.names[1]: y.ravel(), "f(g(z), z)": each.over.values.ravel()}
        share.table(f"{each.entry.name}-potential", {str(name): column for name, column in grid.items()})


def shown(table: pd.DataFrame, count: int, known: Sequence[str]) -> np.ndarray:
    """Return the rows that are drawn: those of the ids `known` to be drawn of another model, else SHOWN by chance."""
    if known and "id" in table:
        places = {identity: row for row, identity in enumerate(table["id"])}
        rows = np.array([places[identity] for identity in known if identity in places], int)
        if len(rows):
            return rows
    return np.random.default_rng(0).permutation(count)[:SHOWN]


def verdict(seen: Sequence[Seen]) -> str:
    """Return which model's critic tells prior samples and test pictures apart less; empty where it is not measured."""
    gaps = {each.entry.name: abs(each.means[0] - each.means[1]) for each in seen if each.means[1] is not None}
    if len(gaps) < 2:
        return ""
    said = beside.verdict(
        gaps,
        "has the smaller difference, as L_D asks for",
        "have the same difference",
    )
    return f"{said} Each difference is by the model's own critic, which need not be as sharp as the other."


def _labelled(table: pd.DataFrame) -> bool:
    return {"label", "label_name"} <= set(table) and bool((table["label"] >= 0).any())


def _controls(entry: catalog.Entry) -> Turn:
    """Return what the plane is turned to, by the axes or components of one model."""
    codes = _codes(entry, cache.codes(entry))
    count = _components(entry)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = current().plane if count >= 2 else "axes"
        if count >= 2:
            widgets.segments("Plane of", PLANES, **bound("plane", plane_x=-1, plane_y=-1))
        names = axis_names.names(entry) if kind == "axes" else [f"component {number}" for number in range(count)]
        if len(names) < 2:
            raise UserError(f"{entry.name} has one axis: there is no plane to draw.")
        first, second = directions(codes if kind == "axes" else None, len(names))
        options = {"options": list(range(len(names))), "format_func": names.__getitem__, "width": 220}
        st.selectbox("Across", **options, **bound("plane_x", first))
        st.selectbox("Up", **options, **bound("plane_y", second))
    if kind == "components":
        return Turn(kind, first, second)
    order = widest(codes).tolist()
    return Turn(kind, order.index(first), order.index(second))


def widest(codes: np.ndarray) -> np.ndarray:
    """Return the axes by falling standard deviation of codes (n, z_dim)."""
    return np.argsort(-codes.std(0), kind="stable")


def directions(codes: np.ndarray | None, count: int) -> tuple[int, int]:
    """Return the chosen two of `count` axes or components; by default the axes along which the codes (n, z_dim) are
    widest, or the first components.
    """
    view, order = current(), list(range(count))
    if codes is not None:
        order = widest(codes).tolist()
    first = view.plane_x if 0 <= view.plane_x < count else next(each for each in order if each != view.plane_y)
    second = view.plane_y if 0 <= view.plane_y < count and view.plane_y != first else None
    return first, next(each for each in order if each != first) if second is None else second


def _names(entry: catalog.Entry, kind: str, first: int, second: int) -> list[str]:
    if kind == "axes":
        names = axis_names.names(entry)
        return [names[first], names[second]]
    return [f"towards component {first}", f"towards component {second}, at a right angle"]


def _codes(entry: catalog.Entry, table: pd.DataFrame) -> np.ndarray:
    """Return the posterior means of the test pictures, else prior samples, (n, z_dim)."""
    axes = layout.code_columns(entry.z_dim)
    if not table.empty and set(axes) <= set(table):
        return table[axes].to_numpy("float64")
    return sample.of(entry, "prior").pairs.codes.double().numpy()


def _plane(entry: catalog.Entry, codes: np.ndarray, kind: str, first: int, second: int) -> potential.Plane:
    if kind == "axes":
        return potential.of_axes(codes, first, second)
    means = cache.model(entry).prior.means().detach().double().numpy()
    return potential.of_points(codes, means[first], means[second])


@st.cache_resource(max_entries=32, show_spinner="Asking the critic …", hash_funcs=catalog.keyed(layout.CODES))
def over(entry: catalog.Entry, kind: str, first: int, second: int) -> potential.Potential:
    """Return the potential over the chosen plane."""
    model = cache.model(entry)
    codes = _codes(entry, cache.codes(entry))
    return potential.over(model, _plane(entry, codes, kind, first, second), codes)


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=catalog.keyed())
def of_prior(entry: catalog.Entry) -> float:
    """Return the mean potential of the prior samples that the page draws."""
    return float(potential.potentials(cache.model(entry), sample.of(entry, "prior").pairs.codes).mean())


def _means(prior: float, pictures: float | None) -> str:
    """Return both means, whose difference is L_D where codes are posterior means instead of draws."""
    if pictures is None:
        return f"Mean over prior samples **{prior:.3f}**"
    return (
        f"Mean over prior samples **{prior:.3f}** · over test pictures with their codes **{pictures:.3f}** · "
        f"difference **{prior - pictures:.3f}**"
    )
