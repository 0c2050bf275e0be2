"""The models to compare with are chosen once and stay, on every page and in every link, until they no longer fit."""

from __future__ import annotations

from explorer.shared import catalog
from tests.fixtures import make_run
from tests.pages.reading import checked
from trainer.system import ROOT


def test_models_to_compare_with_go_along_from_page_to_page(app, runs):
    make_run(runs / "shapes", prior="fnp", data="shapes3d-rendered", pictures=20)
    app.query_params["model"], app.query_params["beside"] = "small-gmp", "small-vae,nonsense,shapes"
    checked(app.run())
    picker = app.sidebar.multiselect[0]
    assert (set(picker.options), picker.value) == ({"small-np", "small-vae"}, ["small-vae"])
    checked(picker.set_value(["small-np", "small-vae"]).run())
    for page in ("geometry", "generate"):
        checked(app.switch_page(str(ROOT / "pages" / f"{page}.py")).run())
        assert "".join(app.query_params["beside"]) == "small-np,small-vae"
    app.sidebar.selectbox[0].set_value("small-np")
    checked(app.run())
    assert app.sidebar.multiselect[0].value == ["small-vae"], "a model is not compared with itself"
    assert catalog.find("small-np").name in app.query_params["model"]
