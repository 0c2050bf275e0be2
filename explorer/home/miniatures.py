"""What the second and third step of the first screen decode: axes to move, a map to look around, prior samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from explorer.home.claims import FACES, FACTORS
from explorer.shared import axis_names, cache, catalog, latent, pixels, theme
from trainer.batching import evenly
from trainer.evaluation.disentanglement import record as records
from trainer.latent import map_file, neighbours
from trainer.runs import layout

AXES = 5
FACTOR_AXES = 4
POINTS = 500
SAMPLES = 45
"""Five sheets of nine: as many as can be seen without the server."""


class Miniature(NamedTuple):
    """The model that decodes a miniature, and what the component draws."""

    entry: catalog.Entry
    content: dict[str, Any]


def axes(entry: catalog.Entry) -> dict[str, Any]:
    """Return the most effective axes of a model, as page Traverse ranks them."""
    space = latent.space(entry)
    effect = space.table.effect
    strongest = max(float(effect.max()), 1e-9)
    rows = [axis for axis in latent.axes(space) if axis["live"]][:AXES]
    return {
        "hash": entry.hash,
        "rows": [
            {"i": row["i"], "low": row["low"], "high": row["high"], "name": f"z{row['i']}"}
            | {"share": round(float(effect[row["i"]]) / strongest, 3)}
            for row in rows
        ],
    }


def all_of(entry: catalog.Entry) -> dict[str, Miniature]:
    """Return the miniatures by name; that of a model that is absent, or has no decoder, is left out."""
    factors, faces = catalog.find(FACTORS), catalog.find(FACES)
    made = {"map": _map(entry), "samples": _samples(faces or entry)}
    if factors and not cache.codes(factors).empty:
        made["axes"] = _factors(factors)
    return {name: miniature for name, miniature in made.items() if cache.decoder(miniature.entry)}


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=catalog.keyed(layout.CODES))
def _factors(entry: catalog.Entry) -> Miniature:
    """The axes that carry a factor most clearly, and the first test picture's code to start from."""
    stored, codes = axis_names.best_record(entry), _codes(entry)
    known = [(axis, *found) for axis, found in enumerate(records.carried(stored) if stored else []) if found]
    clearest = sorted(known, key=lambda found: -found[2])
    low, high = np.quantile(codes, (0.005, 0.995), axis=0).round(3).tolist()
    rows = [
        {"i": axis, "name": name, "low": low[axis], "high": high[axis], "share": 1}
        for axis, name, _ in clearest[:FACTOR_AXES]
    ]
    return _miniature(entry, code=pixels.as_base64(codes[len(codes) // 2]), rows=rows)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=catalog.keyed(layout.CODES, layout.MAP))
def _map(entry: catalog.Entry) -> Miniature:
    """Places of some test codes on the stored map, else on the linear one, in the colours of their components."""
    table = cache.codes(entry)
    table = table.iloc[evenly(len(table), POINTS)]
    stored = entry.path / layout.MAP
    if stored.is_file():
        places = map_file.read(stored).frame.drop_duplicates("id").set_index("id")
        table = table[table["id"].isin(places.index)]
        xy = places.loc[table["id"], ["x", "y"]].to_numpy("float32")
    else:
        xy = neighbours.pca(_codes(entry, table), 2).astype("float32")
    groups = table["component"] if "component" in table else table["label"]
    return _miniature(
        entry,
        xy=pixels.as_base64(xy),
        codes=pixels.as_base64(_codes(entry, table)),
        colours=[theme.category(int(group)) for group in groups],
    )


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=catalog.keyed())
def _samples(entry: catalog.Entry) -> Miniature:
    """Prior samples; sample i is that of seed i, as page Generate shows it."""
    model = cache.model(entry)
    import torch

    with torch.inference_mode():
        drawn = [model.sample_prior(1, torch.Generator().manual_seed(seed)) for seed in range(SAMPLES)]
    return _miniature(entry, codes=pixels.as_base64(torch.cat(drawn).numpy()), count=SAMPLES)


def _codes(entry: catalog.Entry, table: Any = None) -> np.ndarray:
    table = cache.codes(entry) if table is None else table
    return table[layout.code_columns(entry.z_dim)].to_numpy("float32")


def _miniature(entry: catalog.Entry, **content: Any) -> Miniature:
    shared = {"hash": entry.hash, "shape": list(entry.image_shape), "model": entry.name}
    return Miniature(entry, shared | content)
