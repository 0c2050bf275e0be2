"""The popover Share of every page: its link, the figures and tables of the open view, and all of it in one zip.

Views `offer` files while they are drawn; the popover, above them, offers those of the run before, so that it costs
nothing until it is open. Files are made when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.components import copy_link
from explorer.shared import escape, state
from explorer.shared.evidence import bundle

_OFFERED = "gwae.share"
_PAGE = "gwae.share_page"
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
    """Offer a Plotly figure for the zip, as a page that needs no network."""
    name = key.replace(".", "-")
    offer(f"{name}.html", lambda: figure.to_html(include_plotlyjs="plotly.min.js"), "text/html", listed=False)


def popover(title: str) -> None:
    """Draw the popover with what the open view has offered in its last run."""
    page = state.open_page()
    files = st.session_state.pop(_OFFERED, {}) if st.session_state.get(_PAGE) == page else {}
    st.session_state[_OFFERED], st.session_state[_PAGE] = {}, page
    with st.popover("Share", icon=":material/share:", key="gwae.share_box", on_change="rerun") as box:
        if not box.open:
            return
        entry = state.selected_model()
        copy_link.Share(label=f"{title}, {entry.name!s} ({entry.hash})" if entry else title).draw("gwae.share_link")
        _files(files)
        if entry is not None and page != "train":
            query, name = state.link(), f"{entry.name}-{page or 'home'}-evidence.zip".replace("/", "-")
            make = lambda: bundle(entry, title, query, {each: file.make for each, file in files.items()})  # noqa: E731
            options = {"icon": ":material/folder_zip:", "on_click": "ignore", "key": "gwae.share_bundle"}
            st.download_button("Evidence bundle", make, name, "application/zip", width="stretch", **options)
            st.caption(
                "One zip: charts and files that this view offers, settings, the hash of the weights "
                f"({escape.markdown(entry.hash)}), the model's numbers with their protocols, and the commands that "
                "make them again."
            )


def _files(files: dict[str, File]) -> None:
    listed = {name: file for name, file in files.items() if file.listed}
    for place, (name, file) in enumerate(listed.items()):
        st.download_button(
            f"{KINDS[file.mime]} · {escape.markdown(name)}",
            file.make,
            name,
            file.mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"gwae.share_{place}",
            width="stretch",
        )
