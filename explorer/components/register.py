"""Components in the browser: HTML and CSS from this folder, scripts as modules from explorer/static/js."""

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
SCRIPTS = HERE.parent / "static" / "js"


class Component:
    """Base of the dataclasses whose fields a component draws; `name` and `part` are those of `register`."""

    def __init_subclass__(cls, name: str, part: str) -> None:
        cls._mount = staticmethod(register(name, part))

    def draw(self, key: str, **callbacks: Callable[[], None]) -> None:
        """Draw the component; `on_<event>_change` finds what is reported in `st.session_state[key].<event>`."""
        self._mount(key=key, data=vars(self), **{event: _if_drawn(key, call) for event, call in callbacks.items()})


def _if_drawn(key: str, call: Callable[[], None]) -> Callable[[], None]:
    """Return the callback, without effect once the component has gone: a click may still be under way then."""
    return lambda: call() if key in st.session_state else None


def register(name: str, part: str) -> Callable[..., Any]:
    """Return the component gwae_<name>.

    Args:
        part: folder and stem of its files, such as "live_decoder/panel": the module in explorer/static/js, and beside
            this file the HTML and the CSS of what can be seen.
    """
    html, css = (HERE / f"{part}.html", HERE / f"{part}.css")
    return st.components.v2.component(
        f"gwae_{name}",
        html=html.read_text(encoding="utf-8") if html.exists() else "<span\n></span>",
        css=css.read_text(encoding="utf-8") if css.exists() else None,
        js=loader(f"{part}.js"),
    )


def loader(entry: str) -> str:
    """Return the inline script that imports the module `entry` from the address of the static files."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    served = {"path": f"{f'/{base}' if base else ''}/app/static/js", "entry": entry, **_modules(SCRIPTS)}
    return f"const served = {json.dumps(served)};\n" + (HERE / "loader.js").read_text(encoding="utf-8")


@functools.cache  # one version as long as the server runs, whenever a page is first opened
def _modules(folder: Path) -> dict[str, Any]:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.js"))}
    return {"version": hashlib.sha256(repr(files).encode()).hexdigest()[:12], "files": list(files)}
