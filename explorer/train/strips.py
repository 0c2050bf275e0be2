"""Reconstructions and samples of the same pictures and noise, at each validation of its training and now."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.shared import cache, catalog, pixels, share, theme, widgets
from explorer.train import figures
from trainer.errors import UserError
from trainer.runs import layout, picture_history
from trainer.runs.picture_history import PictureHistory
from trainer.runs.status import Training

_STEP = "train.step.{}"  # of a run: the step that was chosen, None for the newest


class View(NamedTuple):
    """The pictures of one step, uint8 (n, C, H, W); `strip` has equally many along each of `axes`."""

    step: int
    originals: np.ndarray
    reconstructions: np.ndarray
    samples: np.ndarray
    strip: np.ndarray
    axes: np.ndarray


def show(training: Training, preview: dict[str, np.ndarray] | None) -> None:
    """Draw the pictures of a step, with a slider over the recorded ones; nothing while there are none.

    Raises: UserError if a file is damaged.
    """
    path = training.folder / layout.PICTURE_HISTORY
    recorded = _history(str(path), catalog.stamp(path)) if path.is_file() else None
    newest = _newest(preview)
    steps = recorded.step.tolist() if recorded else []
    if newest and newest.step > max(steps, default=-1):
        steps.append(newest.step)
    if not steps:
        return
    chosen = _slider(training.name, steps)
    view = newest if newest and newest.step == chosen else _recorded(recorded, steps.index(chosen))
    with st.container(key="train-work"):
        left, right = st.columns([5, 4], gap="large")
        with left, st.container(gap="xsmall"):
            draw("Held-out pictures and their reconstructions", [view.originals, view.reconstructions])
            known = [("held-out pictures", view.originals), ("reconstructions", view.reconstructions)]
            share.pictures(f"step-{chosen}", [*known, ("samples", view.samples), ("traversal", view.strip)])
            axes = [f"z{axis}" for axis in view.axes]
            title = f"Traversal of {', '.join(axes)}, two standard deviations either way"
            draw(title, np.split(view.strip, len(axes)))
        with right, st.container(gap="xsmall"):
            half = len(view.samples) // 2
            draw("Samples from the prior", [view.samples[:half], view.samples[half:]])
            _pairs(training.folder, chosen)


def draw(title: str, rows: Sequence[np.ndarray], style: str = "train-strip", scale: int = 2) -> None:
    """Draw rows of pictures under their title, inside the page itself.

    st.image would put them on the server, which forgets them at the next rerun: a slow browser asks too late.
    """
    st.caption(title)
    address = pixels.inline(pixels.png(pixels.strip(rows, gap=2, scale=scale)))
    st.html(f'<img class="{style}" alt="{escape(title)}" src="{address}">')


def _slider(name: str, steps: list[int]) -> int:
    """Draw the slider over the steps; return the chosen one, the newest until another is chosen."""
    key = _STEP.format(name)
    chosen = st.session_state.get(key)
    if chosen not in steps:
        chosen = steps[-1]
    if len(steps) < 2:
        st.caption(f"As of step {chosen:,}.")
        return chosen
    widget = f"{key}.slider"
    st.session_state[widget] = chosen

    def take() -> None:
        value = st.session_state[widget]
        st.session_state[key] = None if value == steps[-1] else value

    st.select_slider("Pictures as of step", steps, format_func="{:,}".format, key=widget, on_change=take)
    return chosen


def _newest(preview: dict[str, np.ndarray] | None) -> View | None:
    """The pictures of a running training's last seconds. Raises: UserError if they are damaged."""
    if preview is None:
        return None
    try:
        view = View(int(preview["step"]), *(preview[name] for name in View._fields[1:]))
        _ = np.split(view.strip, len(view.axes)), view.samples[len(view.samples) // 2 :], view.originals.shape[3]
    except (KeyError, ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        raise UserError("training/preview.safetensors is damaged; the next one replaces it.") from error
    return view


def _recorded(history: PictureHistory, place: int) -> View:
    parts = (history.reconstructions, history.samples, history.strip, history.axes)
    return View(int(history.step[place]), history.originals, *(part[place] for part in parts))


@st.cache_resource(max_entries=2, show_spinner=False)
def _history(path: str, stamp: tuple[int, int]) -> PictureHistory:
    return picture_history.read(Path(path))


def _pairs(folder: Path, step: int) -> None:
    """Draw distances of codes and pictures at this step, if they were recorded. Raises: UserError if damaged."""
    path = folder / layout.PAIR_HISTORY
    if not path.is_file():
        return
    history = cache.pair_history(str(path), catalog.stamp(path))
    if step not in history.step:
        return
    place = history.step.tolist().index(step)
    st.caption("Geometry: distances of prior samples and of their pictures; the line is d_X = C d_Z / s")
    ends = (float(history.d_z.max()), float(history.d_x.max()))  # the axes stay while the step moves
    drawn = figures.pairs(history.d_z[place], history.d_x[place], float(history.slope[place]), ends, theme.is_dark())
    widgets.chart(drawn, "train.pairs")
