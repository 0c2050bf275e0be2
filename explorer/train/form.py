"""Widgets for the settings of a training, with the bounds, choices and help of the schema, and the recipe."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from explorer.shared import widgets
from explorer.train.presets import ELSEWHERE, changes_of, changes_text, command, fields, recipe_text
from explorer.train.state import change, current
from trainer.config import Config

SECTIONS = {
    "data": "Data",
    "model": "Networks",
    "prior": "Prior",
    "objective": "Objective",
    "optim": "Optimisation",
    "dagmm": "DAGMM",
}
LABELS = {
    "seed": "Seed",
    "z_dim": "Latent axes",
    "lr": "Learning rate",
    "critic_lr": "Critic's learning rate",
    "prior_lr_scale": "Prior's learning rate, ×",
    "max_steps": "Steps",
    "batch_size": "Batch size",
    "size": "Picture size",
    "channels": "Channels",
    "beta": "β",
    "lambda_gw": "λ Gromov-Wasserstein",
    "lambda_w": "λ reconstruction",
    "lambda_d": "λ critic",
    "lambda_h": "λ entropy",
    "lambda_p": "λ prior",
    "lambda_c": "λ contours",
    "lambda_mmd": "λ MMD",
    "name": "Optimiser",
    "keep": "Keep which weights",
    "grad_clip": "Gradient clipping",
}
ONLY_FOR: dict[str, tuple[str, ...]] = {
    "celeba": ("data.crop",),
    "folder": ("data.crop",),
    "gmp": ("prior.components", "prior.spread"),
    "gwae": (
        "model.critic_width", "objective.lambda_gw", "objective.lambda_w", "objective.lambda_d", "objective.lambda_h",
        "objective.gradient_penalty", "objective.drift", "optim.critic_lr", "optim.critic_steps",
        "optim.critic_batches", "objective.lambda_c",
        "optim.prior_lr_scale", "optim.warmup_steps", "optim.refine_steps",
    ),
    "gwae-gmp": ("prior.warm_start", "prior.placement", "objective.lambda_p"),
    "gwae-normal": ("objective.lambda_p",),
    "vae": ("objective.beta", "objective.lambda_c"),
    "wae-mmd": ("objective.lambda_mmd",),
}  # fmt: skip
"""Settings of one data set, prior, model, or model and prior; all others are always shown."""
MAIN = ("optim.max_steps", "model.z_dim", "optim.batch_size", "data.size", "data.channels", "prior.components",
        "objective.beta", "objective.lambda_mmd")  # fmt: skip


def main_settings(values: Mapping[str, Any]) -> None:
    """Draw the most important settings in one row that wraps."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="train-main"):
        for key in MAIN:
            if applies(key, values):
                setting(key, values, width=140)


def all_settings(values: Mapping[str, Any]) -> None:
    """Draw all other settings, a tab per section."""
    sections = [name for name in SECTIONS if name != "dagmm" or values["model"]["kind"] == "dagmm"]
    tabs = st.tabs([SECTIONS[name] for name in sections])
    for tab, section in zip(tabs, sections, strict=True):
        with tab, st.container(horizontal=True, gap="small", vertical_alignment="top", key=f"train-all-{section}"):
            keys = [f"{section}.{leaf}" for leaf in values[section]]
            for key in [*keys, *(["seed"] if section == "optim" else [])]:
                if key not in ELSEWHERE and key not in MAIN and applies(key, values):
                    setting(key, values, width=205)


def applies(key: str, values: Mapping[str, Any]) -> bool:
    """Return whether a setting has a meaning for this model, prior and data set."""
    kind, prior = values["model"]["kind"], values["prior"]["kind"]
    needed = {name for name, keys in ONLY_FOR.items() if key in keys}
    return not needed or bool(needed & {kind, prior, f"{kind}-{prior}", values["data"]["name"]})


def setting(key: str, values: Mapping[str, Any], width: int) -> None:
    """Draw the widget of a setting; a change goes into the state."""
    field, value = _field(key), _value(key, values)
    widget = f"train.set.{key}"
    shared = {"key": widget, "on_change": _take, "args": (key, widget), "help": field.description, "width": width}
    kind = field.annotation
    choices = [choice for choice in get_args(kind) if choice is not type(None)] if get_origin(kind) is Literal else None
    if choices:
        st.session_state[widget] = value if value in choices else choices[0]
        st.selectbox(label(key), choices, **shared)
    elif kind is bool:
        st.session_state[widget] = bool(value)
        st.toggle(label(key), **shared)
    else:
        is_float = kind is float
        low, high = _bounds(field.metadata, is_float)
        st.session_state[widget] = None if value is None else (float(value) if is_float else int(value))
        form = {"format": "%g", "step": _step(float(value or 0))} if is_float else {"step": 1}
        st.number_input(label(key), min_value=low, max_value=high, placeholder="default", **form, **shared)


def label(key: str) -> str:
    """Return the label of a setting, "optim.max_steps": "Steps"."""
    leaf = key.rpartition(".")[2]
    return LABELS.get(leaf) or leaf.replace("_", " ").capitalize()


def in_words(sentence: str) -> str:
    """Return a sentence of the schema with the labels of settings, and the tab where they are."""

    def named(match: re.Match) -> str:
        key = match[0]
        if match[2] not in fields(match[1]) or key in ELSEWHERE:
            return key
        return f"“{label(key)}”" + ("" if key in MAIN else f" (All settings, {SECTIONS[match[1]]})")

    return re.sub(rf"\b({'|'.join(SECTIONS)})\.(\w+)", named, sentence)


def _take(key: str, widget: str) -> None:
    value = st.session_state[widget]
    changes = {name: each for name, each in changes_of(current().changes).items() if name != key}
    if value is not None:
        changes[key] = round(value, 10) if isinstance(value, float) else value
    change(changes=changes_text(changes))


def _field(key: str):
    section, _, leaf = key.rpartition(".")
    kind = Config.model_fields[section].annotation if section else Config
    return kind.model_fields[leaf]


def _value(key: str, values: Mapping[str, Any]) -> Any:
    section, _, leaf = key.rpartition(".")
    holder = values[section] if section else values
    return holder.get(leaf, _field(key).default)


def _bounds(metadata: Sequence[Any], is_float: bool) -> tuple[float | int | None, float | int | None]:
    """Return the smallest and the largest value of a field; an excluded end is moved inside by 1e-9, or by 1."""
    convert, step = (float, 1e-9) if is_float else (int, 1)
    inside = {"ge": 0, "gt": step, "le": 0, "lt": -step}
    ends = {
        name[0]: convert(getattr(each, name) + moved)
        for each in metadata
        for name, moved in inside.items()
        if hasattr(each, name)
    }
    return ends.get("g"), ends.get("l")


def _step(value: float) -> float:
    """Return a tenth of the value's magnitude, a step that suits 3e-4 as well as 100."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.1


def recipe(settings: Config, runs: Path, data_root: Path | None = None, width: int | str = "stretch") -> None:
    """Draw the recipe as YAML, and the command that trains it into the folder `runs`."""
    text = recipe_text(settings)
    st.code(text, language="yaml", width=width)
    widgets.download("Download YAML", text, f"{settings.name}.yaml", "text/yaml")
    st.caption("With this file in the current folder, the same from the command line:")
    st.code(command(settings, runs, data_root), language="bash", wrap_lines=True, width=width)
