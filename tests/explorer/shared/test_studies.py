"""Where studies are found, and whose spread over trainings a model has."""

from __future__ import annotations

from types import SimpleNamespace

from explorer.shared import studies
from explorer.shared.studies import Spread
from trainer.config import Config
from trainer.runs.folder import Metric
from trainer.study import table


def metric(name: str, estimator: str, **ends: float) -> Metric:
    about = {"data": "MNIST", "split": "test", "n": 500, "seed": None, "checkpoint": "0" * 12}
    return Metric(name, 0.82, "seeds", estimator=estimator, **about, **ends)


def test_studies_are_found_wherever_they_lie_and_the_reported_ones_come_last(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "EXAMPLES", tmp_path / "reported")
    for name in ("runs/a/study.json", "runs/of/others/b/study.json", "reported/gmp.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    found = studies.found(tmp_path / "runs")
    assert list(found) == ["a", "of/others/b", "reported: gmp"]
    assert found["reported: gmp"] == tmp_path / "reported" / "gmp.json"


def test_without_a_reported_study_the_numbers_of_the_command_seeds_are_the_spread(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "EXAMPLES", tmp_path)
    reported = metric(
        "Spearman over seeds", "mean and range of 3 trainings that differ in their seed: ...", low=0.8, high=0.84
    )
    other = metric("PSNR over seeds", "of an unknown origin", low=0.8, high=0.84)
    entry = SimpleNamespace(run=SimpleNamespace(config=Config()), metrics=(reported, other))
    assert studies.spread(entry, "Spearman") == Spread(0.82, 0.8, 0.84, 3, "")
    assert studies.spread(entry, "PSNR") is None
    assert studies.spread(entry, "SSIM") is None


def test_of_several_reported_studies_that_of_most_trainings_is_the_spread(monkeypatch):
    def stored(mean: float, runs: list[str]) -> SimpleNamespace:
        value = SimpleNamespace(value=mean, low=mean - 0.1, high=mean + 0.1)
        column = SimpleNamespace(means={"PSNR": value}, recipe=table.fingerprint(Config()), runs=runs)
        return SimpleNamespace(stored=SimpleNamespace(variants={"full": column}))

    tables = {"a": stored(0.5, ["a", "b"]), "b": stored(0.25, ["a", "b", "c"]), "c": stored(0.75, ["a"])}
    monkeypatch.setattr(studies, "reported", lambda: {name: name for name in tables})
    monkeypatch.setattr(studies, "read", tables.get)
    entry = SimpleNamespace(run=SimpleNamespace(config=Config()), metrics=())
    assert studies.spread(entry, "PSNR") == Spread(0.25, 0.15, 0.35, 3, "b")


def test_how_many_trainings_spreads_are_over():
    two, three = (Spread(0.5, 0.4, 0.6, count, "") for count in (2, 3))
    assert studies.counted([three, None, three]) == "3"
    assert studies.counted([three, two]) == "2 to 3"
    assert studies.counted([None]) == ""
    assert three.text == "0.400 to 0.600"
