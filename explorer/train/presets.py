"""What can be trained: presets, data sets, models, and the configuration they add up to. No streamlit here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from explorer.shared.catalog import stamp
from trainer import config
from trainer.data import DATASETS
from trainer.errors import UserError

RECIPES = config.RECIPES
OWN = "folder"


@dataclass(frozen=True)
class ModelChoice:
    """A model as the page offers it: what it is for, and the settings that make it."""

    title: str
    purpose: str
    settings: Mapping[str, Any]

    @property
    def short(self) -> str:
        """The title with no more than the abbreviation of the prior: "GWAE · GMP"."""
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
        "Disentanglement: one small network per axis, so that the axes are independent.",
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
        "A VAE that pays β = 4 times for its code: blurrier, with axes that come apart.",
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
"""Every model of the trainer, with settings under which it is known to work at 32 x 32."""
_OF_MODEL = ("model.kind", "prior", "objective", "dagmm", "optim.warmup_steps", "optim.refine_steps", "optim.keep",
             "optim.patience", "optim.critic_steps", "optim.prior_lr_scale")  # fmt: skip
"""Settings that mean something for one kind of model only: another model starts without the preset's."""


@dataclass(frozen=True)
class Preset:
    """A recipe of trainer/configs: its name, what its comment says, and its settings."""

    name: str
    sentence: str
    settings: config.Config


def presets() -> dict[str, Preset]:
    """The recipes by name; broken ones are passed over."""
    found = {}
    for path in sorted(RECIPES.glob("*.yaml")):
        try:
            found[path.stem] = _preset(str(path), stamp(path))
        except UserError:
            continue
    return found


@lru_cache(maxsize=64)
def _preset(path: str, stamp: tuple[int, int]) -> Preset:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return Preset(Path(path).stem, " ".join(comment), config.load(path))


def choice_of(settings: config.Config) -> str:
    """The name in MODELS that a configuration amounts to."""
    kind = settings.model.kind
    if kind == "gwae":
        return f"gwae-{settings.prior.kind}"
    return "beta-vae" if kind == "vae" and settings.objective.beta != 1 else kind


def draft(preset: config.Config, data: str, choice: str, changes: Iterable[str], name: str, path: str) -> dict:
    """The nested values that the page's choices add up to; `config.from_dict` says whether they are valid.

    Args:
        preset: what everything starts from.
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
            _set(values, key, _get(defaults, key))
        for key, value in MODELS[choice].settings.items():
            _set(values, key, value)
    for key, value in changes_of(changes).items():
        _set(values, key, value)
    if values["data"]["name"] == OWN:
        values["data"]["path"] = path or None
    values["name"] = name or values["name"]
    return values


def changes_of(changes: Iterable[str]) -> dict[str, Any]:
    """Setting -> value; what is not one (an edited link) is left out."""
    found = {}
    for text in changes:
        key, _, value = text.partition("=")
        try:
            parsed = json.loads(value)
        except ValueError:
            continue
        section, _, leaf = key.partition(".")
        if key in ("seed",) or (section in config.Config.model_fields and leaf in _fields(section)):
            found[key] = parsed
    return found


def changes_text(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Inverse of changes_of, by name."""
    return tuple(f"{key}={json.dumps(value)}" for key, value in sorted(changes.items()))


def _fields(section: str) -> Mapping[str, Any]:
    kind = config.Config.model_fields[section].annotation
    return getattr(kind, "model_fields", {})


def _get(values: Mapping[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return dict(values) if isinstance(values, Mapping) else values


def _set(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, leaf = key.split(".")
    for section in sections:
        values = values[section]
    values[leaf] = value


def recipe_text(settings: config.Config) -> str:
    """The configuration as YAML without what equals the defaults: short enough to read, equal when loaded."""
    defaults = config.Config().model_dump()
    values: dict[str, Any] = {"name": settings.name, "seed": settings.seed}
    for section, own in settings.model_dump().items():
        if isinstance(own, dict):
            kept = {key: value for key, value in own.items() if value != defaults[section][key]}
            kept |= {"name": own["name"]} if section == "data" else {}
            kept |= {"kind": own["kind"]} if section in ("model", "prior") else {}
            values |= {section: kept} if kept else {}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def command(settings: config.Config, runs: Path, data_root: Path | None = None) -> str:
    """The command line that does what the button does, given the recipe as a file."""
    import shlex

    out = runs / settings.name
    parts = ["python -m trainer fit", f"{settings.name}.yaml", f"--out {shlex.quote(str(out))}"]
    return " ".join([*parts, f"--data-root {shlex.quote(str(data_root))}"] if data_root else parts)
