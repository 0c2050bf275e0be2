"""What is stored of a measurement, how `evaluate` comes to it, and the job of the page."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.fixtures import make_run, wait_for
from trainer import data
from trainer.__main__ import main
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation.disentanglement import dci as dci_module
from trainer.evaluation.disentanglement import dci_es as dci_es_module
from trainer.evaluation.disentanglement import dci_forest as dci_forest_module
from trainer.evaluation.disentanglement import group, protocol, record
from trainer.evaluation.disentanglement.dci import scores
from trainer.evaluation.disentanglement.protocol import Protocol
from trainer.evaluation.evaluate import evaluate
from trainer.jobs import disentangle, task
from trainer.jobs.task import JobState
from trainer.runs import onnx_files
from trainer.runs.folder import Run
from trainer.system import files, locks

GRID = np.array(list(itertools.product(range(4), range(3), range(5), range(4))))  # 240 pictures
NAMES = ("place", "width", "bright_ness", "tint")
NUMBERS = ["DCI disentanglement", "DCI completeness", "DCI informativeness", "MIG", "SAP", "FactorVAE score"]
FURTHER = ["InfoM", "InfoC", "InfoE", "DCI-ES explicitness", "DCI-ES size"]
FURTHER += [f"DCI {name}, GWAE protocol" for name in ("disentanglement", "completeness", "informativeness")]


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Protocols and trees small enough for 240 pictures, and a cache of this test's own."""
    monkeypatch.setattr(dci_module, "STAGES", 3)
    monkeypatch.setattr(dci_es_module, "DEPTHS", (1, 3))
    monkeypatch.setattr(dci_es_module, "TREES", 3)
    monkeypatch.setattr(dci_es_module, "cores", lambda: 1)
    monkeypatch.setattr(dci_forest_module, "DEPTHS", (2,))
    monkeypatch.setattr(dci_forest_module, "FOLDS", 2)
    for name in ("FULL", "FAST"):
        sizes = Protocol(name.lower(), 150, 90, 240, 240, 40, 20)
        monkeypatch.setattr(protocol, name, sizes)
        monkeypatch.setitem(protocol.PROTOCOLS, name.lower(), sizes)
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    return make_run(tmp_path_factory.mktemp("runs") / "small", prior="fnp", trained=True)


@pytest.fixture
def run(made, tmp_path) -> Run:
    return Run(shutil.copytree(made.path, tmp_path / "small"))


def bars(factors: np.ndarray = GRID) -> ImageSet:
    """A bar whose place, width and brightness are factors, before a background that is the fourth."""
    pictures = np.zeros((len(factors), 1, 32, 32), dtype=np.uint8)
    for picture, (place, width, bright, tint) in zip(pictures, factors, strict=True):
        picture[:] = 10 * tint
        picture[0, :, 7 * place : 7 * place + 3 + width] = 100 + 30 * bright
    names = tuple(f"bars-{i:04d}" for i in range(len(factors)))
    known = torch.from_numpy(factors)
    return ImageSet(torch.from_numpy(pictures), None, (), names, "Bars", "test", known, NAMES)


@pytest.fixture
def pictures(monkeypatch) -> ImageSet:
    """The bars in place of every data set; no network is exported, which would take most of the time."""
    made = bars()
    monkeypatch.setattr(data, "load", lambda *given, **named: made)
    monkeypatch.setattr(onnx_files, "write_decoder", lambda *given: None)
    return made


# --- the record ------------------------------------------------------------------------------------------------


@pytest.fixture
def found(run, pictures) -> record.Record:
    return group.of_run(run)


def test_a_record_is_read_as_it_was_written(run, found):
    record.write(found, run.path / "disentanglement.json")
    again = record.read(run)
    first, second = (json.dumps(record._plain(asdict(each))) for each in (found, again))
    assert first == second
    assert again.dci.importance.shape == (8, 4)
    assert again.factor_vae.active.dtype == bool
    assert again.factor_sizes == (4, 3, 5, 4)
    assert again.sizes == {"train": 150, "test": 90, "mig": 240, "variance": 240, "train_votes": 40, "test_votes": 20}


def test_the_same_weights_and_seed_give_the_same_file(run, pictures):
    for name in ("a.json", "b.json"):
        record.write(group.of_run(run), run.path / name)
    assert (run.path / "a.json").read_bytes() == (run.path / "b.json").read_bytes()
    votes = [group.of_run(run, seed=seed).factor_vae.votes for seed in (0, 1)]
    assert not np.array_equal(*votes)


def test_a_record_that_is_absent_damaged_or_foreign_is_refused(run, found):
    path = run.path / "disentanglement.json"
    with pytest.raises(
        UserError, match=r"not measured yet; make it with 'python -m trainer evaluate .* --only disentanglement'"
    ):
        record.read(run)
    with pytest.raises(UserError, match="--only disentanglement --fast'"):
        record.read(run, "fast")
    record.write(found, path)
    sound = json.loads(path.read_text())
    uneven = sound["mig"] | {"gaps": [0.1]}
    for damage in (
        "{",
        "[]",
        json.dumps(sound | {"format": "other"}),
        json.dumps(sound | {"dci": {}}),
        json.dumps(sound | {"mig": uneven}),
        json.dumps(sound).replace('"importance": [[', '"importance": [[NaN, '),
        json.dumps({name: value for name, value in sound.items() if name != "seed"}),
    ):
        path.write_text(damage)
        with pytest.raises(UserError, match="the file is damaged"):
            record.read(run)
        assert not record.fits(path, run.hash, "full")
    for foreign in (replace(found, checkpoint="0" * 12), replace(found, protocol="fast")):
        record.write(foreign, path)
        with pytest.raises(UserError, match="belongs to other weights"):
            record.read(run)
        assert not record.fits(path, run.hash, "full")


def test_axes_are_named_after_the_factor_they_carry_most_of(found):
    importance = np.array([[0.91, 0.0, 0.1, 0.0], [0.05, 0.3, 0.9, 0.0], [0.04, 0.7, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    named = record.axis_names(replace(found, dci=scores(importance, np.ones(4))))
    assert named == ["place (0.91)", "bright ness (0.90)", "width (0.70)", None]
    weak = np.full((4, 4), 0.25)
    assert record.axis_names(replace(found, dci=scores(weak, np.ones(4)))) == [None] * 4


def test_what_the_full_protocol_adds_is_checked_and_a_record_without_it_is_read(run, found):
    path = run.path / "disentanglement.json"
    record.write(found, path)
    sound = json.loads(path.read_text())
    again = record.read(run)
    assert np.array_equal(again.infomec.active, found.infomec.active)
    assert again.dci_forest.depth == found.dci_forest.depth
    assert again.dci_es.size == 0.5  # four factors, eight axes
    for part, name in (("infomec", "information"), ("dci_es", "per_factor"), ("dci_forest", "errors")):
        path.write_text(json.dumps(sound | {part: sound[part] | {name: [0.5]}}))
        assert not record.fits(path, run.hash, "full")
    earlier = {name: value for name, value in sound.items() if name not in ("infomec", "dci_es", "dci_forest")}
    path.write_text(json.dumps(earlier))
    assert [metric.name for metric in record.metrics(record.read(run))] == NUMBERS


def test_names_are_shares_of_a_factors_importance(found):
    unnormalised = np.array([[2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.6]])
    named = record.axis_names(replace(found, dci=scores(unnormalised, np.ones(4))))
    assert named == ["place (0.50)", "tint (1.00)"]


# --- evaluate --------------------------------------------------------------------------------------------------


def test_evaluate_measures_and_stores_both_protocols_side_by_side(run, pictures):
    full = evaluate(run, only=["disentanglement"])
    assert [metric.name for metric in full] == NUMBERS + FURTHER
    stored = (run.path / "disentanglement.json").read_bytes()
    fast = evaluate(run, only=["disentanglement"], fast=True)
    assert [metric.name for metric in fast] == [f"{name}, fast" for name in NUMBERS]
    assert (run.path / "disentanglement.json").read_bytes() == stored
    assert record.read(run, "fast").protocol == "fast"
    kept = [metric for metric in run.metrics if metric.group.startswith("disentanglement")]
    assert kept == full + fast
    assert evaluate(run, only=["disentanglement"]) == full
    assert {metric.group for metric in run.metrics if metric.name in NUMBERS + FURTHER} == {"disentanglement"}


def test_every_number_carries_its_protocol(run, pictures):
    for metric in evaluate(run, only=["disentanglement"], fast=True):
        assert (metric.data, metric.split, metric.seed, metric.checkpoint) == ("Bars", "test", 0, run.hash)
        assert metric.estimator.startswith("fast protocol: ")
        assert "of 240 pictures, codes mu(x)" in metric.estimator
        assert 0 <= metric.value <= 1
        assert metric.n == {"MIG, fast": 240, "FactorVAE score, fast": 20}.get(metric.name, 240)


def test_pictures_without_factors_are_not_measured(run, pictures, monkeypatch):
    plain = replace(pictures, factors=None, factor_names=())
    monkeypatch.setattr(data, "load", lambda *given, **named: plain)
    with pytest.raises(UserError, match="--only disentanglement: not available for this run"):
        evaluate(run, only=["disentanglement"])
    with pytest.raises(UserError, match="factors are known and vary"):
        group.of_run(run)


def test_the_whole_data_set_is_measured_where_it_can_be_loaded_whole(run, pictures, monkeypatch):
    """The published protocol draws from all combinations, those that the model was trained on included."""
    whole = replace(bars(), split="all")
    parts = {"test": bars().subset(range(200)), "all": whole}
    monkeypatch.setitem(data.DATASETS, "mnist", replace(data.DATASETS["mnist"], splits=("train", "test", "all")))
    monkeypatch.setattr(data, "load", lambda config, split, *given, **named: parts[split])
    assert {metric.split for metric in evaluate(run, only=["disentanglement"])} == {"all"}
    assert record.read(run).pictures == len(whole)


def test_the_command_line(run, pictures, capsys):
    assert main(["disentangle", str(run.path), "--fast"]) == 0
    printed = capsys.readouterr()
    assert [line.split("  ")[0] for line in printed.out.splitlines()] == [f"{name}, fast" for name in NUMBERS]
    assert "DCI trees" in printed.err
    assert record.read(run, "fast").seed == 0
    assert not (run.path / "disentanglement.json").exists()
    assert main(["evaluate", str(run.path), "--only", "disentanglement", "--fast"]) == 0
    assert "MIG, fast" in capsys.readouterr().out


# --- the job ---------------------------------------------------------------------------------------------------


def test_records_are_kept_with_the_run_or_in_the_cache(run, found, tmp_path):
    own = run.path / "disentanglement-fast.json"
    assert disentangle.target(run.path, run.hash, "fast") == own
    in_cache = disentangle.target(run.path, run.hash, "fast", read_only=True)
    assert in_cache == tmp_path / "cache" / "disentanglement" / f"{run.hash}-fast.json"
    record.write(replace(found, protocol="fast"), own)
    assert disentangle.target(run.path, run.hash, "fast", read_only=True) == own
    assert disentangle.target(run.path, "0" * 12, "fast", read_only=True) != own


def test_the_full_record_is_shown_rather_than_the_fast_one(run, found):
    assert disentangle.stored(run, read_only=True) is None
    for name in ("fast", "full"):
        path = disentangle.target(run.path, run.hash, name, read_only=True)
        record.write(replace(found, protocol=name), path)
        assert disentangle.stored(run, read_only=True).protocol == name
    assert disentangle.stored(run) is None  # a folder that may be written keeps its own
    record.write(replace(found, protocol="fast"), run.path / "disentanglement-fast.json")
    assert disentangle.stored(run).protocol == "fast"


def test_a_job_leaves_its_record_and_nothing_else(run, pictures):
    path = disentangle.target(run.path, run.hash, "fast", read_only=True)
    assert disentangle.job(run, path, "fast").state().status == "absent"
    disentangle.job(run, path, "fast").run()
    assert disentangle.job(run, path, "fast").state().status == "ready"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert record.read(run, "fast", path).checkpoint == run.hash


def test_a_job_that_cannot_succeed_says_why(run, pictures, monkeypatch):
    monkeypatch.setattr(data, "load", lambda *given, **named: pictures.subset(range(40)))
    path = disentangle.target(run.path, run.hash, "full")
    with pytest.raises(UserError):
        disentangle.job(run, path, "full").run()
    found = disentangle.job(run, path, "full").state()
    assert found.status == "failed"
    assert "at least 150 pictures" in found.error


def run_in_thread(run: Run, path: Path) -> threading.Thread:
    thread = threading.Thread(target=disentangle.job(run, path, "full").run, daemon=True)
    thread.start()
    return thread


def test_a_job_is_stopped_in_the_middle_of_its_trees(run, pictures, monkeypatch):
    monkeypatch.setattr(dci_module, "STAGES", 1_000_000)  # hours, were it not stopped
    path = disentangle.target(run.path, run.hash, "full")
    thread = run_in_thread(run, path)
    said = wait_for(
        lambda: (s := disentangle.job(run, path, "full").state()).stage == "DCI trees" and s.done > 0 and s,
        seconds=60,
    )
    assert said.status == "running"
    assert said.total == 1_000_000 * 16
    disentangle.job(run, path, "full").stop()
    thread.join(30)
    assert not thread.is_alive()
    assert disentangle.job(run, path, "full").state() == JobState("absent")
    assert not list(run.path.glob("disentanglement*"))


def test_a_job_that_waits_its_turn_can_be_stopped(run, pictures):
    path = disentangle.target(run.path, run.hash, "full")
    files.make_folder(task.cache_folder())
    with locks.exclusive(task.cache_folder() / "disentanglement.lock"):
        thread = run_in_thread(run, path)
        wait_for(lambda: disentangle.job(run, path, "full").state().stage == "waiting", seconds=60)
        disentangle.job(run, path, "full").run()  # a second one for the same record ends at once
        disentangle.job(run, path, "full").stop()
        assert disentangle.job(run, path, "full").state().stage in ("stopping", "")
        thread.join(30)
    assert not thread.is_alive()
    assert disentangle.job(run, path, "full").state() == JobState("absent")


def test_stopping_what_does_not_run_changes_nothing(run):
    path = disentangle.target(run.path, run.hash, "full")
    disentangle.job(run, path, "full").stop()
    assert not disentangle.job(run, path, "full").stop_file.exists()


def test_a_detached_process_reports_and_fails_with_a_sentence(run, tmp_path):
    """A real process, on a data set that is not there: it ends by itself, and says what to do."""
    path = disentangle.target(run.path, run.hash, "fast")
    (tmp_path / "nothing").mkdir()
    process = disentangle.job(run, path, "fast", tmp_path / "nothing").start()
    assert disentangle.job(run, path, "fast").state().status == "running"
    assert process.wait(120) == 2
    found = disentangle.job(run, path, "fast").state()
    assert found.status == "failed"
    assert "MNIST" in found.error
    assert "Traceback" not in path.with_suffix(".log").read_text()
