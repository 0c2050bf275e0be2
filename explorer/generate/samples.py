"""Sheets of prior samples that the browser decodes, the details of one of them, and what can be taken along."""

from __future__ import annotations

from typing import Any

import streamlit as st

from explorer.components import live_decoder
from explorer.components.samples import Samples
from explorer.components.samples import samples as sheets
from explorer.generate import details, downloads
from explorer.generate.draws import draws
from explorer.generate.state import bound, change, current
from explorer.shared import beside, cache, catalog, pixels, widgets
from explorer.shared.escape import markdown
from explorer.shared.state import SEED_LIMIT

KEY = "generate.samples"
_SEQUENCE = "generate.sequence"
COLUMNS = 8
COUNT = 64
FEWER = 36
"""Samples a sheet where several models share the width."""
POOL = 3


@st.fragment
def show(entry: catalog.Entry) -> None:
    """Draw the view."""
    with widgets.user_errors():
        models = beside.shown(entry)
        decodable = [each for each in models if cache.decoder(each)]
        _controls(entry, models)
        for each in models:
            if each not in decodable:
                st.info(
                    f"{each.name} has no decoder for the browser yet; make it with: "
                    f"python -m trainer evaluate {markdown(each.path)}",
                    icon=":material/info:",
                )
        if not decodable:
            return
        sheets(_content(decodable), key=KEY, on_changed=_changed, on_picked=_picked)
        st.caption(
            "Click a sample for its neighbours, or drag to another one to see the path between. The same place has "
            "the same seed for every model."
        )
        details.show(entry, decodable)
    for each in decodable:
        live_decoder.carrier(each.hash, cache.decoder(each))


def count(models: list[catalog.Entry]) -> tuple[int, int]:
    """Return the number of samples on a sheet, and of columns."""
    return (COUNT, COLUMNS) if len(models) == 1 else (FEWER, 6)


def _controls(entry: catalog.Entry, models: list[catalog.Entry]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input("Seed of the first sample", 0, SEED_LIMIT, step=1, width=190, **bound("seed"))
        mixtures = [each.run.config.prior.components for each in models if each.run.config.prior.kind == "gmp"]
        if mixtures:
            choices = [-1, *range(max(mixtures))]
            name = lambda k: "drawn by weight" if k < 0 else f"component {k}"  # noqa: E731
            shown_now = current().component if current().component in choices else -1
            st.selectbox("Component", choices, format_func=name, width=190, **bound("component", shown_now))
        downloads.show(entry, models, count(models))


def _content(models: list[catalog.Entry]) -> Samples:
    view, (n, columns) = current(), count(models)
    seed = min(view.seed, SEED_LIMIT - n + 1)
    picked = next((each.hash for each in models if each.name == (view.of or models[0].name)), "")
    return Samples(
        models=[_model(each, seed, n * POOL, view.component) for each in models],
        count=n,
        columns=columns,
        pool=POOL if seed + n * POOL <= SEED_LIMIT else 1,
        seed=seed,
        temperature=view.temperature,
        limit=SEED_LIMIT,
        picked={"hash": picked, "seed": view.picked} if view.picked >= 0 else None,
        sequence=st.session_state.get(_SEQUENCE, 0),
    )


def _model(entry: catalog.Entry, seed: int, n: int, component: int) -> dict[str, Any]:
    drawn = draws(entry, seed, n, component)
    return {
        "hash": entry.hash,
        "name": entry.name,
        "shape": list(entry.image_shape),
        "z_dim": entry.z_dim,
        "codes": pixels.as_base64(drawn.codes),
        "centres": None if drawn.centres is None else pixels.as_base64(drawn.centres),
    }


def _changed() -> None:
    report = st.session_state[KEY].changed
    if report is None:
        return
    st.session_state[_SEQUENCE] = int(report["sequence"])
    change(seed=int(report["seed"]), temperature=float(report["temperature"]))


def _picked() -> None:
    report = st.session_state[KEY].picked
    if report is None:
        return
    name = next((each.name for each in catalog.usable() if each.hash == report["hash"]), "")
    change(picked=int(report["seed"]), of=name)
