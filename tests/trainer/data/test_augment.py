"""Changes of training pictures: what is shown stays, and each picture meets all of them."""

import pytest
import torch

from tests.trainings import CPU, settings
from tests.trainings import pictures as pictures_set
from trainer.data import augment
from trainer.training.hardware import launch
from trainer.training.players import Players


def pictures(n: int = 3) -> torch.Tensor:
    return torch.arange(n * 2 * 8 * 8, dtype=torch.float32).reshape(n, 2, 8, 8)


def test_a_picture_moves_down_and_right_and_its_border_is_repeated():
    x = pictures(1)
    (moved,) = augment.changed(x, torch.tensor([[2, -1]]), torch.tensor([False]))
    assert torch.equal(moved[:, 2:, :-1], x[0, :, :-2, 1:])
    assert torch.equal(moved[:, 0], moved[:, 2])
    assert torch.equal(moved[:, :, -1], moved[:, :, -2])


def test_each_picture_has_its_own_change():
    x = pictures()
    out = augment.changed(x, torch.tensor([[0, 0], [1, 0], [0, 0]]), torch.tensor([False, False, True]))
    assert torch.equal(out[0], x[0])
    assert torch.equal(out[1, :, 1:], x[1, :, :-1])
    assert torch.equal(out[2], x[2].flip(-1))


def test_draws_are_seeded_cover_the_range_evenly_and_do_nothing_when_off():
    moves, mirrored = augment.draw(20_000, 2, True, torch.Generator().manual_seed(1))
    again = augment.draw(20_000, 2, True, torch.Generator().manual_seed(1))
    assert torch.equal(moves, again[0])
    assert torch.equal(mirrored, again[1])
    shares = torch.stack([(moves == value).float().mean(0) for value in range(-2, 3)])
    assert shares.allclose(torch.full((5, 2), 0.2), atol=0.02)
    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.02)
    moves, mirrored = augment.draw(100, 0, False, torch.Generator().manual_seed(1))
    assert torch.equal(augment.changed(pictures(100), moves, mirrored), pictures(100))


def test_a_training_sees_the_changed_pictures():
    seen = [
        Players(settings(data=data), pictures_set(), launch(CPU))._batch()
        for data in ({}, {"mirror": True}, {"shift": 2})
    ]
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    assert seen[0].flatten(1).sum(1).allclose(seen[1].flatten(1).sum(1))  # the same pictures, some of them mirrored


def test_a_share_of_the_pixels_is_replaced_by_values_drawn_evenly():
    chosen, values = augment.draw_mutation(500, (3, 8, 8), 0.2, torch.Generator().manual_seed(1))
    assert (chosen.shape, values.shape) == ((500, 1, 8, 8), (500, 3, 8, 8))
    assert chosen.float().mean() == pytest.approx(0.2, abs=0.01)
    counts = torch.bincount((255 * values).round().long().flatten(), minlength=256)
    assert len(counts) == 256
    assert counts.float().std() < 2 * counts.float().mean().sqrt(), "as even as chance makes them"
    again = augment.draw_mutation(500, (3, 8, 8), 0.2, torch.Generator().manual_seed(1))
    assert torch.equal(chosen, again[0])
    assert torch.equal(values, again[1])
