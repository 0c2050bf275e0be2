"""GWAE_MODE=view on the pages: every page opens, says what is not offered, and no button writes or starts anything."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from tests.fixtures import make_run
from tests.pages.conftest import APP, stamps
from tests.pages.reading import texts
from trainer.jobs import task
from trainer.system import ROOT

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
NOT_OFFERED = {"Start training", "Measure this model", "Measure again", "Compute", "Compute it", "Delete …", "Import",
               "Estimate time", "Resume", "Quick look", "Measure in full", "Measure", "Stop",
               "New training"}  # fmt: skip


@pytest.fixture
def viewed(tmp_path, monkeypatch):
    """The app in the mode, on models of which nothing but the codes is measured; nothing may change on the disk."""

    def refuse(*given, **options):
        pytest.fail(f"a process was started: {given}")

    root = tmp_path / "runs"
    make_run(root / "small-gmp", pictures=120)
    make_run(root / "small-shapes", prior="fnp", data="shapes3d-rendered", pictures=40)
    bare = make_run(root / "small-bare", kind="vae", pictures=20)
    (bare.path / "codes.parquet").unlink()
    (bare.path / "metrics.json").unlink()
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", root))
    monkeypatch.setenv("GWAE_MODE", "view")
    monkeypatch.setenv("GWAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(task, "subprocess", SimpleNamespace(Popen=refuse, DEVNULL=None))
    before = stamps(tmp_path)
    yield AppTest.from_file(str(APP), default_timeout=60)
    assert stamps(tmp_path) == before


def opened(app: AppTest, page: str, model: str) -> AppTest:
    app.query_params["model"] = model
    app.run()
    app.switch_page(f"../pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("model", ["small-gmp", "small-bare"])
def test_no_button_does_what_is_not_offered(viewed, page, model):
    app = opened(viewed, page, model)
    assert {button.label for button in app.button} & NOT_OFFERED == set()
    for key in [button.key for button in app.button if button.key and not button.disabled]:
        if key in {button.key for button in app.button}:
            app.button(key=key).click().run()
            assert not app.exception, (key, app.exception)


def test_the_page_train_says_what_is_not_offered_and_compares(viewed):
    app = opened(viewed, "train", "small-gmp")
    said = texts(app)
    assert "This server only shows models" in said
    assert "Training, measuring, importing, renaming and deleting are not offered here." in said
    assert [each.label for each in app.multiselect] == ["Runs", "Compare with"]
    assert not app.get("file_uploader")
    assert not app.text_input


@pytest.mark.parametrize(("page", "model"), [("clusters", "small-bare"), ("disentangle", "small-shapes")])
def test_a_page_that_would_measure_says_so(viewed, page, model):
    said = texts(opened(viewed, page, model))
    assert "Measuring is not offered here" in said


def test_the_map_of_a_link_is_not_computed(viewed):
    viewed.query_params["neighbours"] = "30"
    said = texts(opened(viewed, "clusters", "small-gmp"))
    assert "Computing another map is not offered here" in said
