"""The popover Share of every page: its link, the figures and tables of the open view, and all of it in one zip.

Views `offer` files while they are drawn; the popover, above them, offers those of the run before, so that it costs
nothing until it is open. Files are made when they are asked for. Two ready kinds: `chart` and `table`; what a page lets
one download (widgets.download) and the pictures of `widgets.strip` are offered too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.components import copy_link
from explorer.shared import beside, catalog, escape, evidence, export, pixels, state, theme
from trainer.data import DATASETS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from trainer.runs.folder import Metric

_OFFERED = "gwae.share"
_PAGE = "gwae.share_page"
_TITLE = "gwae.share_title"
_MODELS = "gwae.share_models"
_ACROSS = 16  # pictures in a line at most
KINDS = {"image/png": "PNG", "image/svg+xml": "SVG", "image/gif": "GIF", "text/csv": "CSV", "text/html": "HTML"}


@dataclass(frozen=True, eq=False)
class File:
    """A file that the open view can give away.

    Attributes:
        make: returns its content; without streamlit's session, as a request for the file calls it.
        listed: whether it has a button of its own; else it is in the zip alone.
    """

    make: Callable[[], bytes | str]
    mime: str
    listed: bool = True


def offer(name: str, make: Callable[[], bytes | str], mime: str, listed: bool = True) -> None:
    """Offer a file of the open view by its name."""
    st.session_state.setdefault(_OFFERED, {})[name.replace("/", "-")] = File(make, mime, listed)


def chart(figure: Any, key: str) -> None:
    """Offer a Plotly figure for the zip, or a function that makes it, as a page that needs no network."""
    label, dark = _label(), theme.is_dark()
    make = lambda: evidence.chart_page(figure() if callable(figure) else figure, label, theme.colours(dark))  # noqa: E731
    offer(f"{key.replace('.', '-')}.html", make, "text/html", listed=False)


def table(name: str, columns: pd.DataFrame | Mapping[str, Sequence[Any]]) -> None:
    """Offer a table for the zip, as <name>.csv."""
    make = lambda: export.code_csv({str(key): list(columns[key]) for key in columns})  # noqa: E731
    offer(f"{name}.csv", make, "text/csv", listed=False)


def numbers(name: str, metrics: Sequence[Metric]) -> None:
    """Offer numbers with their protocols for the zip, as <name>.csv."""
    offer(f"{name}.csv", lambda: evidence.numbers(metrics), "text/csv", listed=False)


def pictures(name: str, rows: Sequence[tuple[str, np.ndarray]]) -> None:
    """Offer rows of pictures, each below its label, for the zip, as <name>.png at double size; none of a model whose
    pictures, faces for one, may not be passed on.

    Args:
        rows: label and uint8 (n, C, H, W), or a picture that is put together, uint8 (H, W) or (H, W, 3).
    """
    if not all(DATASETS[model.run.config.data.name].shows_pictures for model in st.session_state.get(_MODELS, ())):
        return
    label = _label()

    def make() -> bytes:
        blocks = [
            (text, pixels.join_tiles(row, min(len(row), _ACROSS), 2) if row.ndim == 4 else row) for text, row in rows
        ]
        blocks[0] = (f"{label}: {blocks[0][0]}", blocks[0][1])
        return export.labelled_png(blocks, scale=2)

    offer(f"{name}.png", make, "image/png", listed=False)


def about(models: Sequence[catalog.Entry]) -> None:
    """Say which models the open view is about, where these are not the selected one and those beside it."""
    st.session_state[_MODELS] = list(models)


def _label() -> str:
    """Return what stands on files of the view: page, model and checkpoint."""
    return _labelled(st.session_state.get(_TITLE, ""), st.session_state.get(_MODELS, ()))


def _labelled(title: str, models: Sequence[catalog.Entry]) -> str:
    return f"{title}, {models[0].name!s} ({models[0].hash})" if models else title


def popover(title: str) -> None:
    """Draw the popover with what the open view has offered in its last run."""
    page, entry = state.open_page(), state.selected_model()
    is_same = st.session_state.get(_PAGE) == page
    files = st.session_state.get(_OFFERED, {}) if is_same else {}
    models = st.session_state.get(_MODELS, []) if is_same else []
    usual = beside.shown(entry) if entry else []
    st.session_state.update({_OFFERED: {}, _PAGE: page, _TITLE: title, _MODELS: usual})
    with st.popover("Share", icon=":material/share:", key="gwae.share_box", on_change="rerun") as box:
        if not box.open:
            return
        copy_link.Share(label=_labelled(title, models)).draw("gwae.share_link")
        _files(files)
        if models or files:
            _bundle(title, models, files)


def _bundle(title: str, models: list[catalog.Entry], files: Mapping[str, File]) -> None:
    page, query = state.open_page() or "home", state.link()
    name = "-".join([*(str(model.name) for model in models[:1]), page, "evidence.zip"]).replace("/", "-")
    make = lambda: evidence.bundle(models, title, query, {each: file.make for each, file in files.items()})  # noqa: E731
    options = {"icon": ":material/folder_zip:", "on_click": "ignore", "key": "gwae.share_bundle"}
    st.download_button("Evidence bundle", make, name, "application/zip", width="stretch", **options)
    hashes = ", ".join(escape.markdown(model.hash) for model in models)
    st.caption(
        "One zip: charts, pictures and tables of this view; "
        + (f"settings, hash ({hashes}) and numbers with their protocols; " if models else "")
        + "and the commands that make them again."
    )


def _files(files: dict[str, File]) -> None:
    listed = {name: file for name, file in files.items() if file.listed}
    for place, (name, file) in enumerate(listed.items()):
        st.download_button(
            f"{KINDS.get(file.mime, 'File')} · {escape.markdown(name)}",
            file.make,
            name,
            file.mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"gwae.share_{place}",
            width="stretch",
        )
