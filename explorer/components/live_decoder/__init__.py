"""Components that answer in the browser: the axis panel with its live pictures, the two-axis pad, and picture tiles.

The decoder runs in the browser (onnxruntime-web, explorer/static), so a picture follows the drag; Python hears of a
change on release only. Scripts and styles are the files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """A component's script is loaded from a blob and cannot import a neighbour: what they share goes in front."""
    return _text("common.js") + "\n" + _text(name)


def _component(name: str) -> Callable[..., Any]:
    return st.components.v2.component(
        f"gwae_{name}", html=_text(f"{name}.html"), css=_text(f"{name}.css"), js=_script(f"{name}.js")
    )


_PANEL = _component("panel")
_PAD = _component("pad")
_TILES = _component("tiles")
_CARRIER, _ECHO = (
    st.components.v2.component(f"gwae_{name}", html="<span\n></span>", js=_script(f"{name}.js"))
    for name in ("carrier", "echo")
)


def carrier(model_hash: str, decoder: bytes) -> None:
    """Bring decoder.onnx to the browser, once: an unchanged element is not sent again.

    Args:
        model_hash: Run.hash, 12 characters; the panel names the model by it.
    """
    _CARRIER(key=f"carrier-{model_hash}", data=model_hash.encode("ascii") + decoder, height="content")


def panel(data: dict[str, Any], *, key: str, on_moved: Callable[[], None]) -> None:
    """Sliders of all axes and the pictures original, reconstruction, current and error.

    On release `st.session_state[key].moved` is {"sequence": int, "edits": {"axis": value}} while on_moved runs.
    """
    _PANEL(key=key, data=data, on_moved_change=on_moved)


def echo(sequence: int, *, key: str) -> None:
    """Rerun the fragment this stands in when the panel has shown a later picture than that of `sequence`."""
    _ECHO(key=key, data={"sequence": sequence}, on_behind_change=lambda: None)


def pad(data: dict[str, Any], *, key: str) -> None:
    """Two axes under one handle; it moves the panel, which reports."""
    _PAD(key=key, data=data)


def tiles(data: dict[str, Any], *, key: str, on_picked: Callable[[], None] | None = None) -> None:
    """Pictures to look at or choose from; `st.session_state[key].picked` is the index while on_picked runs."""
    _TILES(key=key, data=data, on_picked_change=on_picked or (lambda: None))


def static_prefix() -> str:
    """server.baseUrlPath, which the components put in front of the addresses of explorer/static."""
    return str(st.get_option("server.baseUrlPath") or "")
