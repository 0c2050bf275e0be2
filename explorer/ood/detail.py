"""One of the user's own pictures in detail: input, reconstruction, error, every score, stability, neighbours."""

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import pictures, session
from explorer.ood.detector import Detector
from explorer.shared import widgets
from explorer.shared.escape import markdown
from explorer.shared.uploads import Uploads
from trainer.ood.scores import LACKING

NEAREST = 80


def show(detector: Detector, own: Uploads, table: pd.DataFrame, made: np.ndarray, row: int) -> None:
    """The panel about one row of the table."""
    record, array = table.iloc[row], session.prepared(detector.entry, own).arrays[row]
    colour = "red" if record["verdict"] == "outlier" else "green"
    with st.container(border=True, gap="medium", key="ood-detail"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            title = f"**{markdown(record['picture'])}** :{colour}-badge[{record['verdict']}]"
            st.markdown(title, width="content")
            if own.uploads[row].note:
                st.caption(own.uploads[row].note, width="content")
        st.markdown(markdown(record["why"]))
        _versions(own, row, record["read as"])
        with st.container(key="ood-detail-body"):
            left, right = st.container(gap="small"), st.container(gap="small")
        with left:
            with st.container(horizontal=True, gap="small"):
                error = pictures.differences(array[None], made[row][None])[0]
                for picture, caption in ((array, "input"), (made[row], "reconstruction"), (error, "error")):
                    widgets.picture(picture, caption)
            st.markdown(stability(record))
            _nearest(detector, record)
        with right:
            _scores(detector, record)


def _versions(own: Uploads, row: int, taken: str) -> None:
    """The version of the picture that is scored; one click takes another."""
    from trainer.ood.preparation import VERSIONS

    if own.shape[0] != 1:
        return
    key = f"ood.version.{own.key}.{row}"
    st.session_state[key] = taken
    st.segmented_control(
        "Read",
        VERSIONS,
        key=key,
        on_change=lambda: session.choose(row, st.session_state[key] or taken),
        help="Unless a picture is like the data already, the model chooses: the first that passes, else the least odd.",
    )


def stability(record: pd.Series) -> str:
    """Return whether shifts and inversion change the verdict, as a sentence."""
    same = int(record["same when shifted"])
    firm = {
        4: "The verdict holds in all four shifts by one pixel",
        0: "The verdict changes with every shift by one pixel: it is a toss-up",
    }.get(same, f"The verdict holds in only {same} of four shifts by one pixel: it is close")
    inverted = "an outlier" if record["verdict inverted"] == "outlier" else "ordinary"
    too = " too" if record["verdict inverted"] == record["verdict"] else ""
    return f"{firm}; with black and white swapped the picture would be {inverted}{too}."


def _scores(detector: Detector, record: pd.Series) -> None:
    """Every score with its percentile; the combined one decides."""
    from trainer.ood.pictures import as_text

    text = as_text(record.to_frame().T.infer_objects()).iloc[0]
    percentiles = [float(record[f"{name} percentile"]) for name in detector.scores]
    values = {
        "score": list(detector.scores),
        "value": [text[name] for name in detector.scores],
        "percentile": percentiles,
    }
    config = st.column_config
    columns = {
        "score": config.TextColumn("score", width=215),
        "value": config.TextColumn("value", width=80),
        "percentile": pictures.percentile_column("percentile"),
    }
    st.dataframe(pd.DataFrame(values), hide_index=True, height="content", column_config=columns)
    parts = markdown(" and ".join(detector.calibration.parts))
    decides = (
        f"“combined” decides: {parts}, calibrated on {detector.calibration.n:,} held-out pictures; above "
        f"{text['threshold']} a picture is flagged as an outlier."
    )
    lacking = {
        family: why for family, why in LACKING.items() if not any(name.startswith(family) for name in detector.scores)
    }
    st.caption("  \n".join([decides, *(f"No {family} here: {why}." for family, why in lacking.items())]))


def _nearest(detector: Detector, record: pd.Series) -> None:
    ids = [id_ for id_ in str(record["nearest"]).split(";") if id_]
    known = pictures.training_places(detector.entry)
    if not ids:
        st.caption("The model's folder holds no codes of training pictures to compare with; evaluate it again.")
        return
    if not set(ids) <= set(known):
        st.caption("Nearest codes: " + markdown(markdown(", ".join(ids))) + ". Their pictures are not bundled.")
        return
    st.caption("Training pictures with the nearest codes")
    with st.container(horizontal=True, gap="small"):
        tiles = pictures.training_pictures(detector.entry, [known[id_] for id_ in ids])
        for tile, id_ in zip(tiles, ids, strict=True):
            widgets.picture(tile, id_.rpartition("-")[2], NEAREST)
