"""What the tests of the OoD page share: opening it, reading its table, and pictures of one's own."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.fixtures import blob_pictures
from tests.outliers import stripes
from tests.pages import reading
from tests.pages.reading import png, ran

TYPE = "image/png"


def opened(model: str = "small-gmp", **link: str) -> AppTest:
    return reading.opened("ood", model, **link)


def table(app: AppTest) -> list[list[str]]:
    """Rows of the ranking, without the Markdown around them."""
    lines = next(item.value for item in app.markdown if item.value.startswith("| score | AUROC")).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def numbers(base64_text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(base64_text), "<f4")


def lines(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of the race by their keys."""
    return {line["key"]: line for line in data["lines"]}


def own_pictures(n: int = 4) -> list[tuple[str, bytes]]:
    """Blobs, and stripes at the end."""
    pictures = [*blob_pictures(n - 1, seed=5)[0], stripes(1)[0]]
    return [(f"mine-{i}.png", png(picture[0])) for i, picture in enumerate(pictures)]


def upload(app: AppTest, files: list[tuple[str, bytes]]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, TYPE) for name, data in files])
    return ran(app)
