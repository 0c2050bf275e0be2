"""Reduced precision and compiled networks: what they change, and above all what they may not."""

from __future__ import annotations

import contextlib
import functools
import time
from unittest import mock

import pytest
import torch
from torch.nn.utils import parametrize

from tests.trainings import CPU, FEW, history, pictures, settings, train
from trainer import models
from trainer.errors import UserError
from trainer.models.networks import Decoder, normalised
from trainer.runs import folder
from trainer.training import hardware, objectives, precision
from trainer.training.distributed import ALONE
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware
from trainer.training.players import Players

MIXED = Hardware(accelerator="cpu", precision="bf16-mixed")


def bfloat16():
    return torch.autocast("cpu", torch.bfloat16)


def objective(prior: str = "np", context=bfloat16) -> objectives.GWAEObjective:
    torch.manual_seed(0)
    wanted = settings(prior={"kind": prior})
    made = objectives.build(models.build(wanted), wanted)
    made.on(ALONE, context, compiled=False)
    return made


def terms(task: objectives.GWAEObjective, player: str) -> dict[str, float]:
    torch.manual_seed(1)
    x = pictures(16).float_batch(slice(None))
    return {name: value.item() for name, value in task(x, player).items()}


@pytest.mark.parametrize("player", ["main", "critic", "warmup"])
@pytest.mark.parametrize("prior", ["np", "gmp"])
def test_bfloat16_rounds_the_networks_only_and_only_in_training(prior, player):
    reduced = terms(objective(prior), player)
    exact = terms(objective(prior, contextlib.nullcontext), player)
    assert reduced != exact
    assert reduced == pytest.approx(exact, rel=0.02, abs=0.02)
    in_evaluation = [terms(objective(prior, context).eval(), player) for context in (bfloat16, contextlib.nullcontext)]
    assert in_evaluation[0] == in_evaluation[1]


@pytest.mark.parametrize("player", ["main", "critic"])
def test_whoever_calls_in_whatever_precision_gets_the_same(player):
    """Fabric wraps the objective in an autocast of its own, in which even products of codes would be rounded."""
    plain = terms(objective(), player)
    with bfloat16():
        assert terms(objective(), player) == plain


def test_spectral_norms_are_of_full_precision():
    """The power method's vectors after a step are those of float32, though the passes are not."""
    exact, reduced = objective().model.critic, objective()
    with normalised(exact):
        pass
    reduced(pictures(16).float_batch(slice(None)), "critic")
    vectors = {name: value for name, value in exact.state_dict().items() if name.endswith(("._u", "._v"))}
    assert vectors
    assert all(torch.equal(value, reduced.model.critic.state_dict()[name]) for name, value in vectors.items())
    assert all(parametrize.is_parametrized(module) for module in (exact.image[0], exact.latent[0], exact.joint[0]))


def test_a_training_in_bfloat16_is_near_that_in_float32(tmp_path):
    wanted = settings(optim={"max_steps": 12})
    made = folder.create(tmp_path / "mixed", wanted)
    Trainer(made, pictures(FEW), hardware=MIXED).fit(progress=False)
    train(tmp_path / "full", wanted)
    mixed, full = (float(history(tmp_path / name)[-1]["validation loss"]) for name in ("mixed", "full"))
    assert mixed != full
    assert mixed == pytest.approx(full, rel=0.01)
    assert {tensor.dtype for tensor in made.load_model().state_dict().values()} <= {torch.float32, torch.int64}


@pytest.mark.parametrize("pays", [True, False])
def test_passes_without_gradients_alone_are_rounded_and_only_where_that_is_faster(monkeypatch, caplog, pays):
    """The terms of the critic come from rounded pictures; every pass with a gradient is float32's."""
    monkeypatch.setattr(precision, "speed_up", lambda *_: 2.0 if pays else 0.4)
    caplog.set_level("INFO", "trainer")
    seen = set()

    def noted(self, x):
        kind = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
        seen.add((torch.is_grad_enabled(), kind))
        return decoder(self, x)

    decoder = Decoder.forward
    monkeypatch.setattr(Decoder, "forward", noted)
    torch.manual_seed(0)
    made = Players(settings(), pictures(FEW), hardware.launch(CPU), Hardware("cpu", precision="bf16-forward"))
    made.step(0)
    assert seen == {(True, torch.float32), (False, torch.bfloat16 if pays else torch.float32)}
    assert ("used without gradients" if pays else "unused") in caplog.text


def test_whether_bfloat16_pays_is_measured_without_a_trace():
    model = models.build(settings())
    before = torch.get_rng_state()
    gain = precision.speed_up(model, 8, torch.device("cpu"), lambda: bfloat16())
    assert gain > 0
    assert torch.equal(before, torch.get_rng_state())
    assert precision.speed_up(model, 8, torch.device("cpu"), slowed) < 0.5


@contextlib.contextmanager
def slowed():
    """A context in which a pass takes 0.1 s longer."""
    with mock.patch.object(Decoder, "forward", lambda self, z: time.sleep(0.1) or self.body(z)):
        yield


def test_compiled_networks_compute_the_same(tmp_path, monkeypatch):
    """With the backend that needs no C++ compiler; encoder and decoder are traced all the same."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr(hardware.shutil, "which", lambda _: "/usr/bin/g++")
    wanted = settings(optim={"max_steps": 4, "validate_every": 4})
    compiled = Trainer(
        folder.create(tmp_path / "compiled", wanted), pictures(FEW), hardware=Hardware(accelerator="cpu", compile=True)
    )
    plain = Trainer(folder.create(tmp_path / "plain", wanted), pictures(FEW), hardware=CPU)
    assert compiled.objective._decode != compiled.model.decode
    assert plain.objective._decode == plain.model.decode
    compiled.fit(progress=False)
    torch.manual_seed(wanted.seed)
    plain = Trainer(plain.run, pictures(FEW), hardware=CPU)
    plain.fit(progress=False)
    rows = [history(tmp_path / name)[-1] for name in ("compiled", "plain")]
    assert {name: float(rows[0][name]) for name in rows[0]} == pytest.approx(
        {name: float(rows[1][name]) for name in rows[1]}, rel=1e-3, abs=1e-5
    )


def test_compiling_without_a_compiler_is_refused(monkeypatch):
    monkeypatch.setattr(hardware.shutil, "which", lambda _: None)
    with pytest.raises(UserError, match="--compile: needs a compiler"):
        hardware.launch(Hardware(accelerator="cpu", compile=True))
