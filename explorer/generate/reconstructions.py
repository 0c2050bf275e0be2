"""Test pictures and their reconstructions by each model: the best and the worst by PSNR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.shared import beside, cache, catalog, escape, measuring, pixels, share, test_pictures, widgets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EACH = 8
SIDE = 84


def show(entry: catalog.Entry) -> None:
    """Draw the view: the selected model's best and worst pictures, and those of the models beside it.

    Raises: UserError if codes or pictures are damaged.
    """
    table = cache.codes(entry)
    if table.empty or "psnr" not in table:
        _missing(entry)
        return
    rows = best_and_worst(table["psnr"].to_numpy(), test_pictures.pictures(entry).known)
    _summary(entry, table)
    if rows is None:
        st.info(
            f"Pictures of {escape.markdown(entry.data_title)} may not be passed on, and this computer's data folder "
            "has none. Where they are, each one is shown here beside its reconstruction.",
            icon=":material/visibility_off:",
        )
        return
    for title, chosen in zip(("Best", "Worst"), rows, strict=True):
        st.header(title, anchor=False)
        _pictures(entry, title.lower(), table, chosen)


def best_and_worst(psnr: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return rows of the EACH highest and lowest PSNR among the pictures that can be shown, or None without any."""
    import numpy as np

    rows = np.flatnonzero(known & np.isfinite(psnr))
    order = rows[np.argsort(-psnr[rows], kind="stable")]
    return (order[:EACH], order[::-1][:EACH]) if len(order) else None


def _summary(entry: catalog.Entry, table: pd.DataFrame) -> None:
    low, middle, high = table["psnr"].quantile([0.0, 0.5, 1.0])
    st.markdown(
        f"PSNR of the {len(table):,} test pictures by {escape.markdown(entry.name)}: lowest {low:.1f} dB, "
        f"median {middle:.1f} dB, highest {high:.1f} dB."
    )


def _pictures(entry: catalog.Entry, title: str, table: pd.DataFrame, rows: np.ndarray) -> None:
    import numpy as np

    originals = np.stack(test_pictures.pictures(entry).of(rows))
    ids = table["id"].iloc[rows].tolist()
    made = {model.name: reconstructed(model, originals) for model in beside.shown(entry)}
    _row("test picture", originals, ids)
    for name, (drawn, psnr) in made.items():
        _row(name, drawn, [f"{value:.1f} dB" for value in psnr])
    known = [("test pictures", originals), *((str(name), drawn) for name, (drawn, _) in made.items())]
    share.pictures(f"{title}-reconstructions", known)
    share.table(f"{title}-psnr", {"id": ids} | {f"{name}, dB": psnr.tolist() for name, (_, psnr) in made.items()})


def reconstructed(entry: catalog.Entry, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return g(mu(x)), uint8 (n, C, H, W), and the PSNR of each in dB, (n,)."""
    model = cache.model(entry)
    import torch

    from trainer.evaluation.reconstruction import psnr

    x = torch.from_numpy(originals.copy()).float() / 255
    with torch.inference_mode():
        y = model.reconstruct(x)
    return pixels.to_uint8(y), psnr(y, x).numpy()


def _row(label: str, pictures: np.ndarray, captions: list[str]) -> None:
    enlarge = max(1, 2 * SIDE // pictures.shape[-1])
    st.caption(f"**{escape.markdown(label)}**")
    with st.container(horizontal=True, gap="small"):
        for picture, caption in zip(pictures, captions, strict=True):
            png = pixels.png(pixels.join_tiles(picture[None], 1), enlarge)
            st.image(pixels.inline(png), escape.markdown(caption), width=SIDE, alt=f"{label}, {caption}")


def _missing(entry: catalog.Entry) -> None:
    said = f"{entry.name} has not been measured: there is no PSNR of its test pictures."
    if entry.bundled:
        widgets.empty_state("Not measured yet", said, f"python -m trainer evaluate {entry.path}")
    else:
        measuring.missing(entry, said)
