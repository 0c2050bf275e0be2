"""The components of a mixture prior, one by one, and the agreement of their assignment with the labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from explorer.clusters import detail, inspector
from explorer.clusters.atlas import Atlas, keyed
from explorer.clusters.state import bound, change, current
from explorer.clusters.subject import decoded, pictures
from explorer.components.crosstab import crosstab
from explorer.shared import cache, catalog, measuring, pixels, share, widgets
from explorer.shared.escape import markdown
from explorer.shared.state import SEED_LIMIT
from trainer.latent.clusters import contingency, dead_components
from trainer.runs.folder import Metric

SAMPLES = 8
MEMBERS = 8
LISTED = 30
PATH = 11
DRAWN = 16
CONTROLS = {
    "placed mixture": "Mixture placed by neighbours, afterwards",
    "fitted mixture": "Mixture fitted by EM, afterwards",
    "N2D": "N2D (UMAP, then a mixture there)",
    "k-means": "k-means",
}
BLOCK = 400  # pixels: the four ways stand two by two on a laptop
ASSIGNMENTS = {"cluster": "Prior components", **{prefix: f"{title}, same codes" for prefix, title in CONTROLS.items()}}
"""Prefixes of the metrics of agreement, and what they are called."""


@dataclass(frozen=True, eq=False)
class Component:
    """One component of the prior.

    Attributes:
        weight: in the mixture.
        assigned: how many test codes it is the most responsible component of.
        label, purity: the most frequent label among them and its share; empty and 0 without.
        dead: see trainer.latent.clusters.dead_components.
        members: rows of Atlas.pictures, nearest to the centre first.
    """

    number: int
    weight: float
    assigned: int
    label: str
    purity: float
    dead: bool
    members: list[int]


@st.cache_resource(max_entries=6, show_spinner=False, hash_funcs=keyed())
def describe(atlas: Atlas) -> list[Component]:
    """Return all components in the prior's order."""
    table = cache.codes(atlas.entry)  # all of them, though a map may show a sample
    weights = atlas.model.prior.weights().detach().numpy()
    dead = dead_components(weights, table["component"].to_numpy())
    return [_component(atlas, table, k, float(weight), bool(dead[k])) for k, weight in enumerate(weights)]


def _component(atlas: Atlas, table: pd.DataFrame, k: int, weight: float, dead: bool) -> Component:
    names = table.loc[table["component"] == k, "label_name"]
    counts = names[names != ""].value_counts().sort_index()
    label, purity = (str(counts.idxmax()), float(counts.max() / len(names))) if len(counts) else ("", 0.0)
    near = np.flatnonzero(atlas.pictures["component"] == k)
    near = near[np.linalg.norm(atlas.codes[near] - atlas.centres[k], axis=1).argsort(kind="stable")]
    return Component(k, weight, len(names), label, purity, dead, near[:MEMBERS].tolist())


def show(atlas: Atlas) -> None:
    """One line per component, and controls that sample and interpolate; a sentence for priors without components."""
    if not atlas.components:
        widgets.empty_state(
            "This prior has no components",
            f"{atlas.entry.name} has a {atlas.entry.prior_title}: one piece, not a mixture. Its map can be coloured by "
            "the k-means clusters of its codes instead.",
            icon=":material/bubble_chart:",
        )
        return
    described = describe(atlas)
    share.table("components", pd.DataFrame(described).drop(columns=["members"]))
    count, dead = len(described), sum(component.dead for component in described)
    listed = sorted(described, key=lambda component: -component.weight)
    used = f"{count - dead} of {count} in use" if dead else f"all {count} in use"
    st.markdown(f"{count} components, {used}; largest weight {listed[0].weight:.0%}.")
    _bench(atlas)
    st.caption(
        f"Each component: its decoded centre, {SAMPLES} decoded samples, and the most central of the test pictures "
        "assigned to it. The heaviest first."
    )
    if count > LISTED and not st.toggle(f"Show all {count} components", key="clusters.all"):
        listed = listed[:LISTED]
    with st.container(key="clusters-components", gap="xsmall"):
        for component in listed:
            _line(atlas, component, st.columns([2.1, 0.45, 2.7, 2.7], gap="small", vertical_alignment="center"))


def _stands_for(component: Component) -> str:
    """Return what a component's pictures mostly are, as Markdown."""
    if not component.assigned:
        return "no picture assigned"
    return f"mostly **{markdown(component.label)}** ({component.purity:.0%})" if component.label else "no label"


def _line(atlas: Atlas, component: Component, columns: list) -> None:
    k = component.number
    state = ":red-badge[dead]" if component.dead else ""
    columns[0].markdown(
        f"**Component {k}** {state}  \n"
        f":small[:gray[weight {component.weight:.1%} · {component.assigned:,} pictures]]  \n"
        f":small[{_stands_for(component)}]"
    )
    centre, samples, members = _pictures(atlas, k, component.members)
    columns[1].image(centre, width="stretch", alt=f"Centre of component {k}, decoded")
    columns[2].image(samples, width="stretch", alt=f"Samples of component {k}, decoded")
    if members is not None:
        columns[3].image(members, width="stretch", alt=f"Test pictures assigned to component {k}")


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=keyed())
def _pictures(atlas: Atlas, k: int, members: list[int]) -> tuple:
    """Centre, samples and members as strips."""
    made = decoded(atlas, np.concatenate([atlas.centres[k : k + 1], sample(atlas, k, SAMPLES, seed=k)]))
    return _strip(made[:1]), _strip(made[1:]), _strip(pictures(atlas, members), MEMBERS) if members else None


def _strip(tiles: np.ndarray, places: int | None = None) -> np.ndarray:
    """Tiles (M, C, H, W) in a line, with room for `places`."""
    line = pixels.strip([tiles], scale=2)
    missing = (places or len(tiles)) - len(tiles)
    return np.pad(line, ((0, 0), (0, missing * (line.shape[1] + 4) // max(len(tiles), 1)), (0, 0)))


def sample(atlas: Atlas, k: int, n: int, seed: int, spread: float = 1.0) -> np.ndarray:
    """Return n draws of component k with its standard deviations times `spread`, (n, d): 0 is the centre, 1 the
    component.
    """
    import torch

    with torch.inference_mode():
        drawn = atlas.model.prior.sample_component(k, n, torch.Generator().manual_seed(seed)).numpy()
    return (atlas.centres[k] + spread * (drawn - atlas.centres[k])).astype("float32")


# ---------------------------------------------------------------- sample, tighten, interpolate


@st.fragment
def _bench(atlas: Atlas) -> None:
    """Draw from one component, more or less tightly, and walk from its centre to another's."""
    numbers, last, view = range(atlas.components), atlas.components - 1, current()
    if max(view.component, view.other) > last:
        change(component=min(view.component, last), other=min(view.other, last))
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            name = "component {}".format
            st.selectbox("Component", numbers, format_func=name, width=170, **bound("component"))
            spread_help = "Factor on the component's standard deviations: 0 is its centre, 1 the component as learned."
            st.slider("Spread", 0.0, 2.0, step=0.05, width=220, help=spread_help, **bound("spread"))
            st.number_input("Seed", 0, SEED_LIMIT, step=1, width=120, **bound("seed"))
            st.selectbox("Interpolate to", numbers, format_func=name, width=170, **bound("other"))
        view = current()
        k, other = view.component, view.other
        drawn = sample(atlas, k, DRAWN, view.seed, view.spread)
        ends = atlas.centres[[k, other]]
        steps = np.linspace(0, 1, PATH, dtype=np.float32)[:, None]
        made = decoded(atlas, np.concatenate([drawn, (1 - steps) * ends[0] + steps * ends[1]]))
        detail.show(atlas, k, _stands_for(describe(atlas)[k]))
        st.caption(f"{DRAWN} samples of component {k}, spread {view.spread:g}, seed {view.seed}")
        st.image(_strip(made[:DRAWN]), width="stretch", alt=f"Samples of component {k}")
        path = f"From the centre of component {k} to that of component {other}, straight through code space"
        share.pictures("component", [(f"samples of component {k}", made[:DRAWN]), (path, made[DRAWN:])])
        st.caption(path)
        st.image(_strip(made[DRAWN:], DRAWN), width="stretch", alt=f"From component {k} to component {other}")


# ---------------------------------------------------------------- agreement


def agreement(atlas: Atlas) -> None:
    """Contingency of clusters and labels, and the measures of agreement beside those of k-means."""
    table = atlas.pictures
    titles = {"component": "Prior components", "kmeans": "k-means clusters"}
    sources = {column: title for column, title in titles.items() if column in table}
    if "label" not in table or (table["label"] < 0).all():
        st.info(f"{atlas.entry.name} was evaluated on pictures without labels: agreement cannot be measured.")
        return
    numbers, figure = st.columns([1, 2], gap="large")
    known = {metric.name: metric for metric in atlas.entry.metrics}
    first = next((name for name in ASSIGNMENTS if f"{name} NMI" in known and "k-means NMI" in known), "")
    with numbers:
        _first_numbers(atlas, known, first)
    with figure:
        _figure(atlas, sources)
    if first:
        _other_numbers(atlas, known, {name: title for name, title in ASSIGNMENTS.items() if name != first})


def _figure(atlas: Atlas, sources: Mapping[str, str]) -> None:
    if not sources:
        st.info("The clusters are not computed yet; they are computed together with the UMAP map.")
        return
    chosen = current().table if current().table in sources else next(iter(sources))
    if len(sources) > 1:
        widgets.segments("Rows", sources, **bound("table"))
    _contingency(atlas, chosen, sources[chosen])


def _first_numbers(atlas: Atlas, known: Mapping[str, Metric], first: str) -> None:
    """Accuracy, NMI and ARI with intervals of the prior's own assignment, or of the first there is."""
    if not first:
        if atlas.entry.bundled:
            st.info(f"Not measured yet; run: python -m trainer evaluate {markdown(atlas.entry.path)} --only clustering")
        elif not atlas.entry.is_outdated:  # where it is, the line above the view offers to measure
            measuring.missing(atlas.entry, "Agreement with the labels is not measured yet.")
        return
    _table(known, {first: ASSIGNMENTS[first]})
    if not atlas.components:
        st.caption(f"A {atlas.entry.prior_title} assigns nothing; what is measured needs no trained prior.")
    st.caption(
        "Accuracy: best one-to-one matching. Ranges: bootstrap 95 % over pictures, the clustering held fixed; "
        "“seeds”: mean, smallest and largest value of several trainings."
    )


def _other_numbers(atlas: Atlas, known: Mapping[str, Metric], titles: Mapping[str, str]) -> None:
    """The same of the other ways to assign these codes, and of those of the matched VAE."""
    _table(known, titles)
    if control := catalog.matched_control(atlas.entry):
        st.caption(f"Control without GWAE: the same on the codes of {markdown(control.name)}, a VAE of the same beta")
        _table({metric.name: metric for metric in control.metrics}, CONTROLS, of=control.name)


def _table(known: Mapping[str, Metric], titles: Mapping[str, str], of: str = "") -> None:
    """A block per way to assign codes, side by side: its measures of agreement, each with its protocol."""
    with st.container(horizontal=True, gap="medium"):
        for prefix, title in titles.items():
            names = ("accuracy", "NMI", "ARI")
            measured = {name: metric for name in names if (metric := known.get(f"{prefix} {name}")) is not None}
            if not measured:
                continue
            with st.container(width=BLOCK, gap="small"):
                st.markdown(f"**{title}**")
                for name, metric in measured.items():
                    _number(metric, name, known.get(f"{metric.name} over seeds"), of)


def _number(metric: Metric, name: str, seeds: Metric | None, of: str) -> None:
    """A value, its protocol and its interval in one line, and its mean and range over seeds where there are several."""
    key = f"{of}{metric.name}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"metrics-c-{key}"):
        st.markdown(f"**{widgets.format_value(metric)}**", width="content")
        widgets.protocol_card(metric, name, key=f"clusters.card.{key}")
        if metric.low is not None:
            st.markdown(f":small[:gray[{metric.low:.3f} to {metric.high:.3f}]]", width="content")
        if seeds is not None:
            text = f"seeds {widgets.format_value(seeds)} ({seeds.low:.3f} to {seeds.high:.3f})"
            widgets.protocol_card(seeds, text, key=f"clusters.seeds.{key}")


def _contingency(atlas: Atlas, column: str, title: str) -> None:
    """Rows reordered by the best matching, so that agreement lies on the diagonal; a cell opens its pictures."""
    counts, names, codes = contingencies(atlas, column)
    order = matched_order(counts)
    cell = current().cell
    what = "component" if column == "component" else "cluster"
    place = (order.index(cell[0]), codes.index(cell[1])) if len(cell) == 2 and is_cell(cell, counts, codes) else None
    share.table(f"{what}s-and-labels", {what: order} | dict(zip(names, counts[order].T.tolist(), strict=True)))
    crosstab(
        counts[order].tolist(),
        [str(k) for k in order],
        names,
        (title.rstrip("s"), "label"),
        place,
        key="clusters.contingency",
        on_picked=lambda row, label: change(cell=(order[row], codes[label])),
    )
    st.caption(
        f"{counts.sum():,} test pictures by {what} and label; rows in the order of their best matching, so agreement "
        "lies on the diagonal. Colour: share of the row. Click a cell for its pictures."
    )
    if place:
        found = (atlas.pictures[column] == cell[0]) & (atlas.pictures["label"] == cell[1])
        title = f"{what.capitalize()} {cell[0]}, label {markdown(names[place[1]])}"
        inspector.gallery(atlas, np.flatnonzero(found), title=title, opens_map=True)


def is_cell(cell: tuple[int, ...], counts: np.ndarray, codes: list[int]) -> bool:
    """Return whether a cluster and a label, as a link may name them, are a cell with pictures."""
    return 0 <= cell[0] < len(counts) and cell[1] in codes and counts[cell[0], codes.index(cell[1])] > 0


def contingencies(atlas: Atlas, column: str) -> tuple[np.ndarray, list[str], list[int]]:
    """Return counts n[cluster, label] of all labelled test pictures (K, L), and the labels' names and numbers."""
    table = cache.codes(atlas.entry) if column == "component" else atlas.pictures
    labels = table[table["label"] >= 0]
    codes, index = np.unique(labels["label"].to_numpy(), return_inverse=True)
    clusters = atlas.components or int(labels[column].max()) + 1
    names = labels.drop_duplicates("label").set_index("label")["label_name"][codes].astype(str).tolist()
    return contingency(labels[column].to_numpy(), index, clusters, len(codes)), names, codes.tolist()


def matched_order(counts: np.ndarray) -> list[int]:
    """Return clusters in the order of the labels they match best (Hungarian), unmatched ones last."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(counts, maximize=True)
    matched = [int(row) for _, row in sorted(zip(columns.tolist(), rows.tolist(), strict=True))]
    return matched + [k for k in range(len(counts)) if k not in set(matched)]
