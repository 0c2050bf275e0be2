"""The models to compare with are chosen once and stay, on every page and in every link, until they no longer fit."""

from __future__ import annotations

import json

from explorer.shared import catalog
from tests.fixtures import add_disentanglement, make_run
from tests.pages.reading import checked, elements, opened, texts
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


def test_clusters_geometry_and_disentangle_show_both_models(runs):
    for view in ("course", "terms"):
        app = opened("geometry", "small-gmp", view=view, beside="small-vae")
        assert {"small-gmp", "small-vae"} <= {each.value for each in app.subheader}
    app = opened("clusters", "small-gmp", beside="small-vae", focus="code", index="5")
    assert "**small-vae**" in texts(app)
    maps = [json.loads(each.proto.json) for each in elements(app._tree) if is_map(each)]
    first, second = (catalog.find(name) for name in ("small-gmp", "small-vae"))
    assert [each["model"] for each in maps] == [first.hash, second.hash]
    row = maps[1]["focus"]["index"]
    assert second.run.codes["id"][row] == first.run.codes["id"][5], "the same picture is in focus"
    for name, kind in (("shapes", "gwae"), ("other-shapes", "vae")):
        prior = "fnp" if kind == "gwae" else "gmp"
        made = make_run(runs / name, kind=kind, prior=prior, data="shapes3d-rendered", pictures=160)
        add_disentanglement(made)
    app = opened("disentangle", "shapes", beside="other-shapes")
    assert "**other-shapes**" in texts(app)
    assert len(app.get("plotly_chart")) == 2


def is_map(element) -> bool:
    return element.type == "bidi_component" and element.proto.component_name == "gwae_scatter"
