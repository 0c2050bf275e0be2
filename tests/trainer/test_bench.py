"""The benchmark measures what it says: the same networks, every pass, and overhead where there is some."""

from __future__ import annotations

import time
from typing import get_args

import pytest
import torch

from tests.trainings import CPU, FEW, pictures, settings
from trainer import bench, config
from trainer.bench import recipes
from trainer.config import DataConfig, ModelKind, PriorKind
from trainer.models import build
from trainer.runs import folder
from trainer.training.fit import Trainer


@pytest.mark.parametrize("name", bench.settings.by_name())
def test_the_plain_critic_is_the_critic(name):
    wanted = bench.settings.by_name()[name]
    model = build(wanted).eval()
    plain = bench.passes.plain_critic(model, wanted)
    assert not any("parametrizations" in key for key in plain.state_dict())
    x, z = torch.rand(4, *model.image_shape), torch.randn(4, model.z_dim)
    with torch.no_grad():
        assert torch.allclose(plain(x, z), model.critic(x, z), atol=1e-5)
        assert plain(x, z).std() > 1e-4  # not two constants
    assert any("parametrizations" in key for key in model.critic.state_dict())  # the original is as it was


def test_the_published_setting_is_the_published_one():
    wanted = bench.settings.by_name()["published, 64x64x3"]
    assert (wanted.data.size, wanted.data.channels, wanted.model.z_dim) == (64, 3, 64)
    assert (wanted.optim.batch_size, wanted.optim.critic_steps, wanted.optim.name) == (64, 5, "rmsprop")
    assert (wanted.prior.kind, wanted.objective.gradient_penalty) == ("np", 10)
    parameters = sum(parameter.numel() for parameter in build(wanted).parameters())
    assert parameters == pytest.approx(4.6e6, rel=0.02)  # as the paper's networks have


def test_every_pass_counts_as_often_as_the_step_needs_it(tmp_path):
    trainer = Trainer(folder.create(tmp_path / "run", settings()), pictures(FEW), hardware=CPU)
    passes = bench.passes.unavoidable(trainer)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    for _, call in passes.values():
        call()
    assert all(torch.equal(tensor, before[name]) for name, tensor in trainer.model.state_dict().items())
    assert {name: count for name, (count, _) in passes.items() if name.startswith("critic")} == {
        f"critic: {part}": trainer.optim.critic_steps
        for part in ("encoder", "prior", "decoder", "critic", "gradient penalty", "normalisation", "optimiser")
    }
    assert all(count == 1 for name, (count, _) in passes.items() if name.startswith("main"))


def test_work_besides_the_passes_raises_the_ratio(monkeypatch):
    wanted = settings()
    plain = bench.passes.time_step(wanted, 5)
    assert plain["sum_ms"] == pytest.approx(sum(plain["passes_ms"].values()))
    assert 0 < plain["networks_ms"] < plain["sum_ms"]
    assert plain["ratio"] == pytest.approx(plain["step_ms"] / plain["networks_ms"])
    one_step = Trainer._one_step

    def slower(trainer, bar):
        one_step(trainer, bar)
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

    monkeypatch.setattr(Trainer, "_one_step", slower)
    slow = bench.passes.time_step(wanted, 5)
    assert slow["step_ms"] > plain["step_ms"] + 50
    assert slow["ratio"] > 1.5 * plain["ratio"]


def test_the_table_tells_ratio_target_and_memory():
    found = {"step_ms": 12.0, "passes_ms": {"main: decoder": 10.0}, "networks_ms": 10.0, "sum_ms": 10.5}
    found |= {"ratio": 1.2, "ratio_with_optimisers": 1.143}
    row = {"model": "gwae, np", "size": "32x32x1", "images_per_s": 320.0, "peak_gb": 0.41}
    row["step_ms"] = {"1 thread": 200.0, "2 threads": 125.0, "bf16-mixed": 800.0}
    results = {"threads": 1, "times": {"small": found}, "peak_gb": 0.8125, "models": [row]}
    text = bench.table(results)
    assert "small (1 thread)" in text
    assert "1.200     target at most 1.15" in text
    assert "peak memory, published setting 0.812 GB     target at most 0.9" in text
    assert text.splitlines()[-1].split() == [
        *("gwae,", "np", "32x32x1", "200.0", "ms", "320", "0.41", "GB"), *("1.60", "x", "0.25", "x")
    ]  # fmt: skip
    assert bench.table(results | {"models": []}) == "\n".join(text.splitlines()[:-2])


def test_every_model_and_size_is_measured():
    found = bench.settings.by_model_and_size()
    assert {settings.model.kind for settings in found.values()} == set(get_args(ModelKind))
    assert {settings.prior.kind for settings in found.values()} == set(get_args(PriorKind))
    assert {settings.data.size for settings in found.values()} == set(
        get_args(DataConfig.model_fields["size"].annotation)
    )


def test_variants_are_timed_in_turn(monkeypatch):
    """What each is asked to do shows in its own time alone, and threads are as before afterwards."""
    one_step = Trainer._one_step
    seen = []

    def noted(trainer, bar):
        one_step(trainer, bar)
        seen.append((torch.get_num_threads(), trainer.run.name))

    monkeypatch.setattr(Trainer, "_one_step", noted)
    before = torch.get_num_threads()
    wanted = [bench.variants.Variant("one", CPU, 1), bench.variants.Variant("two", CPU, 2)]
    found = bench.variants.step_ms(settings(model={"kind": "vae"}, prior={"kind": "normal"}), wanted, 3)
    assert seen == 5 * [(1, "one"), (2, "two")]
    assert set(found) == {"one", "two"}
    assert all(value > 0 for value in found.values())
    assert torch.get_num_threads() == before


def test_memory_is_that_of_a_process_that_trains_not_of_the_one_that_asks():
    held = torch.ones(500_000_000)  # 2 GB; a training of these networks takes 0.4
    assert 0.2 < bench.memory.peak_gb(settings()) < 1.5
    assert held.sum() > 0


def test_recipes_are_timed_by_kind_of_step(monkeypatch):
    monkeypatch.setattr(bench.memory, "peak_gb", lambda *_: 0.5)
    wanted = settings(optim={"warmup_steps": 4, "refine_steps": 4})
    (row,) = recipes.measure("cpu", 3, {"tiny": wanted}, report=lambda _: None)
    assert set(row["step_ms"]) == {"warm-up", "main", "refinement"}
    assert row["hours"] == pytest.approx(sum(row["step_ms"][kind] * count for kind, count in zip(
        ("warm-up", "main", "refinement"), (4, 6, 4), strict=True)) / 3.6e6)  # fmt: skip
    assert row["steps_per_s"] == pytest.approx(1e3 / row["step_ms"]["main"])
    assert recipes.table([row]).splitlines()[-1].split()[0] == "tiny"


def test_every_bundled_recipe_is_benchmarked_without_its_data():
    found = recipes.bundled()
    assert len(found) == 1 + len(list(config.RECIPES.glob("*.yaml")))
    assert {each.data.name for each in found.values()} == {"mnist"}
    assert not any(each.prior.warm_start for each in found.values())
