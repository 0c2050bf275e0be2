"""Widgets for the settings of a training, made from the schema itself: bounds, choices and help are its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt

from explorer.train.presets import changes_of, changes_text
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
    "lambda_mmd": "λ MMD",
    "name": "Optimiser",
    "keep": "Keep which weights",
    "grad_clip": "Gradient clipping",
}
ELSEWHERE = ("data.name", "data.path", "model.kind", "prior.kind")
"""Settings that the first row chooses."""
ONLY_FOR = {
    "data.crop": ("celeba",),
    "prior.components": ("gmp",),
    "prior.spread": ("gmp",),
    "prior.warm_start": ("gwae-gmp",),
    "model.critic_width": ("gwae",),
    "objective.lambda_gw": ("gwae",),
    "objective.lambda_w": ("gwae",),
    "objective.lambda_d": ("gwae",),
    "objective.lambda_h": ("gwae",),
    "objective.lambda_p": ("gwae-gmp", "gwae-normal"),
    "objective.gradient_penalty": ("gwae",),
    "objective.drift": ("gwae",),
    "objective.beta": ("vae",),
    "objective.lambda_mmd": ("wae-mmd",),
    "optim.critic_lr": ("gwae",),
    "optim.critic_steps": ("gwae",),
    "optim.prior_lr_scale": ("gwae",),
    "optim.warmup_steps": ("gwae",),
    "optim.refine_steps": ("gwae",),
}
"""Settings that mean something for some kinds only (model, prior, both, or data set); the others are always shown."""
MAIN = ("optim.max_steps", "model.z_dim", "optim.batch_size", "data.size", "data.channels", "prior.components",
        "objective.beta", "objective.lambda_mmd")  # fmt: skip


def main_settings(values: Mapping[str, Any]) -> None:
    """The few settings that matter most, in one row that wraps."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="train-main"):
        for key in MAIN:
            if applies(key, values):
                setting(key, values, width=140)


def all_settings(values: Mapping[str, Any]) -> None:
    """Everything else, folded away, a tab per section."""
    sections = [name for name in SECTIONS if name != "dagmm" or values["model"]["kind"] == "dagmm"]
    tabs = st.tabs([SECTIONS[name] for name in sections])
    for tab, section in zip(tabs, sections, strict=True):
        with tab, st.container(horizontal=True, gap="small", vertical_alignment="top", key=f"train-all-{section}"):
            keys = [f"{section}.{leaf}" for leaf in values[section]]
            for key in [*keys, *(["seed"] if section == "optim" else [])]:
                if key not in ELSEWHERE and key not in MAIN and applies(key, values):
                    setting(key, values, width=205)


def applies(key: str, values: Mapping[str, Any]) -> bool:
    """Whether a setting means something for this model, prior and data set."""
    kind, prior = values["model"]["kind"], values["prior"]["kind"]
    return key not in ONLY_FOR or bool({kind, prior, f"{kind}-{prior}", values["data"]["name"]} & set(ONLY_FOR[key]))


def setting(key: str, values: Mapping[str, Any], width: int) -> None:
    """One widget; a change goes into the state, and back out of it when it equals what would hold without it."""
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
    """What a setting is called on the page, "optim.max_steps": "Steps"."""
    leaf = key.rpartition(".")[2]
    return LABELS.get(leaf) or leaf.replace("_", " ").capitalize()


def in_words(sentence: str) -> str:
    """A sentence of the schema with the names of settings as the page shows them, and where they are."""

    def named(match: re.Match) -> str:
        key = match[0]
        if match[2] not in getattr(Config.model_fields[match[1]].annotation, "model_fields", {}) or key in ELSEWHERE:
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
    """Smallest and largest value of a field; an excluded end is moved inside by a hair, or by one."""
    low = high = None
    hair = 1e-9 if is_float else 1
    for each in metadata:
        if isinstance(each, Ge):
            low = each.ge
        elif isinstance(each, Gt):
            low = each.gt + hair
        elif isinstance(each, Le):
            high = each.le
        elif isinstance(each, Lt):
            high = each.lt - hair
    convert = float if is_float else int
    return (None if low is None else convert(low)), (None if high is None else convert(high))


def _step(value: float) -> float:
    """A tenth of the value's own magnitude, so that the buttons do something sensible for 3e-4 and for 100."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.1
