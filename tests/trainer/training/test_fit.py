"""The loop: it learns, ends as asked, and records what it does."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import torch

from tests.trainer.training.watched import KINDS, WARM, ask_to_stop, status
from tests.trainings import CPU, assert_same_training, history, pictures, settings, state, train, write_pictures
from trainer import data
from trainer.data.imageset import split_validation
from trainer.errors import UserError
from trainer.evaluation.reconstruction import psnr
from trainer.runs.folder import Run, create
from trainer.training import checkpoint, fit, loop, validation
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware

# --- it learns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gwae", "vae"])
def test_sixteen_pictures_are_learned_by_heart(tmp_path, kind):
    """18 pictures in a folder, two of them for validation. Their mean picture has 17 dB, so 25 dB is learning."""
    steps = 200
    source = write_pictures(tmp_path / "pictures")
    wanted = settings(
        data={"name": "folder", "path": str(source)},
        model={"kind": kind, "z_dim": 8, "width": 8},
        prior={"kind": "normal" if kind == "vae" else "np"},
        objective={"beta": 0.05},
        optim={"lr": 3e-3, "batch_size": 16, "critic_steps": 1, "max_steps": steps, "validate_every": steps},
    )
    made = create(tmp_path / "run", wanted)
    assert fit.fit(made, progress=False, hardware=CPU) == ("finished", steps, True)
    images = data.load(wanted.data, "train")
    trained_on, _ = split_validation(images, wanted.data.validation, wanted.seed)
    assert len(trained_on) == 16
    x = trained_on.float_batch(slice(None))
    assert psnr(x.mean(0, keepdim=True).expand_as(x), x).mean() < 18
    model = made.load_model()
    assert psnr(model.reconstruct(x), x).mean() > 25
    rows = made.history
    falling = ["loss", "reconstruction"] + (["gw"] if kind == "gwae" else [])
    for term in falling:
        assert rows[term].iloc[-1] < 0.5 * rows[term].iloc[0], term


def test_each_player_moves_only_its_own_weights(tmp_path):
    trainer = Trainer(create(tmp_path / "run", settings()), pictures(), hardware=CPU)

    def changed(player: str) -> set[str]:
        before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
        trainer.players.update(player)
        after = trainer.model.state_dict()
        return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}

    critic, main = changed("critic"), changed("main")
    assert critic
    assert all(name.startswith("critic.") for name in critic)
    assert {name.split(".")[0] for name in main} == {"encoder", "decoder", "prior", "log_scale"}


# --- it ends as asked ------------------------------------------------------------------------------------------------


def test_the_time_limit_ends_with_a_checkpoint(tmp_path):
    wanted = settings(optim={"max_steps": 100_000, "validate_every": 1_000})
    started = time.monotonic()
    ended = train(tmp_path / "run", wanted, max_minutes=0.02)
    assert ended.reason == "time limit"
    assert 1 <= ended.step < 1_000
    assert 1.2 <= time.monotonic() - started < 60
    assert checkpoint.read_counters(tmp_path / "run" / "training" / "checkpoint.safetensors").step == ended.step
    assert Run(tmp_path / "run").load_model().z_dim == 4
    assert status(tmp_path / "run")["state"] == "time limit"
    again = train(tmp_path / "run", wanted, max_minutes=0)
    assert again == ("time limit", ended.step + 1, True)  # one step is made, however short the time


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_with_a_checkpoint(tmp_path, at_step, number):
    before = signal.getsignal(number)
    at_step(5, lambda _: os.kill(os.getpid(), number))
    assert train(tmp_path / "run", settings()) == ("stopped", 5, True)
    assert signal.getsignal(number) is before
    assert checkpoint.read_counters(tmp_path / "run" / "training" / "checkpoint.safetensors").step == 5
    assert status(tmp_path / "run")["state"] == "stopped"


def test_a_stop_file_ends_with_a_checkpoint_and_is_gone(tmp_path, at_step):
    at_step(5, ask_to_stop)
    assert train(tmp_path / "run", settings()) == ("stopped", 5, True)
    stop = tmp_path / "run" / "training" / "stop"
    assert not stop.exists()
    stop.touch()  # for a process that died before it saw it: the next one is not meant
    assert train(tmp_path / "run", settings()) == ("finished", 14, True)


def test_a_stop_at_the_very_last_step_is_a_finish(tmp_path, at_step):
    at_step(14, ask_to_stop)
    assert train(tmp_path / "run", settings()) == ("finished", 14, True)
    assert "validation loss" in history(tmp_path / "run")[-1]


def test_training_in_a_thread_works_without_signals(tmp_path):
    ended = []
    thread = threading.Thread(target=lambda: ended.append(train(tmp_path / "run", settings(optim={"max_steps": 2}))))
    thread.start()
    thread.join()
    assert ended == [("finished", 2, True)]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_early_stopping_keeps_what_it_says(tmp_path, monkeypatch, at_step, keep):
    """Validation losses 5, 4, 6, 7, 8 with patience 3: the end is the fifth, the best the second."""
    losses_to_come = iter([5.0, 4.0, 6.0, 7.0, 8.0])
    monkeypatch.setattr(validation, "validate", lambda *_: {"loss": next(losses_to_come)})
    weights = {}
    for step in (4, 10):
        at_step(step, lambda trainer: weights.update({trainer.counters.step: snapshot(trainer)}))
    wanted = settings(optim={"keep": keep, "validate_every": 2, "patience": 3, "max_steps": 100})
    assert train(tmp_path / "run", wanted) == ("early stop", 10, True)
    presented = Run(tmp_path / "run").load_model().state_dict()
    chosen = weights[4 if keep == "best" else 10]
    assert all(torch.equal(tensor, presented[name]) for name, tensor in chosen.items())
    assert not all(torch.equal(weights[4][name], weights[10][name]) for name in chosen)
    stored = status(tmp_path / "run")
    assert (stored["state"], stored["best_step"], float(stored["best"])) == ("early stop", 4, 4.0)
    assert train(tmp_path / "run", wanted) == ("early stop", 10, True)  # nothing is trained, nothing validated


def snapshot(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Weights, without the statistics that a checkpoint measures anew."""
    return {name: value.detach().clone() for name, value in trainer.model.named_parameters()}


def test_a_warm_up_is_no_best_checkpoint(tmp_path, monkeypatch):
    """The warm-up minimises another loss: its validations neither set the best nor count as stale."""
    to_come = iter([1.0, 2.0, 9.0, 8.0, 8.5, 8.6])
    monkeypatch.setattr(validation, "validate", lambda *_: {"loss": next(to_come)})
    wanted = settings(**WARM | {"optim": WARM["optim"] | {"keep": "best", "validate_every": 2, "patience": 2}})
    assert train(tmp_path / "run", wanted) == ("early stop", 12, True)
    assert float(status(tmp_path / "run")["best"]) == 8.0


# --- what randomness depends on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["np", "gmp, warm start", "vae"])
def test_validation_does_not_change_the_training(tmp_path, name):
    """However often one validates: the same weights, moments and random states."""
    for every in (3, 7, 100):
        optim = KINDS[name].get("optim", {}) | {"validate_every": every}
        train(tmp_path / str(every), settings(**KINDS[name] | {"optim": optim}), pictures())
    assert (tmp_path / "3" / "ood_history.csv").exists()  # the scores of outliers take part
    first = state(tmp_path / "3")
    for every in (7, 100):
        other = state(tmp_path / str(every))
        assert [key for key in first if not key.startswith("sums/") and not torch.equal(first[key], other[key])] == []


def test_the_seed_decides_everything(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.rand(5)
        train(tmp_path / name, settings(seed=seed, optim={"max_steps": 3}))
    assert_same_training(tmp_path / "a", tmp_path / "b")
    a, c = state(tmp_path / "a"), state(tmp_path / "c")
    assert not torch.equal(a["generator/batches"], c["generator/batches"])
    assert not torch.equal(a["model/encoder.body.0.weight"], c["model/encoder.body.0.weight"])
    assert not torch.equal(a["random/cpu"], c["random/cpu"])


# --- records ---------------------------------------------------------------------------------------------------------


def test_rows_are_means_over_the_steps_since_the_last_row(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 4)
    trainer = Trainer(create(tmp_path / "run", settings(optim={"max_steps": 6})), pictures(), hardware=CPU)
    seen = []
    add = trainer.recorder.add
    monkeypatch.setattr(trainer.recorder, "add", lambda terms: (seen.append(terms["loss"].item()), add(terms)))
    trainer.fit(progress=False)
    rows = trainer.run.history
    assert rows["step"].tolist() == [4, 6]
    assert rows["loss"].tolist() == pytest.approx([sum(seen[:4]) / 4, sum(seen[4:]) / 2], rel=1e-6)
    assert rows["validation psnr"].isna().tolist() == [True, False]


def test_the_status_beats_while_steps_are_slow(tmp_path, monkeypatch):
    """A step may take seconds; who watches must not have to wait for 50 of them."""
    monkeypatch.setattr("trainer.training.history.BEAT_EVERY", 0.0)
    trainer = Trainer(create(tmp_path / "run", settings()), pictures(), hardware=CPU)
    beats = []
    write = trainer.recorder.status
    monkeypatch.setattr(
        trainer.recorder, "status", lambda state, counters, *rest: (beats.append(state), write(state, counters, *rest))
    )
    trainer.fit(progress=False)
    assert beats == ["running"] * 15 + ["finished"]
    stored = status(tmp_path / "run")
    assert (stored["pid"], stored["step"], stored["max_steps"]) == (os.getpid(), 14, 14)
    assert abs(stored["heartbeat"] - time.time()) < 60


def test_progress_goes_to_standard_error(tmp_path, capsys):
    trainer = Trainer(create(tmp_path / "run", settings()), pictures(), hardware=CPU)
    trainer.fit(progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "14/14" in err


def test_an_unknown_accelerator_is_refused(tmp_path):
    made = create(tmp_path / "run", settings())
    with pytest.raises(UserError, match="not available on this machine; choose auto or cpu"):
        Trainer(made, pictures(), hardware=Hardware(accelerator="abacus"))
