"""optim.critic_batches: the pictures of a step drawn once and encoded once, or anew for every player's step."""

from __future__ import annotations

import pytest
import torch

from tests.trainings import CPU, FEW, assert_same_training, pictures, settings, train
from trainer.training.hardware import launch
from trainer.training.players import Players


def players(**optim: object) -> Players:
    """Players of a tiny training in the state that the seed gives."""
    torch.manual_seed(0)
    return Players(settings(optim=optim), pictures(FEW), launch(CPU))


def counted(made: Players, monkeypatch) -> dict[str, int]:
    """How often pictures are drawn and encoded from now on."""
    counts = {"drawn": 0, "encoded": 0}
    draw, encode = made._batch, made.objective._encode

    def drawing():
        counts["drawn"] += 1
        return draw()

    def encoding(x):
        counts["encoded"] += 1
        return encode(x)

    monkeypatch.setattr(made, "_batch", drawing)
    monkeypatch.setattr(made.objective, "_encode", encoding)
    return counts


@pytest.mark.parametrize(("batches", "times"), [("fresh", 4), ("shared", 1)])
def test_pictures_are_drawn_and_encoded_once_where_shared(monkeypatch, batches, times):
    made = players(critic_batches=batches, critic_steps=3)
    counts = counted(made, monkeypatch)
    made.step(0)
    assert counts == {"drawn": times, "encoded": times}


def test_sharing_the_encoding_is_encoding_the_same_pictures_again():
    """The oracle takes the same steps on the same pictures, each of which encodes them for itself."""
    shared, oracle = players(critic_batches="shared"), players(critic_batches="shared")
    for done in range(3):
        torch.manual_seed(done)
        terms = shared.step(done)
        torch.manual_seed(done)
        x = oracle._batch()
        expected = [oracle.update(player, x) for player in ("critic", "critic", "main")]
        assert torch.equal(terms["loss"], expected[-1]["loss"])
        assert torch.equal(terms["potential gap"], expected[-2]["potential gap"])
    for one, other in zip(shared.model.state_dict().values(), oracle.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_codes_are_drawn_anew_for_every_critic_step(monkeypatch):
    made, seen = players(critic_batches="shared", critic_steps=3), []
    draw = made.objective.posterior_sample
    monkeypatch.setattr(made.objective, "posterior_sample", lambda *given: seen.append(draw(*given)) or seen[-1])
    made.step(0)
    assert len({tuple(z.flatten().tolist()) for z in seen}) == 4


def test_warm_up_and_refinement_share_too(tmp_path):
    wanted = settings(optim={"critic_batches": "shared", "warmup_steps": 3, "refine_steps": 4})
    assert train(tmp_path / "run", wanted).reason == "finished"


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path):
    wanted = settings(optim={"critic_batches": "shared"})
    train(tmp_path / "whole", wanted)
    train(tmp_path / "parts", wanted, max_minutes=0.0)
    train(tmp_path / "parts", wanted)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
