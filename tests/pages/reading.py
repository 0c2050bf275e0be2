"""Opening a page in AppTest and reading what it says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from trainer.system import ROOT

PAGES = ROOT / "pages"
SCRIPT = """
import runpy
from explorer.shared import state, widgets
state.begin_page({page!r})
with widgets.user_errors():
    runpy.run_path({path!r})
state.mirror()
"""
KINDS = ("title", "header", "markdown", "caption", "info", "warning", "error", "code")


def opened(page: str, model: str, timeout: float = 200, **link: str) -> AppTest:
    """A page alone, as a link opens it."""
    script = SCRIPT.format(page=page, path=str(PAGES / f"{page}.py"))
    app = AppTest.from_string(script, default_timeout=timeout)
    for name, value in {"model": model, **link}.items():
        app.query_params[name] = value
    return ran(app)


def ran(app: AppTest) -> AppTest:
    """The app after another run, which raised nothing."""
    return checked(app.run())


def checked(app: AppTest) -> AppTest:
    """The app, which raised nothing."""
    assert not app.exception, app.exception[0].stack_trace if app.exception else ""
    return app


def texts(app: AppTest) -> str:
    """Everything the page says in words, the lines above progress bars included."""
    said = [item.value for kind in KINDS for item in app.get(kind)]
    return "\n".join([*said, *(item.proto.text for item in app.get("progress"))])


def button(app: AppTest, label: str):
    """The first button of that label."""
    return next(each for each in app.button if each.label == label)


def labels(app: AppTest) -> set[str]:
    """Labels of all buttons."""
    return {each.label for each in app.button}


def elements(block: Any) -> Iterator[Any]:
    """All elements below a block."""
    for child in getattr(block, "children", {}).values():
        yield child
        yield from elements(child)


def sent_to(app: AppTest, component: str) -> dict[str, Any] | None:
    """Return what Python sent to a component, or None if the page does not show it."""
    for element in elements(app._tree):
        if element.type == "bidi_component" and element.proto.component_name == f"gwae_{component}":
            return json.loads(element.proto.json)
    return None


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of the pixels."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()
