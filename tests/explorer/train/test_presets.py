"""What the Train page's choices add up to, and the recipe and command that do the same."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from explorer.train import presets
from explorer.train.presets import MODELS, draft
from trainer import config, models
from trainer.data import DATASETS

PRESETS = presets.presets()
DEFAULT = config.Config()


def test_every_recipe_is_a_preset_with_a_sentence():
    assert set(PRESETS) == {path.stem for path in presets.RECIPES.glob("*.yaml")}
    assert all(preset.sentence for preset in PRESETS.values())


@pytest.mark.parametrize("choice", MODELS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_model_fits_every_preset_and_data_set(preset, choice):
    for data in DATASETS:
        values = draft(PRESETS[preset].settings, data, choice, (), "x", "/pictures")
        settings = config.from_dict(values)
        assert presets.choice_of(settings) == choice
        assert settings.data.name == data
        assert (settings.data.path == "/pictures") is (data == "folder")


def test_every_kind_of_the_trainer_is_offered():
    kinds = {choice.settings["model.kind"] for choice in MODELS.values()}
    assert kinds == set(models.MODELS)
    priors = {choice.settings["prior.kind"] for choice in MODELS.values() if choice.settings["model.kind"] == "gwae"}
    assert priors == {"np", "fnp", "gmp", "normal"}


def test_without_a_choice_it_is_the_preset():
    for name, preset in PRESETS.items():
        values = draft(preset.settings, "", "", (), "", "")
        assert config.from_dict(values) == preset.settings, name


def test_changes_come_last_and_nonsense_is_ignored():
    changes = ("optim.max_steps=77", "seed=5", "model.depth=3", "nothing=1", "optim.lr=oops", "optim.lr")
    settings = config.from_dict(draft(DEFAULT, "", "vae", changes, "", ""))
    assert (settings.optim.max_steps, settings.seed, settings.optim.lr) == (77, 5, DEFAULT.optim.lr)
    assert presets.changes_text({"optim.max_steps": 77, "optim.decay": True}) == (
        "optim.decay=true",
        "optim.max_steps=77",
    )


@pytest.mark.parametrize("choice", MODELS)
def test_the_short_recipe_is_the_whole_configuration(choice, tmp_path):
    changes = ("optim.max_steps=123", "seed=9")
    settings = config.from_dict(draft(DEFAULT, "omniglot", choice, changes, "my-run", ""))
    text = presets.recipe_text(settings)
    (tmp_path / "my-run.yaml").write_text(text, encoding="utf-8")
    assert config.load(tmp_path / "my-run.yaml") == settings
    assert len(yaml.safe_load(text)) < len(settings.model_dump()) + 1


def test_the_command_is_one_that_the_command_line_understands(tmp_path):
    from trainer.__main__ import app

    command = presets.command(DEFAULT, Path("/with space/runs"), Path("/data"))
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "trainer"]
    assert words[words.index("--out") + 1] == "/with space/runs/run"
    result = CliRunner().invoke(app, [*words[3:]])
    assert "no such file" in str(result.exception), "options are understood; only the recipe is not there"
    assert json.dumps(words)
