"""The settings of a quick look: the largest networks that are fast enough here, and a schedule that fits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from trainer import config
from trainer.jobs import estimate, quick_look
from trainer.jobs.quick_look import CHOICES, FEWEST, LEAST, SECONDS, Plan

OWN = {"data": {"name": "folder", "path": "/pictures", "size": 64, "channels": 3}}


@pytest.fixture
def machine(monkeypatch):
    """A machine on which a step takes so many milliseconds per choice."""
    asked: list[tuple[int, int]] = []

    def of(milliseconds: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
        def measure(settings: config.Config, repeats: int) -> SimpleNamespace:
            asked.append((settings.data.size, settings.model.width))
            return SimpleNamespace(total=settings.optim.max_steps * milliseconds[asked[-1]] / 1000)

        monkeypatch.setattr(estimate, "measure", measure)
        return asked

    return of


@pytest.mark.parametrize("fast", range(len(CHOICES) + 1))
def test_it_is_the_largest_choice_that_is_fast_enough(machine, fast):
    limit = 1000 * SECONDS / FEWEST
    speeds = {choice: limit * (0.5 + 0.1 * place if place < fast else 2) for place, choice in enumerate(CHOICES)}
    asked = machine(speeds)
    plan = quick_look.measure(config.from_dict(OWN))
    chosen = CHOICES[max(0, fast - 1)]
    assert (plan.size, plan.width) == chosen
    assert plan.steps == pytest.approx(1000 * SECONDS / speeds[chosen], abs=1)
    assert plan.seconds == pytest.approx(plan.steps * speeds[chosen] / 1000)
    assert len(asked) == len(set(asked)) <= 4, "it does not try them all"


def test_a_machine_however_slow_gets_a_few_steps(machine):
    machine(dict.fromkeys(CHOICES, 1e6))
    plan = quick_look.measure(config.from_dict(OWN))
    assert plan.steps == LEAST
    assert plan.seconds == pytest.approx(1000 * LEAST), "a thousand seconds each, and the page says so"


def test_pictures_are_not_enlarged():
    assert {size for size, _ in quick_look.choices(config.Config())} == {32}
    assert {size for size, _ in quick_look.choices(config.from_dict(OWN))} == {32, 64}


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"model": {"kind": "vae"}, "prior": {"kind": "normal"}},
        {"prior": {"kind": "gmp", "warm_start": True}, "optim": {"warmup_steps": 2000}},
        {"model": {"kind": "dagmm"}, "prior": {"kind": "gmp"}},
        {"optim": {"keep": "last", "refine_steps": 500}},
    ],
)
def test_the_schedule_fits_the_steps(model):
    fitted = quick_look.fitted(config.from_dict(OWN | model), Plan(32, 16, 700, SECONDS))
    assert (fitted.data.size, fitted.model.width, fitted.optim.max_steps) == (32, 16, 700)
    assert fitted.optim.warmup_steps == (420 if fitted.model.kind == "gwae" else 0)
    assert 700 % fitted.optim.validate_every == 0


def test_what_takes_the_same_time_shares_its_plan_and_a_damaged_one_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GWAE_CACHE", str(tmp_path))
    one = config.from_dict(OWN)
    other = config.from_dict({"name": "x", "seed": 3, "data": OWN["data"] | {"path": "/others", "size": 32}})
    assert quick_look.target(one) == quick_look.target(other)
    assert quick_look.target(one) != quick_look.target(config.from_dict(OWN | {"model": {"kind": "gwae", "z_dim": 3}}))
    path = quick_look.target(one)
    path.parent.mkdir(parents=True)
    path.write_text('{"size": 64}', encoding="utf-8")
    assert quick_look.read(path) is None
