"""The OoD page: choosing, the table, the operating point, the pictures, and one's own pictures with their CSV."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import catalog
from tests.fixtures import blob_pictures, make_run
from tests.outliers import FASHION, MATCHED, OUTLIERS, PUBLISHED, add_scores, plant, stripes
from trainer.ood import calibration, tables
from trainer.run import Run

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = f"""
import runpy
from explorer import state, widgets
state.begin_page("ood")
with widgets.user_errors():
    runpy.run_path({str(ROOT / "pages" / "ood.py")!r})
state.mirror()
"""
TYPE = "image/png"


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Three models with scores and one without, never to be changed."""
    root = tmp_path_factory.mktemp("ood") / "runs"
    add_scores(make_run(root / "small-gmp"))
    add_scores(make_run(root / "small-vae", kind="vae"))
    add_scores(make_run(root / "small-dagmm", kind="dagmm"))
    make_run(root / "unscored", prior="np", z_dim=4)
    return root


@pytest.fixture(autouse=True)
def runs(made, tmp_path, monkeypatch) -> Path:
    """Private copies, and a data root that holds nothing."""
    root = Path(shutil.copytree(made, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_DATA", str(tmp_path / "data"))
    return root


def opened(model: str = "small-gmp", **link: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=120)
    for name, value in {"model": model, **link}.items():
        app.query_params[name] = value
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(item.value for kind in ("markdown", "caption", "code") for item in app.get(kind))


def elements(block) -> Iterator[Any]:
    for child in getattr(block, "children", {}).values():
        yield child
        yield from elements(child)


def told(app: AppTest, component: str) -> dict[str, Any] | None:
    """What Python told a component, or None if the page does not show it."""
    for element in elements(app._tree):
        if element.type == "bidi_component" and element.proto.component_name == f"gwae_{component}":
            return json.loads(element.proto.json)
    return None


def figure(app: AppTest, place: int = 0) -> dict[str, Any]:
    return json.loads(app.get("plotly_chart")[place].proto.spec)


def table(app: AppTest) -> list[list[str]]:
    """Rows of the ranking, without the Markdown around them."""
    lines = next(item.value for item in app.markdown if item.value.startswith("| | AUROC")).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def scores(data: dict[str, Any], side: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data[side]), "<f4")


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def own_pictures(n: int = 4) -> list[tuple[str, bytes]]:
    """Blobs, and stripes at the end."""
    pictures = [*blob_pictures(n - 1, seed=5)[0], stripes(1)[0]]
    return [(f"mine-{i}.png", png(picture[0])) for i, picture in enumerate(pictures)]


def upload(app: AppTest, files: list[tuple[str, bytes]]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, TYPE) for name, data in files])
    return ran(app)


def download(app: AppTest, label: str) -> str:
    """Text of a download button."""
    from streamlit.runtime import get_instance  # noqa: F401

    raise NotImplementedError


# ---------------------------------------------------------------- on data sets


def test_opens_on_the_pair_that_polarity_does_not_give_away(runs):
    app = opened()
    assert app.selectbox(key="ood.pair").value == MATCHED.name
    assert [row[0] for row in table(app)].count("**small-gmp** · combined") == 1
    assert "light strokes on black" in texts(app)
    assert not app.error
