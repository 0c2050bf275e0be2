from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from explorer.clusters import atlas as clusters_data
from explorer.clusters import components
from explorer.shared import catalog
from tests.fixtures import make_run, private_run
from tests.pages.conftest import own
from tests.pages.reading import texts
from trainer.jobs import map as map_job
from trainer.jobs.task import Job, JobState
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs.folder import Metric, Run
from trainer.system import ROOT

PAGE = "../pages/clusters.py"


@pytest.fixture
def clusters(app):
    """Opens the page with values in its URL."""

    def opened(model: str, **values: str) -> AppTest:
        app.query_params["model"] = model
        app.run()
        for name, value in values.items():
            app.query_params[name] = value
        app.session_state["gwae.link"] = ("clusters", dict(values))
        return app.switch_page(PAGE).run()

    return opened


def store_map(run: Run, settings: MapSettings | None = None) -> map_file.Map:
    """A map that costs nothing, stored as the one of these settings, k-means clusters included."""
    made = mapping.of_run(run, MapSettings(method="pca"))
    kmeans = np.where(made.frame["kind"] == "code", np.arange(len(made.frame)) % 10, -1)
    meta = made.meta | {"settings": (settings or MapSettings()).model_dump(), "trustworthiness": 0.9712}
    found = map_file.Map(made.frame.assign(kmeans=kmeans), meta)
    map_file.write(found, run.path / "map.parquet")
    return found


def test_of_pictures_that_may_not_be_passed_on_the_map_shows_nothing(clusters, runs):
    private_run(runs / "faces")
    app = clusters("faces")
    assert not app.exception
    assert any("may not be passed on" in each.value for each in [*app.markdown, *app.caption])
    assert not app.segmented_control


def test_without_a_map_pca_is_shown_and_the_map_offered(clusters, monkeypatch):
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job))
    app = clusters("small-gmp")
    assert not app.exception
    assert "120 test codes by PCA." in texts(app)
    assert "not computed yet" in texts(app)
    app.button(key="clusters.compute").click().run()
    (job,) = started
    assert job.task is map_job.TASK
    settings = MapSettings(**job.arguments["settings"])
    assert job.arguments["folder"].endswith("/small-gmp")
    assert (job.target.name, settings) == ("map.parquet", MapSettings())


def test_a_running_computation_is_shown_with_its_progress(clusters, monkeypatch):
    running = JobState("running", "layout", 50, 200)
    monkeypatch.setattr(Job, "state", lambda job: running)
    app = clusters("small-gmp", neighbours="30")
    assert not app.exception
    (bar,) = [item for item in app.get("progress") if "Laying out" in item.proto.text]
    assert bar.proto.value == 25
    assert "by PCA" in texts(app)
    assert "clusters.compute" not in [button.key for button in app.button]


def test_a_failed_computation_says_what_to_do(clusters, monkeypatch):
    monkeypatch.setattr(Job, "state", lambda job: JobState("failed", error="Free some space first."))
    assert "Free some space first." in texts(clusters("small-gmp"))


def test_a_stored_map_is_shown_with_its_trust(clusters, runs):
    shutil.copytree(runs / "small-gmp", runs / "mapped")
    store_map(Run(runs / "mapped"))
    app = clusters("mapped")
    assert not app.exception
    assert "by UMAP (15 neighbours, min_dist 0.1, euclidean). Trustworthiness 0.971 (k = 15)." in texts(app)
    assert app.selectbox(key="clusters.colour").options[:3] == ["Label", "Prior component", "k-means cluster"]
    app.selectbox(key="clusters.colour").set_value("entropy").run()
    assert app.query_params["colour"] == "entropy"


def test_a_map_of_another_checkpoint_is_not_shown(clusters, runs):
    shutil.copytree(runs / "small-gmp", runs / "older")
    store_map(Run(runs / "older"))
    shutil.copy(runs / "small-gmp" / "model.safetensors", runs / "older" / "model.safetensors")
    made = map_file.read(runs / "older" / "map.parquet")
    made.meta["checkpoint"] = "0" * 12
    map_file.write(made, runs / "older" / "map.parquet")
    assert "by PCA" in texts(clusters("older"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"focus": "code", "index": "12"}, ("**2**", "mnist-test-00012")),
        ({"focus": "centre", "index": "4"}, ("**Component 4**",)),
        ({"focus": "prior", "index": "3"}, ("**Prior sample**", "number 3")),
        ({"focus": "place", "at": "0.5,0.25"}, ("**Empty place**", "weighted by their distance")),
        ({"focus": "upload", "code": "0,1,0,1,0,1,0,1"}, ("**An uploaded picture**", "not the picture itself")),
    ],
)
def test_a_link_shows_its_point(clusters, values, said):
    app = clusters("small-gmp", **values)
    assert not app.exception
    for text in said:
        assert text in texts(app)
    bars = [item.proto.text for item in app.get("progress")]
    assert any("Reliability" in text for text in bars) == (values["focus"] != "code")


def test_open_in_traverse_hands_the_code_over(clusters):
    app = clusters("small-gmp", focus="code", index="12")
    app.button(key="clusters.traverse").click().run()
    assert not app.exception
    assert app.title[0].value == "Traverse"
    assert app.query_params["index"] == "12"
    assert app.query_params["model"] == "small-gmp"


def test_another_model_starts_without_the_focus(clusters):
    app = clusters("small-gmp", focus="code", index="12")
    assert "mnist-test-00012" in texts(app)
    app.sidebar.selectbox[0].set_value("small-vae").run()
    assert not app.exception
    assert "focus" not in app.query_params
    assert "mnist-test-00012" not in texts(app)


def test_a_link_made_with_other_weights_says_so(clusters, runs):
    app = clusters("small-gmp", focus="code", index="12", checkpoint="0" * 12)
    assert "made with other weights (000000000000" in texts(app)
    assert "mnist-test-00012" in texts(app)
    assert app.query_params["checkpoint"] == Run(runs / "small-gmp").hash


def test_components_are_told_one_by_one(clusters, runs):
    app = clusters("small-gmp", view="components")
    assert not app.exception
    said = texts(app)
    model, table = Run(runs / "small-gmp").load_model(), Run(runs / "small-gmp").codes
    for k, weight in enumerate(model.prior.weights().tolist()):
        assigned = int((table["component"] == k).sum())
        assert f"**Component {k}**" in said
        assert f"weight {weight:.1%} · {assigned:,} pictures" in said
    dead = sum((table["component"] == k).sum() == 0 for k in range(10))
    assert said.count(":red-badge[dead]") == dead > 0
    app.slider(key="clusters.spread").set_value(0.5).run()
    assert app.query_params["spread"] == "0.5"
    assert "spread 0.5" in texts(app)


def test_spread_tightens_the_samples_around_the_centre(runs):
    atlas = clusters_data.by_pca(catalog.find("small-gmp"), MapSettings())
    centre = atlas.model.prior.means()[2].numpy()
    full, half, none = (components.sample(atlas, 2, 500, 1, spread) for spread in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(half - centre, (full - centre) / 2, atol=1e-5)
    np.testing.assert_allclose(none, np.tile(centre, (500, 1)), atol=1e-6)
    np.testing.assert_allclose(np.cov(full.T), atlas.model.prior.covariances()[2].numpy(), atol=0.6)


def test_components_are_described_by_all_codes(runs):
    atlas = clusters_data.by_pca(catalog.find("small-gmp"), MapSettings(points=100))
    table = Run(runs / "small-gmp").codes
    assert len(atlas.pictures) == 100 < len(table)
    for found in components.describe(atlas):
        mine = table[table["component"] == found.number]
        assert found.assigned == len(mine)
        if len(mine):
            top = mine["label_name"].value_counts()
            assert top[found.label] == top.max()
            assert found.purity == pytest.approx(top.max() / len(mine))
        assert (atlas.pictures["component"].iloc[found.members] == found.number).all()


def test_agreement_shows_numbers_with_protocol_beside_k_means(clusters, runs):
    shutil.copytree(runs / "small-gmp", runs / "measured")
    run = Run(runs / "measured")
    store_map(run)
    shared = {"group": "clustering", "data": "MNIST", "split": "test", "n": 120, "seed": 0, "checkpoint": run.hash}
    run.write_metrics(
        [
            Metric(f"{who} {what}", value, estimator="as ever", low=value - 0.01, high=value + 0.01, **shared)
            for who, value in (("cluster", 0.8125), ("k-means", 0.625), ("N2D", 0.9375))
            for what in ("accuracy", "NMI", "ARI")
        ]
        + [Metric("cluster NMI over seeds", 0.5, estimator="mean", low=0.25, high=0.75, **shared | {"group": "seeds"})]
    )
    app = clusters("measured", view="agreement")
    assert not app.exception
    said = texts(app)
    assert said.count("**0.812**") == 2 * 3  # as the number, and at the head of its protocol
    assert said.count("**0.625**") == 2 * 3
    assert said.count("**0.938**") == 2 * 3
    assert said.count("0.25 to 0.75, range of seeds") == 1
    assert any("seeds 0.500 (0.250 to 0.750)" in str(each.proto) for each in app.get("popover"))
    assert "Control without GWAE" not in said
    assert "0.802 to 0.823" in said
    assert f"| Checkpoint | `{run.hash}` |" in said
    assert "120 test pictures by component and label" in said
    app.segmented_control(key="clusters.table").set_value("kmeans").run()
    assert "120 test pictures by cluster and label" in texts(app)


def test_agreement_shows_the_matched_vae(clusters, runs):
    control = make_run(runs / "control", kind="vae")
    text = (control.path / "config.yaml").read_text()
    (control.path / "config.yaml").write_text(text.replace("  beta: 1.0", "  beta: 0.06"))
    shared = {"group": "clustering", "data": "MNIST", "split": "test", "n": 120, "seed": 0}
    for run, names in ((Run(own(runs, "small-gmp")), ["k-means"]), (control, ["k-means", "placed mixture", "cluster"])):
        run.write_metrics([Metric(f"{n} NMI", 0.5, checkpoint=run.hash, estimator="so", **shared) for n in names])
    said = texts(clusters("small-gmp", view="agreement"))
    assert "on the codes of control, a VAE of the same beta" in said
    assert said.count("Mixture placed by neighbours, afterwards") == 1
    assert f"| Checkpoint | `{control.hash}` |" in said
    assert catalog.matched_control(catalog.find("small-gmp")).name == "control"
    assert catalog.matched_control(catalog.find("control")) is None


@pytest.mark.parametrize("model", ["small-vae", "small-np"])
def test_other_priors_get_the_same_page_and_a_sentence(clusters, model):
    app = clusters(model)
    assert not app.exception
    assert "Prior component" not in app.selectbox(key="clusters.colour").options
    app.segmented_control(key="clusters.view").set_value("components").run()
    assert not app.exception
    assert "one piece, not a mixture" in texts(app)
    app.segmented_control(key="clusters.view").set_value("agreement").run()
    assert not app.exception
    assert "Agreement with the labels is not measured yet" in texts(app)
    assert "Measure this model" in [button.label for button in app.button]


def test_pictures_without_labels_and_without_a_sprite(clusters, runs):
    shutil.copytree(runs / "small-gmp", runs / "unlabelled")
    table = pd.read_parquet(runs / "unlabelled" / "codes.parquet").assign(label=-1, label_name="", sprite_index=-1)
    table.to_parquet(runs / "unlabelled" / "codes.parquet")
    (runs / "unlabelled" / "sprite.png").unlink()
    app = clusters("unlabelled", focus="code", index="3")
    assert not app.exception
    assert app.selectbox(key="clusters.colour").options[0] == "Prior component"
    assert "is not at hand" in texts(app)
    app.segmented_control(key="clusters.view").set_value("agreement").run()
    assert "without labels" in texts(app)


def test_a_hundred_thousand_codes_are_a_stated_sample(clusters, runs):
    made = make_run(runs / "large", pictures=100)
    table = pd.concat([made.codes] * 1000, ignore_index=True)
    noise = np.random.default_rng(0).normal(0, 0.1, (len(table), 8)).astype(np.float32)
    table[[f"z{axis}" for axis in range(8)]] += noise
    table["id"] = [f"mnist-test-{row:06d}" for row in range(len(table))]
    made.write_codes(table)
    app = clusters("large", points="20000")
    assert not app.exception
    assert "20,000 of 100,000 test codes, a sample in which every label has its share" in texts(app)
    atlas = clusters_data.by_pca(catalog.find("large"), MapSettings(points=20_000))
    assert atlas.pictures["label"].value_counts().tolist() == [2000] * 10


def test_umap_never_enters_the_server(made_runs, tmp_path):
    """The whole page, every view, in a fresh process: what it has imported then."""
    root = tmp_path / "runs"
    shutil.copytree(made_runs / "small-gmp", root / "small-gmp")
    store_map(Run(root / "small-gmp"))
    code = (
        "import sys, json\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(ROOT / 'explorer' / 'app.py')!r}, default_timeout=120).run()\n"
        f"app.switch_page({PAGE!r}).run()\n"
        "for view in ('components', 'agreement', 'map'):\n"
        "    app.segmented_control(key='clusters.view').set_value(view).run()\n"
        "    assert not app.exception, app.exception\n"
        "print(json.dumps([name for name in ('umap', 'numba', 'pynndescent', 'torch') if name in sys.modules]))\n"
    )
    environment = os.environ | {"GWAE_RUNS": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == ["torch"]
