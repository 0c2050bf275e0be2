"""A quick look at one's own pictures: settings from steps that are timed on this machine before the training starts."""

import streamlit as st

from explorer.shared import progress
from explorer.shared.links import TrainState
from explorer.shared.phases import duration
from explorer.train import presets
from trainer import config
from trainer.errors import UserError
from trainer.jobs import quick_look
from trainer.jobs.quick_look import RECIPE, Plan
from trainer.system import files

TITLE = "Quick look"
ABOUT = (
    "A small model with something to see in three minutes: picture size, width and steps follow from a few steps that "
    "are timed here once the pictures are named."
)
_STARTED = "train.quick"  # the file of the last plan that this session asked for


def settings_of(view: TrainState, preset: config.Config, data: str, path: str) -> config.Config | None:
    """Return the settings that are fitted; None where another preset is chosen, or these are not valid."""
    if view.preset != RECIPE:
        return None
    try:
        return config.from_dict(presets.draft(preset, data, view.choice, (), view.name, path or "pictures"))
    except UserError:  # the form says what is wrong
        return None


def fitted(settings: config.Config) -> config.Config:
    """Return the settings with the stored plan, unchanged while there is none."""
    plan = quick_look.read(quick_look.target(settings))
    return quick_look.fitted(settings, plan) if plan else settings


def prepare(settings: config.Config) -> bool:
    """Time the steps unless there is a plan, and draw the progress; return whether the training may start.

    It may without a plan, too, where the timing was stopped or failed.

    Raises: UserError if the cache cannot be written.
    """
    job = quick_look.job(settings)
    if job.state().status == "absent" and st.session_state.get(_STARTED) != str(job.target):
        st.session_state[_STARTED] = str(job.target)
        job.start()
    return not progress.show(job, "train.quick").is_running


def describe(settings: config.Config) -> None:
    """Draw what was chosen and how long it takes, and the button that times anew."""
    job = quick_look.job(settings)
    plan = quick_look.read(job.target)
    tried = st.session_state.get(_STARTED) == str(job.target)
    if (plan or tried) and st.button("Time again", icon=":material/timer:", key="train.quick.again"):
        files.remove(job.target)
        job.start()
        st.rerun()
    if plan:
        st.markdown(sentence(plan), width="content")


def sentence(plan: Plan) -> str:
    """Return what was chosen."""
    return (
        f"About **{duration(plan.seconds)}** for {plan.steps:,} steps. :gray[Chosen by a few steps timed here: "
        f"{plan.size} × {plan.size} pixels, networks of width {plan.width}.]"
    )
