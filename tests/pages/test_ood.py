"""The OoD page: choosing, the table, the operating point, the pictures, and one's own pictures with their CSV."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from tests.fixtures import blob_pictures, make_run
from tests.outliers import FASHION, MATCHED, OUTLIERS, PUBLISHED, add_scores, plant, stripes
from tests.pages import reading
from tests.pages.reading import png, ran, sent_to, texts
from trainer.evaluation.ood import below_likelihood
from trainer.ood import calibration, tables
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import ROOT

TYPE = "image/png"


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Three models with scores and one without, never to be changed."""
    root = tmp_path_factory.mktemp("ood") / "runs"
    add_scores(make_run(root / "small-gmp"), detectors=True)
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
    return reading.opened("ood", model, **link)


def figure(app: AppTest, place: int = 0) -> dict[str, Any]:
    return json.loads(app.get("plotly_chart")[place].proto.spec)


def table(app: AppTest) -> list[list[str]]:
    """Rows of the ranking, without the Markdown around them."""
    lines = next(item.value for item in app.markdown if item.value.startswith("| score | AUROC")).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def scores(data: dict[str, Any], side: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data[side]), "<f4")


def own_pictures(n: int = 4) -> list[tuple[str, bytes]]:
    """Blobs, and stripes at the end."""
    pictures = [*blob_pictures(n - 1, seed=5)[0], stripes(1)[0]]
    return [(f"mine-{i}.png", png(picture[0])) for i, picture in enumerate(pictures)]


def upload(app: AppTest, files: list[tuple[str, bytes]]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, TYPE) for name, data in files])
    return ran(app)


# ---------------------------------------------------------------- on data sets


def test_opens_on_the_pair_that_polarity_does_not_give_away():
    app = opened()
    assert app.selectbox(key="ood.pair").value == MATCHED.name
    names = [row[0] for row in table(app)]
    for model in ("small-gmp", "small-vae", "small-dagmm"):
        assert f"**{model}** · combined" in names
    assert sum(":gray-badge[baseline]" in name for name in names) == 3
    assert "both sides are light on black" in texts(app)
    assert not app.error
    chosen = str(table(opened(beside="small-vae")))
    assert "**small-vae** · combined" in chosen
    assert "small-dagmm" not in chosen


def test_the_table_shows_the_stored_numbers_with_their_intervals(runs):
    app = opened(pair=PUBLISHED.name, against="")
    by_name = {metric.name: metric for metric in Run(runs / "small-gmp").metrics}
    row = next(row for row in table(app) if row[0] == "**small-gmp** · combined")
    for cell, measure in zip(row[1:5], ("AUROC", "AUPR out", "AUPR in", "FPR95"), strict=True):
        metric = by_name[f"{measure}, combined, {PUBLISHED.name}"]
        assert cell.replace("\N{WORD JOINER}", "") == (
            f"{metric.value:.3f} :small[:gray[{metric.low:.3f}–{metric.high:.3f}]]"
        )
    assert "small-vae" not in str(table(app))
    assert "black on white" in texts(app)
    values = [float(row[1].split()[0]) for row in table(app)]
    assert values == sorted(values, reverse=True)


def test_without_stored_measures_the_page_measures(runs):
    (runs / "small-gmp" / "metrics.json").unlink()
    app = opened(against="")
    own = next(row for row in table(app) if row[0].startswith("**small-gmp**"))
    stored = tables.read(Run(runs / "small-gmp"))
    ordinary, outliers = tables.pair_rows(stored, MATCHED, "Omniglot")
    from trainer.ood import ranking

    expected = ranking.with_intervals(ordinary["score_combined"].to_numpy(), outliers["score_combined"].to_numpy())
    assert own[1].startswith(f"{expected['AUROC'].value:.3f} ")
    assert f"{expected['AUROC'].low:.3f}" in own[1]


def test_scores_and_pair_are_chosen_and_mirrored_in_the_link():
    app = opened()
    app.multiselect(key="ood.scores").set_value(["paper", "prior"])
    ran(app)
    app.selectbox(key="ood.pair").set_value(PUBLISHED.name)
    ran(app)
    names = [row[0] for row in table(app)]
    for name in (
        "**small-gmp** · potential f(g(mu), mu)",
        "**small-gmp** · prior",
        "**small-vae** · prior",
        "**small-dagmm** · energy",
    ):
        assert name in names
    assert names.count("**small-vae** · prior") == 1
    assert app.query_params["scores"] == ["paper,prior"] or app.query_params["scores"] == "paper,prior"
    again = opened(pair=PUBLISHED.name, scores="paper,prior")
    assert [row[0] for row in table(again)] == names


def test_what_a_model_lacks_is_said():
    app = opened(scores="combined,potential f(x%2C mu)")
    assert "small-vae has no “potential f(x, mu)”: only a GWAE has a critic." in texts(app)
    assert "**small-gmp** · potential f(x, mu)" in [row[0] for row in table(app)]


def test_planted_perfect_scores_reach_the_corner_and_are_counted_by_hand(runs):
    run = Run(runs / "small-gmp")
    plant(run, np.linspace(0, 1, 120), np.linspace(2, 3, OUTLIERS))
    app = opened(against="", at="0.75")
    trace = next(t for t in figure(app)["data"] if t.get("name", "").startswith("small-gmp"))
    assert trace["name"].endswith("1.000")
    point = sent_to(app, "point")
    ordinary, outliers = scores(point, "ordinary"), scores(point, "outliers")
    assert point["threshold"] == 0.75
    assert (np.diff(ordinary) >= 0).all()
    assert (ordinary > 0.75).sum() == 30  # 90/119 is the first above
    assert (outliers > 0.75).sum() == OUTLIERS
    marker = next(t for t in figure(app)["data"] if t.get("name") == "now")
    assert (marker["x"][0], marker["y"][0]) == (pytest.approx(0.25), 1.0)
    gallery = {group["title"]: group for group in sent_to(app, "gallery")["groups"]}
    assert gallery["False alarms"]["note"].startswith("30 of MNIST")
    assert gallery["False alarms"]["titles"][0] == "mnist-test-00119 · 1"
    assert gallery["Just accepted"]["note"].startswith("90 of MNIST")
    assert gallery["Just accepted"]["titles"][0].startswith("mnist-test-00089 · 0.7479")


def test_the_threshold_of_a_target_rate_is_the_calibrated_one(runs):
    app = opened(against="")
    expected = calibration.read(Run(runs / "small-gmp")).threshold
    assert sent_to(app, "point")["threshold"] == pytest.approx(expected("combined", 0.05))
    app.number_input(key="ood.fpr").set_value(20.0)
    ran(app)
    assert sent_to(app, "point")["threshold"] == pytest.approx(expected("combined", 0.2))
    assert "Back to the target" not in str([button.label for button in app.button])


def test_a_threshold_set_by_hand_is_forgotten_for_another_curve_or_target():
    app = opened(at="1.25", against="")
    assert sent_to(app, "point")["threshold"] == 1.25
    app.button(key="ood.back").click()
    ran(app)
    assert sent_to(app, "point")["threshold"] != 1.25
    app = opened(at="1.25", against="")
    app.selectbox(key="ood.focus").set_value("|stroke area")
    ran(app)
    point = sent_to(app, "point")
    assert point["score"] in ("stroke area", "minus stroke area")
    assert point["threshold"] == pytest.approx(float(np.quantile(scores(point, "ordinary"), 0.95)))


def test_a_broken_link_falls_back():
    app = opened(at="nan", pair="no/such pair", fpr="7", focus="nobody|x", scores="none")
    assert app.selectbox(key="ood.pair").value == MATCHED.name
    assert app.number_input(key="ood.fpr").value == 5.0
    assert app.multiselect(key="ood.scores").value == ["combined"]


def test_a_pair_that_was_not_scored_says_how_to_score_it():
    app = opened(pair=FASHION.name)
    assert "This pair has not been scored" in texts(app)
    assert "Fashion-MNIST is not in" in texts(app)
    assert "Measure again" in [button.label for button in app.button]
    assert not app.get("plotly_chart")


def test_outliers_that_are_not_on_the_disk_are_said_to_be_absent_and_shown_where_they_are(tmp_path):
    app = opened(against="")
    assert "not part of the model's folder" in texts(app)
    assert "load('omniglot', 'all')" in texts(app)
    assert {group["title"] for group in sent_to(app, "gallery")["groups"]} <= {"False alarms", "Just accepted"}
    pictures = stripes()
    for i, picture in enumerate(pictures):
        folder = tmp_path / "data" / "omniglot-py" / "images_background" / "Greek" / f"character{i // 5 + 1:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i // 5 + 1:04d}_{i % 5 + 1:02d}.png").write_bytes(png(picture[0]))
    app = opened(against="", at="-1000000")
    data = sent_to(app, "gallery")
    caught = next(group for group in data["groups"] if group["title"] == "Just flagged")
    assert caught["note"].startswith(f"{OUTLIERS} of Omniglot")
    with Image.open(io.BytesIO(base64.b64decode(data["sprite"]))) as sprite:
        sheet = np.asarray(sprite)
    place = caught["first"]
    tile = sheet[32 * (place // 50) : 32 * (place // 50) + 32, 32 * (place % 50) : 32 * (place % 50) + 32]
    character, drawing = caught["titles"][0].split(" ")[0].removesuffix("·").rsplit("-", 1)[1].split("_")
    row = 5 * (int(character) - 1) + int(drawing) - 1
    assert np.array_equal(tile, 255 - pictures[row][0]), "matched: inverted, as the model saw it"


def test_the_course_over_the_training_is_told():
    app = opened(scores="combined,potential f(x%2C mu)", against="")
    assert "**combined** stays between 0.920 and 0.930" in texts(app)
    assert "**potential f(x, mu)** changed sides twice" in texts(app)
    assert len(figure(app, 1)["data"]) == 2


def test_a_model_has_one_colour_everywhere_whichever_are_shown():
    def colours(app: AppTest) -> dict[str, str]:
        return {
            t["name"].split(" · ")[0]: t["line"]["color"] for t in figure(app)["data"] if " · " in t.get("name", "")
        }

    app = opened()
    every = colours(app)
    assert len(set(every.values())) == 3
    assert figure(app)["layout"]["xaxis"]["type"] == "log"
    assert sent_to(app, "point")["colour"] == every["small-gmp"]
    course = next(t for t in figure(app, 1)["data"] if t.get("name") == "combined")
    assert course["line"]["color"] == every["small-gmp"]
    assert colours(opened("small-vae", against="")) == {"small-vae": every["small-vae"]}
    baseline = opened(focus="|stroke area", against="")
    assert sent_to(baseline, "point")["colour"] not in every.values()
    assert figure(opened(log="0"))["layout"]["xaxis"].get("type") != "log"


def test_detectors_of_the_literature_are_rows_and_say_who_beats_plain_likelihood(runs):
    app = opened(scores="combined,likelihood,complexity%2C PNG,typicality,likelihood regret,Mahalanobis,nearest codes")
    cells = {row[0]: row for row in table(app)}
    metrics = Run(runs / "small-gmp").metrics
    by_name = {metric.name: metric.value for metric in metrics}
    for name in ("likelihood", "complexity, PNG", "typicality", "likelihood regret", "Mahalanobis", "nearest codes"):
        row = cells[f"**small-gmp** · {name}"]
        assert row[1].startswith(f"{by_name[f'AUROC, {name}, {MATCHED.name}']:.3f} ")
    worse = len(below_likelihood(metrics, "combined"))
    said = "yes" if worse == 0 else "below on 1 pair" if worse == 1 else f"below on {worse} pairs"
    assert cells["**small-gmp** · combined"][6] == said
    assert cells["**small-gmp** · likelihood"][6] == "yes"
    assert cells["**small-vae** · combined"][6] == ""
    assert "not measured for small-dagmm, small-vae: `python -m trainer evaluate" in texts(app)
    assert "small-vae has no “Mahalanobis”" not in texts(app), "one sentence for all that is not measured"
    assert not app.error


def test_a_detector_that_scored_a_sample_has_its_own_threshold_and_pictures(runs):
    run = Run(runs / "small-gmp")
    stored = tables.read(run)
    stored.loc[stored.index[::2], "detector_likelihood"] = np.nan
    tables.write(stored, run)
    app = opened(against="", scores="likelihood", focus="small-gmp|likelihood")
    point = sent_to(app, "point")
    ordinary, outliers = tables.pair_rows(stored, MATCHED, "Omniglot")
    assert len(scores(point, "ordinary")) == ordinary["detector_likelihood"].notna().sum()
    assert len(scores(point, "outliers")) == outliers["detector_likelihood"].notna().sum()
    expected = calibration.read(run).threshold("likelihood", 0.05)
    assert point["threshold"] == pytest.approx(expected)
    kept = set(ordinary["id"][ordinary["detector_likelihood"].notna()])
    titles = [title.split(" ")[0] for group in sent_to(app, "gallery")["groups"] for title in group["titles"]]
    assert titles
    assert set(titles) <= kept


# ---------------------------------------------------------------- empty states


def test_files_of_other_weights_are_refused_in_a_sentence(runs):
    for name in (layout.OOD_CALIBRATION, layout.OOD_SCORES):
        shutil.copy(runs / "small-vae" / name, runs / "small-gmp" / name)
    app = opened()
    assert len(app.error) == 1
    assert "other weights" in app.error[0].value


def test_a_damaged_table_of_another_model_spoils_only_that_one(runs):
    (runs / "small-vae" / layout.OOD_SCORES).write_bytes(b"nothing")
    app = opened()
    assert "damaged" in texts(app)
    assert any(row[0] == "**small-gmp** · combined" for row in table(app))
    assert not app.error


# ---------------------------------------------------------------- one's own pictures


def result(app: AppTest):
    """The scores the page has computed last."""
    results = app.session_state["ood.results"]
    return [value for value in results.values() if isinstance(value, pd.DataFrame)][-1]


def shown(app: AppTest):
    return app.dataframe[0].value


def assert_same(page: str, file: Path) -> None:
    """The file of the command has every column of the page's, cell by cell, and the detectors of the literature."""
    page, command = (pd.read_csv(source, dtype=str) for source in (io.StringIO(page), file))
    pd.testing.assert_frame_equal(command[list(page)], page)
    assert {"likelihood", "likelihood percentile", "nearest codes"} <= set(command) - set(page)


def test_uploads_are_scored_as_on_the_command_line(runs, tmp_path):
    from trainer.ood import command
    from trainer.ood.pictures import to_csv

    files = own_pictures(5)
    app = upload(opened(view="mine"), files)
    paths = []
    for name, data in files:
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    command.score(Run(runs / "small-gmp"), paths, tmp_path / "out.csv")
    assert_same(to_csv(result(app)), tmp_path / "out.csv")
    view = shown(app)
    assert view["picture"].tolist() == [name for name, _ in files]
    assert view["verdict"].tolist() == result(app)["verdict"].tolist()
    for name in calibration.read(Run(runs / "small-gmp")).names:
        assert view[name].tolist() == result(app)[f"{name} percentile"].round(2).tolist()
    assert f"{(view['verdict'] == 'outlier').sum()} of 5" in texts(app)


def test_the_command_itself_writes_the_same_file(runs, tmp_path):
    from trainer.ood.pictures import to_csv

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in [*own_pictures(3), ("broken.png", b"\x89PNG\r\n\x1a\n")]:
            archive.writestr(f"set/{name}", data)
    (tmp_path / "set.zip").write_bytes(content.getvalue())
    command = [sys.executable, "-m", "trainer", "score", str(runs / "small-gmp"), str(tmp_path / "set.zip")]
    more = ["--csv", str(tmp_path / "out.csv"), "--fpr", "0.1", "--invert"]
    subprocess.run([*command, *more], cwd=ROOT, check=True, capture_output=True, timeout=250)
    app = upload(opened(view="mine", fpr="0.1", invert="1"), [("set.zip", content.getvalue())])
    assert_same(to_csv(result(app)), tmp_path / "out.csv")
    assert "1 file was left out, the others were scored" in [each.label for each in app.expander]
    assert "broken.png" in texts(app)


def test_the_pictures_shown_are_what_the_model_sees_and_makes(runs):
    files = own_pictures(3)
    app = upload(opened(view="mine"), files)
    for (_, data), url in zip(files, shown(app)["input"], strict=True):
        with (
            Image.open(io.BytesIO(data)) as sent,
            Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as seen,
        ):
            assert np.array_equal(np.asarray(seen)[1::3, 1::3], np.asarray(sent))
    import torch

    pixels = torch.tensor(np.asarray(Image.open(io.BytesIO(files[0][1]))))[None, None] / 255
    with torch.no_grad():
        made = (Run(runs / "small-gmp").load_model().reconstruct(pixels)[0, 0].clamp(0, 1) * 255).round().byte()
    with Image.open(io.BytesIO(base64.b64decode(shown(app)["made"][0].partition(",")[2]))) as seen:
        assert np.abs(np.asarray(seen)[1::3, 1::3].astype(int) - made.numpy()).max() <= 1


def test_another_target_changes_verdicts_and_inverting_the_pictures():
    app = upload(opened(view="mine"), own_pictures(6))
    before = result(app)
    app.number_input(key="ood.fpr").set_value(50.0)
    ran(app)
    assert result(app)["threshold"][0] < before["threshold"][0]
    assert np.array_equal(result(app)["combined"], before["combined"])
    app.toggle(key="ood.invert").set_value(True)
    ran(app)
    assert not np.array_equal(result(app)["combined"], before["combined"])
    assert result(app)["verdict"].tolist() == [
        "outlier" if value > result(app)["threshold"][0] else "ordinary" for value in result(app)["combined"]
    ]


def test_a_light_ground_is_pointed_out_where_the_model_knows_dark_ones():
    files = [(f"{i}.png", png(255 - picture[0])) for i, picture in enumerate(blob_pictures(3)[0])]
    app = upload(opened(view="mine"), files)
    assert "3 of 3 have a light background, MNIST a dark one" in texts(app)
    app.toggle(key="ood.invert").set_value(True)
    assert "light background" not in texts(ran(app))


def test_a_hostile_zip_is_refused_in_a_sentence_and_nothing_is_shown():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for i in range(10_000):
            archive.writestr(f"{i}.png", b"")
    app = upload(opened(view="mine"), [("many.zip", content.getvalue())])
    assert [error.value for error in app.error] == [
        "many.zip: the zip holds 10,000 files; upload one with at most 200 pictures."
    ]
    assert not app.dataframe


def test_only_bad_files_are_named_without_a_table():
    app = upload(opened(view="mine"), [("notes.txt.png", b"hello"), ("empty.png", b"")])
    assert [each.label for each in app.expander] == ["2 files were left out"]
    assert "notes.txt.png" in texts(app)
    assert not app.dataframe


def test_another_model_scores_the_same_pictures(runs):
    app = upload(opened(view="mine"), own_pictures(3))
    app.session_state["gwae.model"] = "small-vae"
    ran(app)
    assert set(shown(app)) >= {"combined", "prior"}
    assert "potential f(x, mu)" not in shown(app)
    assert "No potential here: only a GWAE has a critic." in texts(app)


def test_ones_own_pictures_are_a_pair_too():
    app = opened(pair="your own pictures", against="small-vae")
    assert "No own pictures yet" in texts(app)
    app.button(key="ood.to_mine").click()
    ran(app)
    upload(app, own_pictures(6))
    app.segmented_control(key="ood.view").set_value("measured") if hasattr(app, "segmented_control") else None
    app.session_state["gwae.state.OodState"] = app.session_state["gwae.state.OodState"].model_copy(
        update={"view": "measured"}
    )
    ran(app)
    names = [row[0] for row in table(app)]
    assert {"**small-gmp** · combined", "**small-vae** · combined"} <= set(names)
    assert sent_to(app, "point")["names"][1] == "your own pictures · 6"
    assert "Your pictures are the outliers here" in texts(app)


def test_removing_the_files_forgets_the_pictures():
    app = upload(opened(view="mine"), own_pictures(3))
    assert app.dataframe
    app.file_uploader[0].set_value(None)
    ran(app)
    assert not app.dataframe
    assert "Every score as a percentile" in texts(app)


def test_two_hundred_uploads_are_scored():
    files = [(f"{i:03d}.png", png(picture[0])) for i, picture in enumerate(blob_pictures(200, seed=7)[0])]
    app = upload(opened(view="mine"), files)
    assert len(shown(app)) == 200
