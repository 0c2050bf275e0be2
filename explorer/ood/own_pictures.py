"""Check my pictures: upload, what the model sees, scores as percentiles of ordinary pictures, verdicts and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from explorer.ood import detail, pictures, session
from explorer.ood.detector import Detector
from explorer.ood.sentences import percent
from explorer.ood.state import bound, current, target_rate
from explorer.shared import escape, pixels, widgets
from explorer.shared.own_picture import invert_switch
from explorer.shared.uploads import MAX_FILES, TYPES, Uploads, light_ground, looks_inverted

_FILES = "ood.files"
_CHANGED = "ood.changed"
_ROW = 52  # height of a row of the table
_SCALE = 3  # the browser smooths pictures in tables; enlarged ones stay crisp enough


def show(found: Detector) -> None:
    """The whole view for the selected model."""
    files = st.file_uploader(
        f"Up to {MAX_FILES} pictures, or a zip of pictures",
        type=[*TYPES, "zip"],
        accept_multiple_files=True,
        key=_FILES,
        on_change=_files_changed,
    )
    place = st.container(gap="medium")  # progress is shown where the results will be
    with place, widgets.user_errors():
        _take(found, files)
    mine = session.kept(found.entry.image_shape)
    with place, widgets.user_errors():
        if mine is None:
            _hints(found)
            return
        _rejected(mine)
        if mine.uploads:
            _results(found, mine)


def _files_changed() -> None:
    st.session_state[_CHANGED] = True


def _take(found: Detector, files: list) -> None:
    """Read the files if the visitor has changed them, or they were read for models of another shape.

    Raises: UserError as session.remember.
    """
    changed = st.session_state.pop(_CHANGED, False)
    if changed and not files:
        session.forget()
    elif files and (changed or session.kept(found.entry.image_shape) is None):
        bar = st.progress(0.0, "Reading …")
        try:
            session.remember(
                [(file.name, file.getvalue()) for file in files],
                tuple(found.entry.image_shape),
                lambda done, total: bar.progress(done / total, f"Reading {done} of {total} …"),
            )
        finally:
            bar.empty()


def _hints(found: Detector) -> None:
    rows = [
        (":material/percent:", f"**Every score as a percentile** of held-out {found.entry.data_title} pictures."),
        (":material/gavel:", "**A verdict** at the false-positive rate you choose, and whether a shift by one pixel "
         "or an inversion would change it."),
        (":material/compare:", "**What the model sees**, what it makes of it, where the two differ, and the training "
         "pictures it finds most alike."),
        (":material/terminal:", f"More than {MAX_FILES}? `python -m trainer score {found.entry.path} FOLDER --csv FILE`"
         " gives the same numbers."),
    ]  # fmt: skip
    with st.container(border=True, gap="small"):
        for icon, text in rows:
            st.markdown(f":gray[{icon}]&ensp;{text}")
    st.caption("Pictures stay in this session and are forgotten with it.")


def _rejected(mine: Uploads) -> None:
    """Each file that was left out, by name."""
    if not mine.rejected:
        return
    count = len(mine.rejected)
    title = f"{count} file{'s were' if count > 1 else ' was'} left out" + (
        ", the others were scored" if mine.names else ""
    )
    with st.expander(title, icon=":material/warning:", expanded=count <= 3):
        st.markdown("\n".join(f"- {escape.markdown(sentence)}" for sentence in mine.rejected))


# ---------------------------------------------------------------- results


def _results(found: Detector, mine: Uploads) -> None:
    entry = found.entry
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ood-mine-controls"):
        target_rate()
        invert_switch(**bound("invert"))
        downloads = st.container(width="content")
    view = current()
    if session.is_scored(entry, mine, view.fpr, view.invert):
        table = session.scored(entry, mine, view.fpr, view.invert)
    else:
        bar = st.progress(0.0, "Scoring …")
        table = session.scored(
            entry, mine, view.fpr, view.invert, lambda done, total: bar.progress(done / total, "Scoring …")
        )
        bar.empty()
    with downloads:
        _download(found, table)
    made = session.reconstructions(entry, mine, view.invert)
    with st.container(gap="small"):
        st.markdown(summary(found, table, view.fpr))
        if hint := polarity_hint(found, mine, view.invert):
            st.caption(f":material/info: {hint}")
    chosen = _table(found, mine, table, made)
    detail.show(found, mine, table, made, chosen)


def _download(found: Detector, table: pd.DataFrame) -> None:
    from trainer.ood.pictures import to_csv

    st.download_button(
        "CSV",
        lambda: to_csv(table),
        f"{found.entry.name}-scores.csv".replace("/", "-"),
        "text/csv",
        key="ood.csv",
        on_click="ignore",
        icon=":material/download:",
        help="The same numbers as python -m trainer score --csv, to the last digit.",
    )


def summary(found: Detector, table: pd.DataFrame, fpr: float) -> str:
    """How many pictures are called outliers, against how many ordinary ones would be."""
    count, total = int((table["verdict"] == "outlier").sum()), len(table)
    steady = int(((table["verdict"] == "outlier") & (table["same when shifted"] == 4)).sum())
    are, plural = ("is", "") if total == 1 else ("are", "s")
    firm = "" if not count else f", {'all' if steady == count else steady} of them however shifted by a pixel"
    usual = f"{fpr * total:.2g}" if fpr * total < 10 else f"{fpr * total:.0f}"
    return (
        f"**{count} of {total}** picture{plural} {are} called outlier{plural}{firm}. Of {total} ordinary "
        f"{found.entry.data_title} pictures about {usual} would be ({percent(fpr)})."
    )


def polarity_hint(found: Detector, mine: Uploads, invert: bool) -> str:
    """A sentence where most pictures have the ground of the other polarity than the model's own; else empty."""
    places = list(pictures.places(found.entry).values())[:50]
    if not places or mine.shape[0] != 1:
        return ""
    own = light_ground(pictures.test_pictures(found.entry, places))
    light = sum(map(looks_inverted, mine.arrays(invert)))
    other = light if not own else len(mine.uploads) - light
    if other <= len(mine.uploads) / 2:
        return ""
    ground, trained = ("light", "dark") if not own else ("dark", "light")
    return (
        f"{other} of {len(mine.uploads)} have a {ground} ground, {found.entry.data_title} a {trained} one. That alone "
        f"makes an outlier; {'switch Invert off' if invert else 'switch Invert on'} to ask about the shapes."
    )


# ---------------------------------------------------------------- the table


def _table(found: Detector, mine: Uploads, table: pd.DataFrame, made: np.ndarray) -> int:
    """The sortable table with pictures; returns the row that is looked at: the selected one, else the most outlying."""
    shown = rows(found, table, mine.arrays(current().invert), made)
    event = st.dataframe(
        shown,
        key="ood.table",
        hide_index=True,
        row_height=_ROW,
        height=min(38 + _ROW * len(shown), 560),
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns([name for name in shown if name in found.scores]),
    )
    st.caption("Scores are percentiles among held-out pictures. Click a head to sort, the box of a row to look closer.")
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(table):
        return int(selected[0])
    return int(table["combined"].to_numpy().argmax())


def _columns(scores: Sequence[str]) -> dict[str, Any]:
    """What each column of the table is called, and how it is drawn."""
    config = st.column_config
    percent = {"min_value": 0.0, "max_value": 100.0, "format": "%.2f"}
    shifts = "Of the four shifts by one pixel, how many leave the verdict."
    return {
        "input": config.ImageColumn("input", help="Exactly what the model sees.", width=60, pinned=True),
        "made": config.ImageColumn("model's", help="What the model makes of it.", width=64),
        "error": config.ImageColumn("error", help="Blue: too dark, red: too bright in the model's.", width=60),
        "picture": config.TextColumn("picture", width=170),
        "verdict": config.TextColumn("verdict", width=80),
        **{name: config.NumberColumn(name, format="%.2f", width=110) for name in scores},
        "combined": config.ProgressColumn("combined", help="Percentile among held-out pictures.", width=120, **percent),
        "steady": config.TextColumn("shifts", help=shifts, width=70),
        "inverted": config.TextColumn("inverted", help="Verdict with black and white swapped.", width=80),
        "nearest": config.ImageColumn("nearest", help="The three training pictures with the nearest codes.", width=150),
    }


def rows(found: Detector, table: pd.DataFrame, arrays: np.ndarray, made: np.ndarray) -> pd.DataFrame:
    """What the table shows, pictures as data URLs, one row per picture."""
    errors = pictures.differences(arrays, made)
    shown: dict[str, object] = {
        "input": [_url(picture) for picture in arrays],
        "made": [_url(picture) for picture in made],
        "error": [_url(picture) for picture in errors],
        "picture": table["picture"],
        "verdict": table["verdict"],
    }
    first, *others = found.scores
    shown[first] = table[f"{first} percentile"].round(2)
    shown["steady"] = [f"{count} of 4" for count in table["same when shifted"]]
    shown["inverted"] = table["verdict inverted"]
    strips = nearest(found, table)
    if strips is not None:
        shown["nearest"] = strips
    for name in others:
        shown[name] = table[f"{name} percentile"].round(2)
    return pd.DataFrame(shown)


def nearest(found: Detector, table: pd.DataFrame) -> list[str | None] | None:
    """The nearest training pictures of each row side by side; None where none are stored."""
    known = pictures.training_places(found.entry)
    if not known:
        return None
    strips: list[str | None] = []
    for text in table["nearest"]:
        chosen = [known[id_] for id_ in text.split(";") if id_ in known]
        tiles = pictures.training_pictures(found.entry, chosen)
        line = pixels.join_tiles(tiles, len(tiles), gap=2) if len(tiles) else None
        strips.append(None if line is None else pixels.inline(pixels.png(line, _SCALE)))
    return strips


def _url(picture: np.ndarray) -> str:
    return pixels.inline(pixels.picture_png(picture, _SCALE))
