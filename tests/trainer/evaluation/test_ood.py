"""The evaluation group 'ood' and the history of a training, on a small data root without Fashion-MNIST."""

from __future__ import annotations

import json
import logging
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from tests.ood_data import write_root
from tests.trainings import CPU, TINY, settings, write_pictures
from trainer import data, models
from trainer.data.imageset import split_validation
from trainer.errors import UserError
from trainer.evaluation import card, ood
from trainer.evaluation.evaluate import evaluate
from trainer.ood import calibration, history, neighbours, pairs, ranking, tables
from trainer.ood.baselines import BASELINES, baseline_scores
from trainer.ood.detectors import registry
from trainer.ood.outliers import outliers_of
from trainer.ood.scores import raw_scores
from trainer.runs import layout
from trainer.runs.folder import Metric, Run, create
from trainer.runs.sprite import read_sprite_tiles

NAMES = ["mnist/omniglot as published", "mnist/omniglot polarity-matched"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_root(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def evaluated(root, tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs") / "small", settings(prior={"kind": "gmp", "components": 3}))
    models.save_weights(models.build(run.config).eval(), run.weights_path)
    evaluate(run, root, only=["ood"])
    return run.path


@pytest.fixture
def run(evaluated, tmp_path):
    return Run(shutil.copytree(evaluated, tmp_path / "small"))


def test_stored_scores_are_those_of_the_named_pictures(run, root):
    table, model, calibrated = tables.read(run), run.load_model(), calibration.read(run)
    assert list(table.columns[:6]) == ["id", "data", "role", "polarity", "label_name", "checkpoint"]
    scores = [name for name in table if name.startswith("score_")]
    assert scores == [f"score_{name}" for name in calibrated.names]
    assert scores[0] == "score_combined"
    for pair in pairs.PAIRS[:2]:
        ordinary, outliers = tables.pair_rows(table, pair, "Omniglot")
        found = outliers_of(pair, run.config.data, root)
        assert tuple(ordinary["id"]) == data.load("mnist", "test", root).ids
        assert tuple(outliers["id"]) == found.ids
        expected = calibrated.extend(raw_scores(model, found))
        for name, values in expected.items():
            np.testing.assert_allclose(outliers[f"score_{name}"], values, rtol=1e-4, atol=1e-4)
        for name, values in baseline_scores(found.images.numpy()).items():
            np.testing.assert_allclose(outliers[f"baseline_{name}"], values, rtol=1e-6)
    assert len(table) == 40 + 2 * 20
    assert table.dtypes[[*scores, "baseline_PNG size"]].eq("float32").all()


def test_calibration_saw_only_held_out_pictures(run, root):
    train = data.load("mnist", "train", root)
    held_out = split_validation(train, run.config.data.validation, run.config.seed)[1]
    expected = calibration.calibrate(raw_scores(run.load_model(), held_out), "gwae")
    found = calibration.read(run)
    assert found.n == len(held_out) == 20
    for name in found.names:
        np.testing.assert_allclose(found.quantiles[name], expected.quantiles[name], rtol=1e-4, atol=1e-4)


def test_every_measure_is_recorded_with_its_protocol(run):
    metrics = [metric for metric in run.metrics if metric.group == "ood"]
    table = tables.read(run)
    assert {ood.parse_name(metric.name)[2] for metric in metrics} == {*NAMES, *pairs.VALIDATION}
    assert ood.pairs_measured(metrics) == NAMES
    for metric in metrics:
        measure, score, pair = ood.parse_name(metric.name)
        assert ood.metric_name(measure, score, pair) == metric.name
        assert metric.low <= metric.high
        assert metric.checkpoint == run.hash
        assert metric.higher_is_better == (measure != "FPR95")
        if pair in NAMES:
            ordinary, outliers = tables.pair_rows(table, pairs.PAIRS[NAMES.index(pair)], "Omniglot")
            column = next(f"{kind}_{score}" for kind in ("score", "baseline", "detector") if f"{kind}_{score}" in table)
            expected = ranking.measures(ordinary[column].to_numpy(), outliers[column].to_numpy())
            assert metric.value == pytest.approx(expected[measure])
            assert metric.n == 60
            assert "40 MNIST against 20 Omniglot" in metric.estimator
    scores = (
        len(calibration.read(run).names) + len(BASELINES) + len(registry.DETECTORS) - 1
    )  # without a background model
    assert len(metrics) == (len(NAMES) + 2) * scores * len(ranking.MEASURES)
    by_name = {metric.name: metric.value for metric in metrics}
    assert by_name[ood.metric_name("AUROC", "mean intensity", NAMES[0])] == 1  # what makes the published pair easy


def test_a_missing_pair_is_told_and_the_rest_evaluated(run, root, caplog):
    with caplog.at_level(logging.WARNING):
        found = evaluate(run, root, only=["ood"])
    assert "mnist/fashion-mnist is left out" in caplog.text
    assert {ood.parse_name(metric.name)[2] for metric in found} == {*NAMES, *pairs.VALIDATION}


def test_a_folder_of_own_pictures_is_one_more_pair(run, root, tmp_path):
    folder = write_pictures(tmp_path / "my letters, old", train=6, test=0)
    found = evaluate(run, root, only=["ood"], outliers=folder)
    assert ood.pairs_measured(found) == [*NAMES, "mnist/my letters  old"]
    own = pairs.own_pair(run.config.data, "my letters  old")
    table = tables.read(run)
    ordinary, outliers = tables.pair_rows(table, own, pairs.title_of(own))
    assert (len(ordinary), len(outliers)) == (40, 6)
    by_name = {metric.name: metric.value for metric in found}
    expected = ranking.auroc(ordinary["score_combined"].to_numpy(), outliers["score_combined"].to_numpy())
    assert by_name[ood.metric_name("AUROC", "combined", own.name)] == pytest.approx(expected)
    with pytest.raises(UserError, match="give a folder or zip that exists"):
        evaluate(run, root, only=["ood"], outliers=tmp_path / "nowhere")
    with pytest.raises(UserError, match="measure the group ood"):
        evaluate(run, root, only=["reconstruction"], outliers=folder)


def test_training_codes_are_of_pictures_that_were_trained_on(run, root):
    known = neighbours.read(run)
    train = data.load("mnist", "train", root)
    trained, held_out = split_validation(train, run.config.data.validation, run.config.seed)
    assert set(known["id"]) == set(trained.ids)
    assert not set(known["id"]) & set(held_out.ids)
    with torch.inference_mode():
        mu, _ = run.load_model().encode(trained.float_batch(slice(None)))
    order = [trained.ids.index(id_) for id_ in known["id"]]
    np.testing.assert_allclose(known[[f"z{i}" for i in range(mu.shape[1])]], mu[order], rtol=2e-3, atol=2e-3)
    tiles = read_sprite_tiles(run.path / layout.TRAIN_SPRITE, tuple(trained.images.shape[1:]), known["tile"])
    assert np.array_equal(tiles, trained.images[order].numpy())


def test_baselines_that_win_are_flagged(run):
    metrics = run.metrics
    assert ood.beats_baselines(metrics, "combined", NAMES[0]) is False  # the mean intensity is perfect there
    assert ood.beats_baselines(metrics, "combined", "mnist/fashion-mnist") is None
    low = [m for m in metrics if not (m.group == "ood" and ood.parse_name(m.name)[1] in BASELINES)]
    flipped = [
        Metric(**(vars(m) | {"value": 0.1}))
        for m in metrics
        if m.group == "ood" and ood.parse_name(m.name)[1] in BASELINES
    ]
    own = next(m for m in low if m.name == ood.metric_name("AUROC", "combined", NAMES[1]))
    low.remove(own)
    for value, beats in ((0.89, False), (0.91, True)):  # 0.1 with its sign changed is 0.9
        changed = Metric(**(vars(own) | {"value": value}))
        assert ood.beats_baselines([*low, *flipped, changed], "combined", NAMES[1]) is beats
    text = card.card_text(run)
    assert f"does not beat the trivial baselines on {NAMES[0]}" in text
    assert "AUROC, combined, mnist/omniglot polarity-matched" in text
    assert "AUPR out" not in text


def test_detectors_are_stored_beside_the_scores_and_calibrated_on_held_out_pictures(run, root):
    found, table, model = calibration.read(run), tables.read(run), run.load_model()
    names = [detector.name for detector in registry.DETECTORS if detector.name != "likelihood ratio"]
    assert list(found.detectors) == names
    assert [name for name in table if name.startswith("detector_")] == [f"detector_{name}" for name in names]
    train = data.load("mnist", "train", root)
    held_out = split_validation(train, run.config.data.validation, run.config.seed)[1]
    known = registry.known_of(neighbours.read(run), found.reference.variance, found.reference.entropy)
    expected = registry.scores(model, held_out.images, known)
    assert found.reference.entropy == pytest.approx(expected["likelihood"].mean(), rel=1e-5)
    for name in names:
        assert found.threshold(name, 0.5) == pytest.approx(np.median(expected[name]), rel=1e-3, abs=1e-2)
    scored = registry.scores(model, data.load("mnist", "test", root).images, known)
    for name in names:
        np.testing.assert_allclose(table[f"detector_{name}"][:40], scored[name], rtol=1e-3, atol=1e-2)
    formula = next(m.estimator for m in run.metrics if m.name == ood.metric_name("AUROC", "typicality", NAMES[0]))
    assert "H its mean over held-out pictures (Nalisnick et al., 2019)" in formula


def test_worse_than_plain_likelihood_is_an_interval_below_it(run):
    first = next(m for m in run.metrics if m.name == ood.metric_name("AUROC", "combined", NAMES[0]))
    change = lambda **fields: Metric(**(vars(first) | fields))  # noqa: E731
    likely = [change(name=ood.metric_name("AUROC", "likelihood", pair), value=0.8, low=0.7, high=0.9) for pair in NAMES]
    own = [
        change(value=0.7, low=0.6, high=0.79),
        change(name=ood.metric_name("AUROC", "combined", NAMES[1]), value=0.7, low=0.6, high=0.8),
    ]
    assert ood.below_likelihood([*likely, *own], "combined") == [NAMES[0]]
    assert ood.below_likelihood([*likely, own[1]], "combined") == []
    assert ood.below_likelihood(own, "combined") is None
    drawn = [change(name=ood.metric_name("AUROC", score, pairs.DRAWN)) for score in ("combined", "likelihood")]
    assert ood.below_likelihood(drawn, "combined") is None, "the validation pairs are no results"
    run.write_metrics([*likely, *own])
    assert f"worse than the plain likelihood on {NAMES[0]}." in card.card_text(Run(run.path))


def test_a_calibration_of_before_the_detectors_is_read_as_it_is(run):
    path = run.path / layout.OOD_CALIBRATION
    record = json.loads(path.read_text())
    reference = record.pop("detectors")
    path.write_text(json.dumps(record))
    assert calibration.read(run).detectors == ()
    reference["quantiles"]["typicality"] = reference["quantiles"]["typicality"][::-1]
    path.write_text(json.dumps(record | {"detectors": reference}))
    with pytest.raises(UserError, match="damaged"):
        calibration.read(run)


def test_scores_of_other_weights_are_refused(run):
    models.save_weights(models.build(settings(seed=9, prior={"kind": "gmp", "components": 3})), run.weights_path)
    other = Run(run.path)
    for read in (tables.read, calibration.read):
        with pytest.raises(UserError, match="other weights"):
            read(other)
    (run.path / layout.OOD_SCORES).write_bytes(b"PAR1")
    with pytest.raises(UserError, match="damaged"):
        tables.read(Run(run.path))


# --- history ---------------------------------------------------------------------------------------------------------


def held_out(root):
    return split_validation(data.load("mnist", "train", root), 0.1, 0)[1]


def test_history_has_every_score_of_every_pair_at_hand_and_changes_nothing(root, tmp_path):
    wanted = settings(prior={"kind": "gmp", "components": 3})
    model = models.build(wanted).train()
    model.critic.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    kept = history.History(tmp_path, wanted, held_out(root), root)
    kept.record(model, 5)
    kept.record(model, 10)
    assert torch.equal(state, torch.get_rng_state())
    assert modes == {name: module.training for name, module in model.named_modules()}
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    table = pd.read_csv(tmp_path / layout.OOD_HISTORY)
    assert list(table.columns) == ["step", "pair", "score", "auroc", "ordinary", "outliers"]
    assert set(table["pair"]) == {*pairs.VALIDATION, *NAMES}
    assert set(table["step"]) == {5, 10}
    assert {"combined", "prior", "potential f(x, mu), two-sided"} <= set(table["score"])
    assert table["auroc"].between(0, 1).all()
    assert (table["ordinary"] == 10).all()  # half of the 20 held-out ones; the others calibrate
    assert [row._asdict() for row in history.read(tmp_path)] == table.to_dict("records")


def test_a_resumed_history_forgets_what_came_after_the_checkpoint(root, tmp_path):
    wanted = settings()
    model = models.build(wanted)
    first = history.History(tmp_path, wanted, held_out(root), None)
    for step in (2, 4, 6):
        first.record(model, step)
    second = history.History(tmp_path, wanted, held_out(root), None, step=4)
    second.record(model, 6)
    assert [row.step for row in history.read(tmp_path)] == sorted(row.step for row in first.rows)
    assert second.rows == [row._replace(auroc=round(row.auroc, 6)) for row in first.rows[: -len(first.rows) // 3]] + [
        row for row in first.rows if row.step == 6
    ]
    assert {row.pair for row in second.rows} == set(pairs.VALIDATION)


def test_too_few_held_out_pictures_or_a_damaged_file_do_not_stop_a_training(root, tmp_path):
    few = history.History(tmp_path, settings(), held_out(root).subset([0, 1, 2]), root)
    few.record(models.build(settings()), 1)
    assert not (tmp_path / layout.OOD_HISTORY).exists()
    (tmp_path / layout.OOD_HISTORY).write_text("step,pair\n1")
    assert history.read(tmp_path) == []


def test_a_run_trained_through_fit_has_a_history(root, tmp_path):
    from trainer.training import fit

    made = create(tmp_path / "run", settings(optim=TINY["optim"] | {"max_steps": 4, "validate_every": 2}))
    fit.fit(made, root, progress=False, hardware=CPU)
    assert {row.step for row in history.read(made.path)} == {2, 4}
    assert {row.pair for row in history.read(made.path)} == {*pairs.VALIDATION, *NAMES}
