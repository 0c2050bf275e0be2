"""Numbers over seeds: the mean and range they claim to be, of trainings that differ in nothing else."""

from __future__ import annotations

import pytest
import yaml

from tests.fixtures import make_run
from trainer import __main__ as command
from trainer.errors import UserError
from trainer.evaluation import seeds
from trainer.runs.folder import Metric, Run

VALUES = (0.75, 0.5, 0.625)


@pytest.fixture
def trainings(tmp_path) -> list[Run]:
    made = []
    for seed, value in enumerate(VALUES):
        run = make_run(tmp_path / f"run-{seed}", pictures=60)
        settings = yaml.safe_load(run.config.to_yaml()) | {"seed": seed}
        (run.path / "config.yaml").write_text(yaml.safe_dump(settings))
        about = {"data": "MNIST", "split": "test", "n": 60, "seed": 0, "checkpoint": run.hash}
        run.write_metrics(
            [
                Metric("cluster NMI", value, "clustering", estimator="as ever", low=0.1, high=0.9, **about),
                Metric("FCD", value, "generation", estimator="as ever", **about),
            ]
        )
        made.append(Run(run.path))
    return made


def test_mean_and_range_are_kept_beside_the_first_runs_numbers(trainings):
    before = trainings[0].metrics
    (found,) = (metric for metric in seeds.summarise(trainings) if metric.name.startswith("cluster"))
    assert (found.name, found.group) == ("cluster NMI over seeds", "seeds")
    assert (found.value, found.low, found.high) == (0.625, 0.5, 0.75)
    assert found.interval == "0.5 to 0.75, range of seeds"
    assert all(run.hash in found.estimator for run in trainings)
    assert "0.5 (seed 1" in found.estimator
    stored = Run(trainings[0].path).metrics
    assert [metric for metric in stored if metric.group != "seeds"] == before
    assert found in stored
    assert "whose spread is the range of seeds" in trainings[0].card
    assert {metric.group for metric in seeds.summarise(trainings)} == {"seeds"}
    assert len(Run(trainings[0].path).metrics) == len(stored)  # again: replaced, not added, and not summarised


def test_runs_of_other_recipes_or_of_one_seed_are_refused(trainings, tmp_path, capsys):
    with pytest.raises(UserError, match="each of another seed"):
        seeds.summarise([trainings[0], trainings[0]])
    with pytest.raises(UserError, match="at least two"):
        seeds.summarise(trainings[:1])
    other = make_run(tmp_path / "other", z_dim=4, pictures=60)
    assert command.main(["seeds", str(trainings[0].path), str(other.path)]) == 2
    assert "more than their seed" in capsys.readouterr().err


def test_numbers_of_earlier_weights_do_not_count(trainings):
    weights = trainings[1].weights_path
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\1\0")
    with pytest.raises(UserError, match="share no numbers"):
        seeds.summarise([Run(run.path) for run in trainings])
