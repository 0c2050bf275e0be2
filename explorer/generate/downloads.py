"""The samples to take along: one labelled PNG, or a zip of single pictures with their codes."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import streamlit as st

from explorer.generate.draws import draws, pictures
from explorer.generate.state import GenerateState, current
from explorer.shared import catalog, export, pixels, share, widgets

if TYPE_CHECKING:
    import numpy as np

Drawn = tuple[catalog.Entry, "np.ndarray", "np.ndarray"]
"""A model, codes (n, z_dim) and their pictures, uint8 (n, C, H, W)."""


def show(entry: catalog.Entry, models: list[catalog.Entry], size: tuple[int, int]) -> None:
    """Draw the box of downloads, and offer the same under Share; files are made when they are asked for."""
    view, (n, columns) = current(), size
    name = f"{entry.name}-samples".replace("/", "-")
    with st.popover("Download", icon=":material/download:"):
        st.caption("The samples of the sheets with their seeds, as decoded on the server.")
        found = lambda: [drawn(each, n, view) for each in models]  # noqa: E731
        widgets.download("PNG sheet", lambda: sheet(found(), columns, view), f"{name}.png", "image/png")
        packed = lambda: archive(found(), view)  # noqa: E731
        widgets.download("Zip", packed, f"{name}.zip", "application/zip", is_shared=False)
    for each in models:
        csv = lambda each=each: export.code_csv(codes_table(drawn(each, n, view)[1], view.seed))  # noqa: E731
        share.offer(f"{each.name}-codes.csv", csv, "text/csv", listed=False)


def drawn(entry: catalog.Entry, n: int, view: GenerateState) -> Drawn:
    """Return n samples of a model from the seed and at the temperature of the view."""
    codes = draws(entry, view.seed, n, view.component).at(view.temperature)
    return entry, codes, pictures(entry, codes)


def sheet(found: list[Drawn], columns: int, view: GenerateState) -> bytes:
    """Return a PNG: a block for each model below its name, hash, seed and temperature."""
    blocks = [(_label(entry, view), pixels.join_tiles(made, columns, 2)) for entry, _, made in found]
    return export.labelled_png(blocks, scale=2)


def archive(found: list[Drawn], view: GenerateState) -> bytes:
    """Return a zip: <model>/<seed>.png, <model>/codes.csv, and about.txt that says what they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("about.txt", "\n".join(_label(entry, view) for entry, _, _ in found) + "\n")
        for entry, codes, made in found:
            folder = entry.name.replace("/", "-")
            for seed, picture in enumerate(made, start=view.seed):
                packed.writestr(f"{folder}/{seed}.png", pixels.png(pixels.join_tiles(picture[None], 1), level=9))
            packed.writestr(f"{folder}/codes.csv", export.code_csv(codes_table(codes, view.seed)))
    return buffer.getvalue()


def codes_table(codes: np.ndarray, seed: int) -> dict[str, list]:
    """Return the columns seed, z0, z1 ... of codes (n, z_dim), of which the first was drawn with this seed."""
    axes = {f"z{axis}": codes[:, axis].tolist() for axis in range(codes.shape[1])}
    return {"seed": list(range(seed, seed + len(codes)))} | axes


def _label(entry: catalog.Entry, view: GenerateState) -> str:
    component = f", component {view.component}" if view.component >= 0 and entry.run.config.prior.kind == "gmp" else ""
    return (
        f"{entry.name} ({entry.hash}), prior samples from seed {view.seed}, temperature {view.temperature:g}{component}"
    )
