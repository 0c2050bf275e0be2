"""Traverse in AppTest: opening it, and what its panel is given."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import torch
from streamlit.testing.v1 import AppTest

from tests.pages import reading
from tests.pages.reading import sent_to
from trainer.runs.folder import Run


def opened(model: str = "small-gmp", **link: str) -> AppTest:
    return reading.opened("traverse", model, **link)


def panel(app: AppTest) -> dict[str, Any]:
    data = sent_to(app, "panel")
    assert data is not None, [error.value for error in app.error]
    return data


def bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def decoded(run: Run, z: list[float]) -> np.ndarray:
    with torch.no_grad():
        picture = run.load_model().decode(torch.tensor(z)[None])[0]
    return (picture.clamp(0, 1) * 255).round().byte().numpy().ravel()


def choose(app: AppTest, label: str, option: str) -> None:
    """Press one segment or pill of the control with this label."""
    group = next(group for group in app.button_group if group.label == label)
    place = [getattr(each, "content", each) for each in group.options].index(option)
    group.set_value([group.options[place]] if isinstance(group.value, list) else group.options[place]).run()
    assert not app.exception
