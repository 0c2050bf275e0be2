"""The averaged critic: its formula, its spectral norms, and the refinement that makes it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.trainings import CPU, FEW, assert_same_training, pictures, settings, state, train
from trainer import config
from trainer.errors import UserError
from trainer.models.networks import Critic
from trainer.runs.folder import Run, create
from trainer.training.averaging import DECAY, CriticAverage
from trainer.training.fit import Trainer

REFINED = {"max_steps": 12, "refine_steps": 5, "validate_every": 4, "warmup_steps": 2}


def critic() -> Critic:
    torch.manual_seed(0)
    return Critic((1, 32, 32), 4, 2)


def originals(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def test_it_is_the_exponential_mean_of_the_weights():
    live = critic()
    average = CriticAverage(live)
    seen = []
    for _ in range(4):
        with torch.no_grad():
            for parameter in live.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.update(live)
        seen.append(originals(live))
    for name, parameter in average.averaged.module.named_parameters():
        expected = seen[0][name]
        for later in seen[1:]:
            expected = DECAY * expected + (1 - DECAY) * later[name]
        torch.testing.assert_close(parameter, expected)


class Holder(nn.Module):
    def __init__(self, inner: nn.Module):
        super().__init__()
        self.critic = inner


def test_what_is_presented_has_unit_spectral_norms_and_the_live_critic_comes_back():
    live = critic()
    model, average = Holder(live), CriticAverage(live)
    with average.presented(model):
        assert model.critic is live  # nothing averaged yet
    for _ in range(3):
        with torch.no_grad():
            for parameter in live.parameters():
                parameter.add_(0.5 * torch.randn_like(parameter))
        average.update(live)
    with average.presented(model):
        assert model.critic is not live
        assert not model.critic.training
        norms = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() for layer in model.critic.latent[::2]]
    assert model.critic is live
    assert norms == pytest.approx([1.0] * len(norms), abs=0.02)


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "refined"
    train(folder, settings(optim=REFINED))
    return folder


def test_the_refinement_moves_the_critic_alone_and_presents_its_average(refined, tmp_path):
    before = tmp_path / "before"
    train(before, settings(optim=REFINED | {"max_steps": 7, "refine_steps": 0}))
    first, last = state(before), state(refined)
    changed = {name for name in first if name.startswith("model/") and not torch.equal(first[name], last[name])}
    assert changed
    assert all(name.startswith("model/critic.") for name in changed)
    assert last["average/n_averaged"] == 5 * 2  # critic steps of the refinement
    presented = Run(refined).load_model()
    for name, parameter in presented.critic.named_parameters():
        assert torch.equal(parameter, last[f"average/module.{name}"])
    assert not torch.equal(last["average/module.joint.0.bias"], last["model/critic.joint.0.bias"])


@pytest.mark.parametrize("stop_after", [6, 9])
def test_a_refinement_that_is_resumed_is_the_uninterrupted_one(refined, tmp_path, monkeypatch, stop_after):
    folder = tmp_path / "parts"
    made = create(folder, settings(optim=REFINED))
    trainer = Trainer(made, pictures(FEW), hardware=CPU)
    one_step = Trainer._one_step

    def stopping(self, bar):
        one_step(self, bar)
        if self.counters.step == stop_after:
            (folder / "training" / "stop").touch()

    monkeypatch.setattr(Trainer, "_one_step", stopping)
    assert trainer.fit(progress=False).reason == "stopped"
    monkeypatch.undo()
    assert train(folder, made.config).reason == "finished"
    assert_same_training(refined, folder)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"model": {"kind": "vae"}, "prior": {"kind": "normal"}}, "needs model.kind=gwae"),
        ({"optim": {"refine_steps": 5, "keep": "best"}}, "optim.keep=last"),
        ({"optim": {"refine_steps": 9, "max_steps": 9, "keep": "last"}}, "smaller than optim.max_steps"),
    ],
)
def test_a_refinement_that_cannot_be_is_refused(sections, words):
    values = {"optim": {"refine_steps": 5, "keep": "last"}} | sections
    with pytest.raises(UserError, match=words):
        config.from_dict(values)
