"""Presets, data sets and models of a new training, and the configuration they make. No streamlit here."""

import contextlib
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import takewhile
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from explorer.shared.catalog import stamp
from trainer import config
from trainer.data import DATASETS
from trainer.errors import UserError

RECIPES = config.RECIPES
OWN = "folder"
ELSEWHERE = ("data.name", "data.path", "model.kind", "prior.kind", "name")
"""Settings with a field of their own in the page's state."""
LONGEST = 100  # characters of a changed value in a link


@dataclass(frozen=True)
class ModelChoice:
    """A model on the page: its title, its purpose, and its settings."""

    title: str
    purpose: str
    settings: Mapping[str, Any]

    @property
    def short(self) -> str:
        """Return the title with the abbreviated prior: "GWAE · GMP"."""
        name, _, prior = self.title.partition(" · ")
        return f"{name} · {prior.partition('(')[2].rstrip(')') or prior.split()[1]}" if prior else name


_LONG = {"optim.keep": "last", "optim.patience": 100}  # the validation loss of a GWAE holds the critic's moving gap
MODELS: dict[str, ModelChoice] = {
    "gwae-np": ModelChoice(
        "GWAE · neural prior (NP)",
        "Generation: a small network moves noise to where the codes are.",
        {"model.kind": "gwae", "prior.kind": "np", "optim.critic_steps": 2, **_LONG},
    ),
    "gwae-fnp": ModelChoice(
        "GWAE · factorised prior (FNP)",
        "Independent axes: one small network each. What separates factors is the schedule of the recipe "
        "shapes3d-fnp: a warm-up with falling beta.",
        {"model.kind": "gwae", "prior.kind": "fnp", "optim.critic_steps": 2, **_LONG},
    ),
    "gwae-gmp": ModelChoice(
        "GWAE · Gaussian mixture (GMP)",
        "Clusters: means, covariances and weights of the components are learned, without labels.",
        {
            "model.kind": "gwae", "prior.kind": "gmp", "prior.warm_start": True, "prior.components": 10,
            "objective.lambda_p": 0.06, "optim.warmup_steps": 2000, "optim.critic_steps": 2,
            "optim.prior_lr_scale": 0.3, **_LONG,
        },
    ),
    "gwae-normal": ModelChoice(
        "GWAE · standard normal prior",
        "The control for the learned priors: the same objective under N(0, I).",
        {"model.kind": "gwae", "prior.kind": "normal", "optim.critic_steps": 2, **_LONG},
    ),
    "vae": ModelChoice(
        "VAE",
        "The classic control: the evidence lower bound under N(0, I).",
        {"model.kind": "vae", "prior.kind": "normal"},
    ),
    "beta-vae": ModelChoice(
        "β-VAE",
        "A VAE that pays β = 4 times for its code: blurrier, with less of the factors in its code.",
        {"model.kind": "vae", "prior.kind": "normal", "objective.beta": 4.0},
    ),
    "wae-mmd": ModelChoice(
        "WAE-MMD",
        "Codes without noise, pulled to N(0, I) by a maximum mean discrepancy.",
        {"model.kind": "wae-mmd", "prior.kind": "normal"},
    ),
    "dagmm": ModelChoice(
        "DAGMM",
        "A detector of outliers: a mixture over the code and its errors.",
        {
            "model.kind": "dagmm", "model.z_dim": 8, "prior.kind": "gmp", "prior.components": 4,
            "optim.batch_size": 256, "optim.keep": "last", "optim.lr": 1e-3,
        },
    ),
}  # fmt: skip
"""Every model of the trainer, with settings that work at 32 x 32."""
_OF_MODEL = ("model.kind", "prior", "objective", "dagmm", "optim.warmup_steps", "optim.refine_steps", "optim.keep",
             "optim.patience", "optim.critic_steps", "optim.prior_lr_scale")  # fmt: skip
"""Settings that belong to one kind of model: another model starts with their defaults."""


@dataclass(frozen=True)
class Preset:
    """A recipe of trainer/configs: its comment and its settings."""

    sentence: str
    settings: config.Config


def presets() -> dict[str, Preset]:
    """Return the recipes by name, without broken ones."""
    recipes = {}
    for path in sorted(RECIPES.glob("*.yaml")):
        try:
            recipes[path.stem] = _preset(path, stamp(path))
        except UserError:
            continue
    return recipes


@lru_cache(maxsize=64)
def _preset(path: Path, stamp: tuple[int, int]) -> Preset:
    return Preset(comment_of(path), config.load(path))


def comment_of(path: Path) -> str:
    """Return the comment at the head of a recipe or study."""
    comment = takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return " ".join(line.lstrip("# ") for line in comment)


def choice_of(settings: config.Config) -> str:
    """Return the name in MODELS of a configuration's model."""
    kind = settings.model.kind
    if kind == "gwae":
        return f"gwae-{settings.prior.kind}"
    return "beta-vae" if kind == "vae" and settings.objective.beta != 1 else kind


def draft(preset: config.Config, data: str, choice: str, changes: Iterable[str], name: str, path: str) -> dict:
    """Return the nested values of the page's choices; `config.from_dict` validates them.

    Args:
        preset: the start.
        data: a data set in place of the preset's, or "".
        choice: a name of MODELS in place of the preset's, or "".
        changes: "section.key=<JSON>" on top.
        path: the user's folder or zip, for data set "folder".
    """
    values = preset.model_dump()
    if data and data != preset.data.name and data in DATASETS:
        info = DATASETS[data]
        values["data"] = {"name": data, "size": info.size, "channels": info.channels}
    if choice in MODELS and choice != choice_of(preset):
        defaults = config.Config().model_dump()
        for key in _OF_MODEL:
            _set(values, key, reduce(getitem, key.split("."), defaults))
        for key, value in MODELS[choice].settings.items():
            _set(values, key, value)
    for key, value in changes_of(changes).items():
        _set(values, key, value)
    if values["data"]["name"] == OWN:
        values["data"]["path"] = path or None
    values["name"] = name or values["name"]
    return values


def changes_of(changes: Iterable[str]) -> dict[str, Any]:
    """Return setting -> value; what the schema does not take (in an edited link) is left out."""
    values = {}
    for text in changes:
        key, _, value = text.partition("=")
        if key not in ELSEWHERE and len(value) <= LONGEST:
            with contextlib.suppress(ValueError, RecursionError):
                values[key] = config.setting(key, json.loads(value))
    return values


def changes_text(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the inverse of changes_of, sorted by name."""
    return tuple(f"{key}={json.dumps(value)}" for key, value in sorted(changes.items()))


def fields(section: str) -> Mapping[str, Any]:
    """Return the settings of a section of the schema, none for a setting outside of sections."""
    return getattr(config.Config.model_fields[section].annotation, "model_fields", {})


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, leaf = key.split(".")
    reduce(getitem, sections, values)[leaf] = value


def recipe_text(settings: config.Config) -> str:
    """Return the configuration as YAML without defaults; names, kinds and the seed are always there."""
    always = {"name": True, "seed": True, "data": {"name"}, "model": {"kind"}, "prior": {"kind"}}
    named, changed = settings.model_dump(include=always), settings.model_dump(exclude_defaults=True)
    for section, own in changed.items():
        named[section] = own | named[section] if section in ("data", "model", "prior") else own
    return yaml.safe_dump(named, sort_keys=False, allow_unicode=True)


def command(settings: config.Config, runs: Path, data_root: Path | None = None) -> str:
    """Return the command line of the button "Start training", given the recipe as a file."""
    out = runs / settings.name
    parts = ["python -m trainer fit", f"{settings.name}.yaml", f"--out {shlex.quote(str(out))}"]
    return " ".join([*parts, f"--data-root {shlex.quote(str(data_root))}"] if data_root else parts)
