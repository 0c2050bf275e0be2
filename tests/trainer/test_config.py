"""The schema: what it takes, and the one sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from trainer import config
from trainer.errors import UserError

RECIPES = sorted(config.RECIPES.glob("*.yaml"))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "recipe.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def refusal(call, *args) -> str:
    with pytest.raises(UserError) as caught:
        call(*args)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid_and_named_like_their_file(path):
    assert config.load(path).name == path.stem


def test_there_are_recipes():
    assert {"mnist-gmp", "mnist-vae"} <= {path.stem for path in RECIPES}


def test_yaml_holds_the_whole_configuration(tmp_path):
    settings = config.from_dict({"name": "a.b-c_1", "seed": 7, "optim": {"lr": 1e-4, "name": "rmsprop"}})
    assert config.load(write(tmp_path, settings.to_yaml())) == settings
    assert yaml.safe_load(settings.to_yaml()) == settings.model_dump()


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError):
        config.Config().optim.lr = 1.0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optm": {}}, "unknown key 'optm'; remove it or correct its spelling."),
        ({"optim": {"learning_rate": 1}}, "unknown key 'optim.learning_rate'; remove it or correct its spelling."),
        ({"optim": {"max_steps": "many"}}, "optim.max_steps='many' is not valid: input should be a valid integer"),
        ({"optim": {"max_steps": 1.5}}, "optim.max_steps=1.5 is not valid"),
        ({"optim": {"max_steps": 0}}, "optim.max_steps=0 is not valid: input should be greater than or equal to 1."),
        ({"optim": {"lr": float("nan")}}, "optim.lr=nan is not valid"),
        ({"optim": {"lr": float("inf")}}, "optim.lr=inf is not valid"),
        ({"optim": {"lr": -1}}, "optim.lr=-1 is not valid: input should be greater than 0."),
        ({"optim": [1]}, "optim=[1] is not valid: input should be a valid dictionary"),
        ({"seed": -1}, "seed=-1 is not valid"),
        ({"data": {"size": 48}}, "data.size=48 is not valid: input should be 32 or 64."),
        ({"name": "../up"}, "name='../up' is not valid: string should match pattern '^[A-Za-z0-9]"),
        ({"model": {"kind": "vae"}}, "model.kind=vae has the prior 'normal'; set prior.kind=normal."),
        ({"data": {"name": "folder"}}, "data.path is needed for data.name=folder, and only for it."),
        ({"data": {"path": "x"}}, "data.path is needed for data.name=folder, and only for it."),
        ({"prior": {"warm_start": True}}, "prior.warm_start needs prior.kind=gmp and optim.warmup_steps above 0."),
        ({"objective": {"lambda_p": 1}}, "objective.lambda_p needs a prior with a density"),
        ([1, 2], "expected sections such as 'data:' and 'model:', found a list."),
        ({"optim": {"lr": list(range(100))}}, "optim.lr=list is not valid: input should be a valid number."),
    ],
)
def test_wrong_values_are_named(values, said):
    assert f"here: {said}" in refusal(config.from_dict, values, "here")


@pytest.mark.parametrize(
    ("section", "key"), [("data", "name"), ("prior", "kind"), ("model", "kind"), ("optim", "name")]
)
def test_unknown_names_come_with_the_valid_ones(section, key):
    said = refusal(config.from_dict, {section: {key: "nonsense"}})
    field = getattr(config.Config(), section).__class__.model_fields[key]
    valid = field.annotation.__args__
    assert len(valid) >= 2
    assert all(f"'{name}'" in said for name in valid), said


def test_every_data_set_of_the_schema_can_be_loaded_by_that_name():
    from trainer.data import DATASETS

    assert set(config.DataConfig.model_fields["name"].annotation.__args__) == set(DATASETS)


def test_every_field_says_what_it_is():
    for section in config.Config.model_fields.values():
        fields = getattr(section.annotation, "model_fields", {})
        assert [name for name, field in fields.items() if not field.description] == []


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; start from a recipe"),
        ("# only a comment\n", "is empty; start from a recipe"),
        ("[]", "found a list."),
        ("- mnist\n- gmp\n", "found a list."),
        ("mnist", "found a str."),
        ("false", "found a bool."),
        ("data: [1", "cannot be read as YAML text (line 1, column 9: "),
        ("data:\n\tname: mnist\n", "cannot be read as YAML text (line 2, column 1: "),
        ("seed: 2001-99-99", "cannot be read as YAML text (month must be in 1..12)"),
        ("a: !!python/object/apply:os.system [echo]", "cannot be read as YAML text (line 1, column 4: "),
        (b"name: \xff\xfe", "cannot be read as YAML text (invalid start byte)"),
        ("name: a\0b", "cannot be read as YAML text (special characters are not allowed)"),
        ("[" * 600, "cannot be read as YAML text ("),
        ("1: 2", "keys should be strings."),
    ],
)
def test_files_that_are_no_recipes(tmp_path, text, said):
    path = write(tmp_path, text)
    sentence = refusal(config.load, path)
    assert sentence.startswith(f"{path}: ")
    assert said in sentence


def test_missing_files_and_folders(tmp_path):
    assert "no such file; trainer/configs holds the ready recipes" in refusal(config.load, tmp_path / "absent.yaml")
    assert "cannot be read as YAML text (Is a directory)" in refusal(config.load, tmp_path)


def test_a_section_with_nothing_in_it_has_its_defaults(tmp_path):
    assert config.load(write(tmp_path, "optim:\n  # lr: 1\ndata:\n")) == config.Config()


# --- --set -----------------------------------------------------------------------------------------------------------


def test_assignments_are_yaml_and_the_last_one_counts(tmp_path):
    path = write(tmp_path, "seed: 1\noptim:\n")
    settings = config.load(path, ["optim.lr=5e-4", "optim.decay=true", "seed=2", "seed=3", "name=b"])
    assert (settings.optim.lr, settings.optim.decay, settings.seed, settings.name) == (5e-4, True, 3, "b")
    folder = config.load(path, ["data.name=folder", "data.path=a=b"])
    assert folder.data.path == "a=b"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("optim.lr", "write it as section.key=value"),
        ("a.b=[", "--set a.b=[: what follows '=' is not YAML; put text into quotes."),
        ("seed=2001-99-99", "what follows '=' is not YAML"),
        ("seed.x=1", "'seed' is a value, not a section"),
        ("optim.lr.x=1", "'lr' is a value, not a section"),
        ("optim.speed=1", "unknown key 'optim.speed'"),
        ("=1", "write it as section.key=value"),
        ("optim.=1", "write it as section.key=value"),
        ("optim=3", "optim=3 is not valid"),
        ("prior.kind=gpm", "prior.kind='gpm' is not valid: input should be 'np', 'fnp', 'gmp' or 'normal'."),
    ],
)
def test_wrong_assignments(tmp_path, assignment, said):
    path = write(tmp_path, "seed: 1\noptim: {lr: 1.0e-4}\n")
    assert said in refusal(config.load, path, [assignment])
