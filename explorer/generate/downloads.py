"""The samples to take along: one labelled PNG, or a zip of single pictures with their codes."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import streamlit as st

from explorer.generate.draws import draws, pictures
from explorer.generate.state import current
from explorer.shared import catalog, export, pixels

if TYPE_CHECKING:
    import numpy as np


def show(entry: catalog.Entry, models: list[catalog.Entry], size: tuple[int, int]) -> None:
    """Draw the box of downloads; the files are made only while it is open."""
    with st.popover("Download", icon=":material/download:", key="generate.download", on_change="rerun") as box:
        if not box.open:
            return
        st.caption("The samples of the sheets with their seeds, as decoded on the server.")
        found = {each.name: (each, *_drawn(each, size[0])) for each in models}
        name = f"{entry.name}-seed{current().seed}"
        st.download_button("PNG sheet", sheet(found, size[1]), f"{name}.png", "image/png", on_click="ignore")
        st.download_button("Zip", archive(found), f"{name}.zip", "application/zip", on_click="ignore")


def _drawn(entry: catalog.Entry, n: int) -> tuple[np.ndarray, np.ndarray]:
    view = current()
    codes = draws(entry, view.seed, n, view.component).at(view.temperature)
    return codes, pictures(entry, codes)


def sheet(found: dict[str, tuple[catalog.Entry, np.ndarray, np.ndarray]], columns: int) -> bytes:
    """Return a PNG: a block for each model below its name, hash, seed and temperature."""
    blocks = [(_label(entry), pixels.join_tiles(drawn, columns, 2)) for entry, _, drawn in found.values()]
    return export.labelled_png(blocks, scale=2)


def archive(found: dict[str, tuple[catalog.Entry, np.ndarray, np.ndarray]]) -> bytes:
    """Return a zip: <model>/<seed>.png, <model>/codes.csv, and about.txt that says what they are."""
    buffer, view = io.BytesIO(), current()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("about.txt", "\n".join(_label(entry) for entry, _, _ in found.values()) + "\n")
        for name, (_, codes, drawn) in found.items():
            folder = name.replace("/", "-")
            seeds = range(view.seed, view.seed + len(codes))
            for seed, picture in zip(seeds, drawn, strict=True):
                packed.writestr(f"{folder}/{seed}.png", pixels.png(pixels.join_tiles(picture[None], 1), level=9))
            columns = {"seed": list(seeds)} | {f"z{axis}": codes[:, axis].tolist() for axis in range(codes.shape[1])}
            packed.writestr(f"{folder}/codes.csv", export.code_csv(columns))
    return buffer.getvalue()


def _label(entry: catalog.Entry) -> str:
    view = current()
    component = f", component {view.component}" if view.component >= 0 and entry.run.config.prior.kind == "gmp" else ""
    return (
        f"{entry.name} ({entry.hash}), prior samples from seed {view.seed}, temperature {view.temperature:g}{component}"
    )
