"""The OoD page on data sets: choosing, the race, the table, the pictures, and what is missing."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.ood.state import RATES, step_of
from tests.outliers import FASHION, MATCHED, OUTLIERS, PUBLISHED, plant, stripes
from tests.pages.ood import lines, numbers, opened, table
from tests.pages.reading import png, ran, sent_to, texts
from trainer.evaluation.ood import below_likelihood
from trainer.ood import calibration, tables
from trainer.runs import layout
from trainer.runs.folder import Run


@pytest.fixture(autouse=True)
def runs(scored_runs: Path) -> Path:
    return scored_runs


def figure(app: AppTest) -> dict[str, Any]:
    """The course over the training."""
    return json.loads(app.get("plotly_chart")[0].proto.spec)


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
    app = opened(pair=PUBLISHED.name, others="0")
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
    app = opened(others="0")
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


def test_planted_scores_are_counted_by_hand_at_every_rate(runs):
    run = Run(runs / "small-gmp")
    planted = np.linspace(0, 1, 120, dtype=np.float32), np.linspace(0.5, 3, OUTLIERS, dtype=np.float32)
    plant(run, *planted)
    app = opened(others="0")
    race = sent_to(app, "race")
    line, scores = lines(race)["small-gmp|combined"], race["scores"]
    assert race["rates"] == list(RATES) == sorted(RATES)
    assert race["focus"] == "small-gmp|combined"
    for place in (0, 90, len(RATES) - 1):
        threshold = calibration.read(run).threshold("combined", RATES[place])
        assert scores["thresholds"][place] == pytest.approx(threshold)
        assert line["alarms"][place] == (planted[0] > np.float32(threshold)).sum()
        assert line["found"][place] == (planted[1] > np.float32(threshold)).sum()
    assert (line["ordinary"], line["outliers"]) == (120, OUTLIERS)
    for side, values in zip(("ordinary", "outliers"), planted, strict=True):
        assert np.array_equal(numbers(scores[side]), values)
    assert numbers(line["x"])[-1] == numbers(line["y"])[-1] == 1
    assert line["auroc"] == next(row for row in table(app) if "small-gmp" in row[0])[1].split()[0]


def test_the_pictures_around_the_line_and_the_worst_errors(runs):
    """All pictures of the small model can be shown, and those that the slider does not reach are left out."""
    run = Run(runs / "small-gmp")
    low, high = (calibration.read(run).threshold("combined", RATES[place]) for place in (-1, 0))
    inside = np.linspace(low - 1e-3, high + 1e-3, 40)
    plant(run, np.r_[np.linspace(low - 9, low - 1, 40), inside, np.linspace(high + 1, high + 9, 40)], np.ones(OUTLIERS))
    app = opened(others="0")
    race = sent_to(app, "race")
    (row,) = race["rows"]
    scores = numbers(row["scores"])
    assert row["name"] == "MNIST"
    assert (np.diff(scores) >= 0).all()
    assert len(scores) == 20 + 38 + 20, "the outermost of the 40 lie beyond every threshold"
    sprite = Image.open(io.BytesIO(base64.b64decode(race["sprite"])))
    assert sprite.size == (32 * race["columns"], 32 * -(-len(scores) // race["columns"]))
    threshold = np.float32(race["scores"]["thresholds"][race["place"]])
    (group,) = sent_to(app, "gallery")["groups"]
    wrong = (numbers(race["scores"]["ordinary"]) > threshold).sum()
    assert group["title"] == "False alarms"
    assert group["note"].startswith(f"{wrong} of MNIST")
    assert group["titles"][0].startswith("mnist-test-00119 · ")


def test_the_rate_comes_from_the_link_and_the_threshold_from_held_out_pictures(runs):
    expected = calibration.read(Run(runs / "small-gmp")).threshold
    for link, rate in (({}, 0.05), ({"fpr": "0.2"}, 0.2), ({"fpr": "0.0013"}, 0.0013), ({"fpr": "0.1234"}, 0.12)):
        race = sent_to(opened(others="0", **link), "race")
        assert race["rates"][race["place"]] == rate
        assert race["scores"]["thresholds"][race["place"]] == pytest.approx(expected("combined", rate))


def test_a_baseline_has_the_threshold_of_the_ordinary_pictures_here():
    race = sent_to(opened(focus="|stroke area", others="0"), "race")
    scores = race["scores"]
    assert scores["score"] in ("stroke area", "minus stroke area")
    assert scores["thresholds"][step_of(0.05)] == pytest.approx(np.quantile(numbers(scores["ordinary"]), 0.95))
    line = lines(race)["|stroke area"]
    assert line["baseline"]
    assert line["alarms"][step_of(0.05)] <= 0.05 * 120


def test_a_broken_link_falls_back_and_an_unknown_score_is_called_so():
    app = opened(pair="no/such pair", fpr="7", focus="nobody|x", scores="none")
    assert app.selectbox(key="ood.pair").value == MATCHED.name
    assert sent_to(app, "race")["place"] == step_of(0.05)
    assert app.multiselect(key="ood.scores").value == ["combined"]
    assert texts(app).count("There is no score “none”.") == 1


def test_a_pair_that_was_not_scored_says_how_to_score_it():
    app = opened(pair=FASHION.name)
    assert "This pair has not been scored" in texts(app)
    assert "Fashion-MNIST is not in" in texts(app)
    assert "Measure again" in [button.label for button in app.button]
    assert not app.get("plotly_chart")


def test_outliers_that_are_not_on_the_disk_are_said_to_be_absent_and_shown_where_they_are(tmp_path):
    app = opened(others="0")
    assert "not on this computer" in texts(app)
    assert "load('omniglot', 'all')" in texts(app)
    assert [row["name"] for row in sent_to(app, "race")["rows"]] == ["MNIST"]
    pictures = stripes()
    for i, picture in enumerate(pictures):
        folder = tmp_path / "data" / "omniglot-py" / "images_background" / "Greek" / f"character{i // 5 + 1:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i // 5 + 1:04d}_{i % 5 + 1:02d}.png").write_bytes(png(picture[0]))
    app = opened(others="0")
    assert "not on this computer" not in texts(app)
    race = sent_to(app, "race")
    row = race["rows"][1]
    assert row["name"] == "Omniglot"
    with Image.open(io.BytesIO(base64.b64decode(race["sprite"]))) as sprite:
        sheet = np.asarray(sprite)
    place, columns = row["first"], race["columns"]
    top, left = 32 * (place // columns), 32 * (place % columns)
    tile = sheet[top : top + 32, left : left + 32]
    assert any(np.array_equal(tile, 255 - picture[0]) for picture in pictures), "matched: inverted, as the model saw it"


def test_the_outliers_pictures_of_another_bundled_model_are_shown(runs):
    """MNIST test pictures are in the folders of the models of MNIST, so a model of Fashion-MNIST has its outliers."""
    run = Run(runs / "small-vae")
    settings = run.config.model_copy(update={"data": run.config.data.model_copy(update={"name": "fashion-mnist"})})
    (run.path / layout.CONFIG).write_text(settings.to_yaml(), encoding="utf-8")
    table_ = tables.read(run)
    outliers = table_["polarity"] == PUBLISHED.polarity
    table_ = table_[outliers | (table_["role"] == tables.ORDINARY)].copy()
    table_.loc[outliers, "data"], table_.loc[outliers, "id"] = (
        "MNIST",
        Run(runs / "small-gmp").codes["id"][:OUTLIERS].to_numpy(),
    )
    tables.write(table_, run)
    app = opened("small-vae", pair="fashion-mnist/mnist", others="0")
    assert sent_to(app, "race")["rows"][-1]["name"] == "MNIST"
    assert "not on this computer" not in texts(app)


def test_the_course_over_the_training_is_told():
    app = opened(scores="combined,potential f(x%2C mu)", others="0")
    assert "**combined** stays between 0.920 and 0.930" in texts(app)
    assert "**potential f(x, mu)** changed sides twice" in texts(app)
    assert len(figure(app)["data"]) == 2


def test_a_model_has_one_colour_everywhere_whichever_are_shown():
    def colours(app: AppTest) -> dict[str, str]:
        race = lines(sent_to(app, "race"))
        return {key.split("|")[0]: line["colour"] for key, line in race.items() if not line["baseline"]}

    app = opened()
    every = colours(app)
    assert len(set(every.values())) == 3
    race = sent_to(app, "race")
    assert race["log"]
    assert race["scores"]["colour"] == every["small-gmp"]
    course = next(t for t in figure(app)["data"] if t.get("name") == "combined")
    assert course["line"]["color"] == every["small-gmp"]
    assert colours(opened("small-vae", others="0")) == {"small-vae": every["small-vae"]}
    baseline = sent_to(opened(focus="|stroke area", others="0"), "race")
    assert baseline["scores"]["colour"] not in every.values()
    assert not sent_to(opened(log="0"), "race")["log"]


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


def test_a_model_without_a_background_model_says_what_the_likelihood_ratio_needs():
    app = opened(others="0")
    assert "likelihood ratio" in app.multiselect(key="ood.scores").options
    app.multiselect(key="ood.scores").set_value(["combined", "likelihood ratio"])
    ran(app)
    said = (
        "small-gmp has no “likelihood ratio”: it was evaluated without a background model (evaluate --background RUN)."
    )
    assert said in texts(app)
    assert [row[0] for row in table(app) if "small-gmp" in row[0]] == ["**small-gmp** · combined"]


def test_a_detector_that_scored_a_sample_has_its_own_threshold_and_pictures(runs):
    run = Run(runs / "small-gmp")
    stored = tables.read(run)
    stored.loc[stored.index[::2], "detector_likelihood"] = np.nan
    tables.write(stored, run)
    app = opened(others="0", scores="likelihood", focus="small-gmp|likelihood", fpr="0.5")
    race = sent_to(app, "race")
    scores = race["scores"]
    ordinary, outliers = tables.pair_rows(stored, MATCHED, "Omniglot")
    assert len(numbers(scores["ordinary"])) == ordinary["detector_likelihood"].notna().sum()
    assert len(numbers(scores["outliers"])) == outliers["detector_likelihood"].notna().sum()
    expected = calibration.read(run).threshold("likelihood", 0.5)
    assert scores["thresholds"][race["place"]] == pytest.approx(expected)
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
