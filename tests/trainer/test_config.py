"""The schema: what it takes, and the one sentence for everything else."""

from __future__ import annotations

import itertools
import time
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
        ({"prior": {"placement": "knn"}}, "prior.placement='knn' is not valid: input should be 'em' or 'neighbours'."),
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
        ("data: [1", "cannot be read as YAML text (line 2, column 1: "),
        ("data:\n\tname: mnist\n", "cannot be read as YAML text (line 2, column 1: "),
        ("seed: 2001-99-99", "seed='2001-99-99' is not valid: input should be a valid integer"),
        (
            "a: !!python/object/apply:os.system [echo]",
            "cannot be read as YAML text (line 1, column 4: tags are not read)",
        ),
        (b"name: \xff\xfe", "cannot be read as YAML text (invalid start byte)"),
        ("name: a\0b", "cannot be read as YAML text (control characters are not allowed)"),
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
        ("seed=2001-99-99", "seed='2001-99-99' is not valid: input should be a valid integer"),
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


@pytest.mark.parametrize(
    ("assignment", "section", "leaf", "value"),
    [
        ("data.path=~/a #1", "data", "path", "~/a #1"),
        ("data.path=2024-01-01", "data", "path", "2024-01-01"),
        ("data.path=no", "data", "path", "no"),
        ("data.path=007", "data", "path", "007"),
        ("data.path='a b'", "data", "path", "a b"),
        ("data.path=[1]", "data", "path", "[1]"),
        ("data.path={a: b}", "data", "path", "{a: b}"),
    ],
)
def test_text_is_taken_as_it_is(tmp_path, assignment, section, leaf, value):
    path = write(tmp_path, "data: {name: folder, path: x}\n")
    settings = config.load(path, [assignment])
    assert getattr(getattr(settings, section), leaf) == value


@pytest.mark.parametrize("name", ["007", "no", "2024-01-01", "1e3", "true"])
def test_a_name_is_text(tmp_path, name):
    assert config.load(write(tmp_path, "seed: 1\n"), [f"name={name}"]).name == name


# --- what strangers write --------------------------------------------------------------------------------------------

ABC = "abcdefgh"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n" for old, new in itertools.pairwise(ABC)
)
HOSTILE_YAML = {
    "laughs": LAUGHS,
    "merges": "a: &a {x: 1}\nb: &b\n  <<: [*a, *a, *a]\ndata:\n  <<: *b\n",
    "one alias": "name: &n x\ndata: {path: *n}\n",
    "an anchor": "data: &d {name: mnist}\n",
    "itself": "data: &d [*d]\n",
    "a merge of nothing": "data:\n  <<: {size: 32}\n",
    "sexagesimal": "seed: " + ":".join(["1"] * 2000) + "\n",
    "sexagesimal, tagged": "seed: !!int " + ":".join(["1"] * 2000) + "\n",
    "sexagesimal of a megabyte": "seed: " + ":".join(["59"] * 350_000) + "\n",
    "a number of 4,000 digits": "seed: " + "9" * 4000,
    "a number of 40,000 digits": "seed: " + "9" * 40_000,
    "hexadecimal": "seed: 0x" + "f" * 3000,
    "a seed beyond numpy's": "seed: 4294967296",
    "z_dim": "model: {z_dim: 1000000000}",
    "width": "model: {width: 1e300}",
    "steps": "optim: {max_steps: 999999999999}",
    "infinite": "optim: {lr: .inf}",
    "not a number": "optim: {lr: .nan}",
    "overflow": "optim: {lr: 1.0e999}",
    "depth in flow": "data: " + "[" * 30_000,
    "depth in blocks": "\n".join(" " * i + "a:" for i in range(300)),
    "many keys": "\n".join(f"k{i}: {i}" for i in range(6000)),
    "a key of 5,000 letters": "k" * 5000 + ": 1",
    "a key that is a list": "[1, 2]: 3",
    "a key that is a mapping": "? {a: b}\n: 3",
    "a path of 5,000 letters": "data: {name: folder, path: '" + "p" * 5000 + "'}",
    "a path whose part is long": "data: {name: folder, path: '" + "p" * 300 + "'}",
    "a path with a zero": 'data: {name: folder, path: "a\\0b"}',
    "a path with an escape sequence": 'data: {name: folder, path: "a\\e[2Jb"}',
    "a set": "data: !!set {a, b}",
    "binary": "data: !!binary aaaa",
    "two documents": "seed: 1\n---\nseed: 2\n",
    "a directive": "%YAML 9.9\n---\nseed: 1\n",
    "UTF-16": "\ufeff\0s\0e",
    "surrogates": 'name: "\\ud800"',
    "large": "# " + "x" * 2**17,
}


@pytest.mark.parametrize("text", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_yaml_of_strangers_is_refused_at_once_in_a_short_sentence(tmp_path, text):
    path = write(tmp_path, text)
    start = time.process_time()
    said = refusal(config.load, path)
    assert time.process_time() - start < 1
    assert len(said) < len(str(path)) + 400


def test_values_of_strangers_are_not_spelled_out():
    nested: list = []
    for _ in range(30):
        nested = [nested] * 9
    for value in (nested, 10**5000, {"a": nested}, "x" * 10**6, [10**5000]):
        said = refusal(config.from_dict, {"optim": {"lr": value}})
        assert len(said) < 200


def test_the_resolved_types_are_few():
    text = "a: no\nb: 2001-01-01\nc: 1:30\nd: 010\ne: 1.5\nf: true\ng: ~\nh: -3\ni: 1_000\nj: ''\nk: 2.\nl: .5e-3\n"
    assert config.read_yaml(text) == {
        "a": "no", "b": "2001-01-01", "c": "1:30", "d": "010", "e": 1.5, "f": True, "g": None, "h": -3, "i": "1_000",
        "j": "", "k": 2.0, "l": 0.0005,
    }  # fmt: skip
