"""A function called in the middle of a training."""

import pytest

from trainer.training.fit import Trainer


@pytest.fixture
def at_step(monkeypatch):
    """Call a function of the trainer after the given step, once: at_step(7, lambda trainer: ...)."""

    def arrange(step: int, act) -> None:
        one_step = Trainer._one_step

        def patched(trainer, bar):
            one_step(trainer, bar)
            if trainer.counters.step == step:
                act(trainer)

        monkeypatch.setattr(Trainer, "_one_step", patched)

    return arrange
