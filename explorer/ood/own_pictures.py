"""Check my pictures: upload, scores as percentiles of ordinary pictures, verdicts and CSV."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import detail, pictures, session
from explorer.ood.detector import Detector
from explorer.ood.sentences import percent
from explorer.ood.state import current, target_rate
from explorer.shared import pixels, share, widgets
from explorer.shared.escape import markdown
from explorer.shared.uploads import MAX_FILES, TYPES, Uploads

_FILES = "ood.files"
_CHANGED = "ood.changed"
_ROW = 52  # height of a row of the table
_SCALE = 3  # the browser smooths pictures in tables; enlarged ones stay crisp enough


def show(detector: Detector) -> None:
    """The whole view for the selected model."""
    files = st.file_uploader(
        f"Up to {MAX_FILES} pictures, or a zip of pictures",
        type=[*TYPES, "zip"],
        accept_multiple_files=True,
        key=_FILES,
        on_change=lambda: st.session_state.update({_CHANGED: True}),
    )
    place = st.container(gap="medium")  # progress is shown where the results will be
    with place, widgets.user_errors():
        _take(detector, files)
    own = session.uploads(detector.entry.image_shape)
    with place, widgets.user_errors():
        if own is None:
            _hints(detector)
            return
        _rejected(own)
        if own.uploads:
            _results(detector, own)


def _take(detector: Detector, files: list) -> None:
    """Read the files if the user has changed them, or they were read for models of another shape.

    Raises: UserError as session.remember.
    """
    changed = st.session_state.pop(_CHANGED, False)
    if changed and not files:
        session.forget()
    elif files and (changed or session.uploads(detector.entry.image_shape) is None):
        bar = st.progress(0.0, "Reading …")
        contents = [(file.name, file.getvalue()) for file in files]
        report = lambda done, total: bar.progress(done / total, f"Reading {done} of {total} …")  # noqa: E731
        try:
            session.remember(contents, tuple(detector.entry.image_shape), report)
        finally:
            bar.empty()


def _hints(detector: Detector) -> None:
    data, command = detector.entry.data_title, f"python -m trainer score {detector.entry.path} FOLDER --csv FILE"
    rows = [
        ("percent", f"**Every score as a percentile** of held-out {data} pictures."),
        ("gavel", "**A verdict** at the false-positive rate you choose; whether a shift by one pixel or an inversion "
         "changes it."),
        ("compare", "**The model's input**, its reconstruction, the difference of the two, and the training pictures "
         "with the nearest codes."),
        ("terminal", f"More than {MAX_FILES}? `{command}` gives the same numbers."),
    ]  # fmt: skip
    widgets.hints(rows)
    st.caption("Pictures stay in this session and are forgotten with it.")


def _rejected(own: Uploads) -> None:
    """Each file that was left out, by name."""
    if count := len(own.rejected):
        title = f"{count} file{'s were' if count > 1 else ' was'} left out"
        title += ", the others were scored" if own.names else ""
        with st.expander(title, icon=":material/warning:", expanded=count <= 3):
            st.markdown("\n".join(f"- {markdown(sentence)}" for sentence in own.rejected))


# ---------------------------------------------------------------- results


def _results(detector: Detector, own: Uploads) -> None:
    from trainer.ood.pictures import to_csv

    entry = detector.entry
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ood-mine-controls"):
        target_rate()
        downloads = st.container(width="content")
    view, bar = current(), st.empty()
    table = session.scored(entry, own, view.fpr, lambda done, total: bar.progress(done / total, "Scoring …"))
    bar.empty()
    with downloads:
        name = f"{entry.name}-scores.csv".replace("/", "-")
        same = "As python -m trainer score --format csv, which adds the slower detectors of the literature."
        widgets.download("CSV", lambda: to_csv(table), name, "text/csv", key="ood.csv", help=same)
    made = session.reconstructions(entry, own)
    share.pictures("own", [("input", session.prepared(entry, own).arrays), ("reconstruction", made)])
    with st.container(gap="small"):
        st.markdown(summary(detector, table, view.fpr))
        if sentence := changes(table["read as"], entry.data_title):
            st.caption(f":material/auto_fix_high: {sentence}")
    detail.show(detector, own, table, made, _table(detector, own, table, made))


def summary(detector: Detector, table: pd.DataFrame, fpr: float) -> str:
    """Return how many pictures are outliers, against how many of as many ordinary ones."""
    outliers, total = table[table["verdict"] == "outlier"], len(table)
    count, steady = len(outliers), int((outliers["same when shifted"] == 4).sum())
    are, plural = ("is an", "") if total == 1 else ("are", "s")
    shifts = f"{steady} of them under every one-pixel shift"
    shifts = "one-pixel shifts do not change this" if steady == count else shifts
    usual = f"{fpr * total:.2g}" if fpr * total < 10 else f"{fpr * total:.0f}"
    return (
        f"**{count} of {total}** picture{plural} {are} outlier{plural}{f'; {shifts}' if count else ''}. Of {total} "
        f"ordinary {detector.entry.data_title} pictures about {usual} would be flagged ({percent(fpr)})."
    )


def changes(versions: pd.Series, data: str) -> str:
    """Return how many pictures are not read as they are, as a sentence; empty if all are."""
    counts = versions[versions != "as it is"].value_counts()
    if counts.empty:
        return ""
    what = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"Made to look like {data}: {what}. Tick a row to see it, and to undo it."


# ---------------------------------------------------------------- the table


def _table(detector: Detector, own: Uploads, table: pd.DataFrame, made: np.ndarray) -> int:
    """The sortable table with pictures; returns the row of the details: the selected one, else the most outlying."""
    shown = rows(detector, table, session.prepared(detector.entry, own).arrays, made)
    event = st.dataframe(
        shown,
        key="ood.table",
        hide_index=True,
        row_height=_ROW,
        height=min(38 + _ROW * len(shown), 560),
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns([name for name in shown if name in detector.scores]),
    )
    st.caption("Scores are percentiles among held-out pictures. Click a header to sort; tick a row for details.")
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(table):
        return int(selected[0])
    return int(table["combined"].to_numpy().argmax())


def _columns(scores: Sequence[str]) -> dict[str, Any]:
    """What each column of the table is called, and how it is drawn."""
    config = st.column_config
    shifts = "How many of the four shifts by one pixel keep the verdict."
    return {
        "input": config.ImageColumn("input", help="Exactly the model's input.", width=60, pinned=True),
        "made": config.ImageColumn("model's", help="The reconstruction.", width=64),
        "error": config.ImageColumn("error", help="Blue: too dark, red: too bright in the reconstruction.", width=60),
        "picture": config.TextColumn("picture", width=130),
        "verdict": config.TextColumn("verdict", width=80),
        "read as": config.TextColumn("read as", help="What was done to make it look like the data.", width=120),
        **{name: config.NumberColumn(name, format="%.2f", width=110) for name in scores},
        "combined": pictures.percentile_column("combined"),
        "steady": config.TextColumn("shifts", help=shifts, width=60),
        "inverted": config.TextColumn("inverted", help="Verdict with black and white swapped.", width=70),
        "nearest": config.ImageColumn("nearest", help="The three training pictures with the nearest codes.", width=150),
    }


def rows(detector: Detector, table: pd.DataFrame, arrays: np.ndarray, made: np.ndarray) -> pd.DataFrame:
    """Return the shown table, pictures as data URLs, one row per picture."""
    errors, (first, *others) = pictures.differences(arrays, made), detector.scores
    urls = {name: list(map(_url, some)) for name, some in (("input", arrays), ("made", made), ("error", errors))}
    shown = {
        "input": urls["input"],
        "verdict": table["verdict"],  # a phone shows the first columns alone
        **urls,
        "picture": table["picture"],
        "read as": table["read as"],
        first: table[f"{first} percentile"].round(2),
        "steady": [f"{count} of 4" for count in table["same when shifted"]],
        "inverted": table["verdict inverted"],
        "nearest": nearest(detector, table),
        **{name: table[f"{name} percentile"].round(2) for name in others},
    }
    return pd.DataFrame({name: column for name, column in shown.items() if column is not None})


def nearest(detector: Detector, table: pd.DataFrame) -> list[str | None] | None:
    """Return the nearest training pictures of each row side by side; None where none are stored."""
    known = pictures.training_places(detector.entry)
    if not known:
        return None
    strips: list[str | None] = []
    for text in table["nearest"]:
        tiles = pictures.training_pictures(detector.entry, [known[id_] for id_ in text.split(";") if id_ in known])
        line = pixels.join_tiles(tiles, len(tiles), gap=2) if len(tiles) else None
        strips.append(None if line is None else pixels.inline(pixels.png(line, _SCALE)))
    return strips


def _url(picture: np.ndarray) -> str:
    return pixels.inline(pixels.picture_png(picture, _SCALE))
