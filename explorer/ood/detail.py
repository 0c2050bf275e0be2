"""One picture of the visitor's looked at closely: input, reconstruction, error, every score, stability, neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import pictures
from explorer.ood.detector import Detector
from explorer.ood.state import current
from explorer.shared import escape, widgets
from trainer.ood.scores import LACKING

if TYPE_CHECKING:
    from explorer.shared.uploads import Uploads

NEAREST = 80


def show(found: Detector, mine: Uploads, table: pd.DataFrame, made: np.ndarray, row: int) -> None:
    """The panel about one row of the table."""
    record = table.iloc[row]
    array = mine.arrays(current().invert)[row]
    colour = "red" if record["verdict"] == "outlier" else "green"
    with st.container(border=True, gap="medium", key="ood-detail"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(
                f"**{escape.markdown(record['picture'])}** :{colour}-badge[{record['verdict']}]", width="content"
            )
            if mine.uploads[row].note:
                st.caption(mine.uploads[row].note, width="content")
        with st.container(key="ood-detail-body"):
            left, right = st.container(gap="small"), st.container(gap="small")
        with left:
            with st.container(horizontal=True, gap="small"):
                widgets.picture(array, "input")
                widgets.picture(made[row], "reconstruction")
                widgets.picture(pictures.differences(array[None], made[row][None])[0], "error")
            st.markdown(stability(record))
            _nearest(found, record)
        with right:
            _scores(found, record)


def stability(record: pd.Series) -> str:
    """How firm the verdict is, as a sentence."""
    same = int(record["same when shifted"])
    if same == 4:
        firm = "The verdict holds in all four shifts by one pixel"
    elif same == 0:
        firm = "The verdict changes with every shift by one pixel: it is a toss-up"
    else:
        firm = f"The verdict holds in only {same} of four shifts by one pixel: it is close"
    inverted = "an outlier" if record["verdict inverted"] == "outlier" else "ordinary"
    too = " too" if record["verdict inverted"] == record["verdict"] else ""
    return f"{firm}; with black and white swapped the picture would be {inverted}{too}."


def _scores(found: Detector, record: pd.Series) -> None:
    """Every score with its percentile; the combined one decides."""
    from trainer.ood.pictures import as_text

    text = as_text(record.to_frame().T.infer_objects()).iloc[0]
    shown = pd.DataFrame(
        {
            "score": list(found.scores),
            "value": [text[name] for name in found.scores],
            "percentile": [float(record[f"{name} percentile"]) for name in found.scores],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_config={
            "score": st.column_config.TextColumn("score", width=215),
            "value": st.column_config.TextColumn("value", width=80),
            "percentile": st.column_config.ProgressColumn(
                "percentile", help="Among held-out pictures.", min_value=0.0, max_value=100.0, format="%.2f", width=120
            ),
        },
    )
    parts = " and ".join(found.calibration.parts)
    said = (
        f"“combined” decides: {parts}, calibrated on {found.calibration.n:,} held-out pictures; above "
        f"{text['threshold']} a picture is called an outlier."
    )
    absent = [f"No {start} here: {why}." for start, why in LACKING.items() if not _has(found, start)]
    st.caption("  \n".join([said, *absent]))


def _has(found: Detector, start: str) -> bool:
    return any(name.startswith(start) for name in found.scores)


def _nearest(found: Detector, record: pd.Series) -> None:
    ids = [id_ for id_ in str(record["nearest"]).split(";") if id_]
    known = pictures.training_places(found.entry)
    if not ids:
        st.caption("The model's folder holds no codes of training pictures to compare with; evaluate it again.")
        return
    if not set(ids) <= set(known):
        st.caption("Nearest codes: " + ", ".join(ids) + ". Their pictures are not bundled.")
        return
    st.caption("Training pictures with the nearest codes")
    with st.container(horizontal=True, gap="small"):
        tiles = pictures.training_pictures(found.entry, [known[id_] for id_ in ids])
        for tile, id_ in zip(tiles, ids, strict=True):
            widgets.picture(tile, id_.rpartition("-")[2], NEAREST)
