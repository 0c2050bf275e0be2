"""The estimate before a training: real steps of every kind that the schedule has, added up as the schedule says."""

from __future__ import annotations

import time

import pytest

from tests.trainings import settings
from trainer import config
from trainer.jobs import estimate
from trainer.jobs.__main__ import main
from trainer.system import processes

WARM = {
    "prior": {"kind": "gmp", "components": 3, "warm_start": True},
    "optim": {"batch_size": 8, "warmup_steps": 5, "refine_steps": 4, "max_steps": 20, "validate_every": 6},
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "lower_priority", lambda: None)
    monkeypatch.setenv("GWAE_CACHE", str(tmp_path / "cache"))


def test_the_whole_is_the_sum_over_the_schedule():
    found = estimate.measure(settings(**WARM))
    assert min(found.main, found.warmup, found.refinement, found.validation) > 0
    total = 11 * found.main + 5 * found.warmup + 4 * found.refinement + 3 * found.validation
    assert found.total == pytest.approx(total)
    assert 0 < found.alone <= found.total


def test_kinds_of_steps_that_do_not_occur_cost_nothing():
    vae = settings(model={"kind": "vae"}, prior={"kind": "normal"})
    found = estimate.measure(vae)
    assert (found.warmup, found.refinement) == (0, 0)
    assert found.total == pytest.approx(14 * found.main + 2 * found.validation)


def test_pictures_of_a_data_set_that_is_not_here_do_not_matter():
    own = settings(data={"name": "folder", "path": "/nowhere"})
    assert estimate.measure(own).total > 0


def test_what_costs_the_same_shares_its_estimate():
    one = settings()
    same = settings(seed=7, name="other", data={"name": "folder", "path": "/nowhere"})
    assert estimate.target(one) == estimate.target(same)
    assert estimate.target(one) != estimate.target(settings(model={"z_dim": 5}))
    assert estimate.target(one) != estimate.target(settings(optim={"max_steps": 15}))


@pytest.mark.timeout(600)
def test_a_process_of_its_own_leaves_its_result_or_a_sentence():
    job = estimate.launch(settings())
    path = job.target
    assert job.state().status == "running"
    deadline = time.monotonic() + 300
    while job.state().status == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert job.state().status == "ready"
    assert estimate.read(path).total > 0
    path.write_text("{}", encoding="utf-8")
    assert estimate.read(path) is None
    wrong = config.Config().model_dump_json().replace('"max_steps":20000', '"max_steps":0')
    assert main(["estimate", str(path), f'{{"settings": {wrong}}}']) == 2
    assert "max_steps=0 is not valid" in job.state().error
