"""The ready studies: what each asks, how many trainings it takes and how long; start, progress and Stop."""

from pathlib import Path

import streamlit as st

from explorer.shared import progress, widgets
from explorer.shared.escape import markdown
from explorer.shared.phases import duration
from explorer.train.presets import comment_of
from trainer.data import default_data_root
from trainer.jobs import estimate, whole_study
from trainer.jobs.task import Job
from trainer.study import plan
from trainer.study.plan import Plan, Training
from trainer.system import mode

_KEPT = "train.study.chosen"  # the widget's own value is lost with its page


def show(root: Path) -> None:
    """Draw the form for studies below `root`, folded unless one is running."""
    found = {path.stem: path for path in sorted(plan.EXAMPLES.glob("*.yaml"))}
    if mode.is_view() or not found:
        return
    with widgets.user_errors():
        plans = {name: plan.load(path) for name, path in found.items()}
        jobs = {name: _job(plans[name], found[name], root) for name in found}
        running = next((name for name, job in jobs.items() if job.state().is_running), None)
        with st.expander("Start a study", icon=":material/science:", expanded=running is not None):
            name = running or _choose(plans)
            _about(plans[name], found[name])
            if not progress.show(jobs[name], "train.study.run").is_running:
                _buttons(plans[name], found[name], jobs[name])


def _job(study: Plan, path: Path, root: Path) -> Job:
    count = len(study.variants) * len(study.seeds)
    return whole_study.job(path, root / study.name, count, study.measured, default_data_root().expanduser())


def _choose(plans: dict[str, Plan]) -> str:
    """Draw the choice of a study; return its name."""
    key = "train.study.choice"
    kept = st.session_state.get(_KEPT)
    st.session_state[key] = kept if kept in plans else next(iter(plans))

    def take() -> None:
        st.session_state[_KEPT] = st.session_state[key]

    return st.selectbox("Study", list(plans), key=key, width=320, on_change=take)


def _about(study: Plan, path: Path) -> None:
    """Draw what it asks, and its trainings."""
    st.markdown(markdown(comment_of(path)))
    variants, seeds = len(study.variants), len(study.seeds)
    names = ", ".join(markdown(name) for name in study.variants)
    st.caption(
        f"{variants * seeds} trainings: {variants} variants ({names}), {seeds} seeds each; then all are measured."
    )


def _buttons(study: Plan, path: Path, job: Job) -> None:
    """Draw Start, and the estimate: trainings times the time of the first, timed here.

    Raises: UserError if a recipe is missing, or nothing can be stored.
    """
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="train-study-actions"):
        done = job.state().status == "ready"
        begun = job.target.parent.is_dir() and not done
        label = "Continue study" if begun else "Start study"
        if st.button(label, type="primary", icon=":material/play_arrow:", key="train.study.start", disabled=done):
            job.start()
            st.rerun()
        if done:
            st.caption("All its trainings are done and measured; its table is below.", width="content")
        else:
            _estimate(plan.trainings(study, path, default_data_root()))


def _estimate(trainings: list[Training]) -> None:
    first, count = trainings[0].settings, len(trainings)
    timing = estimate.job(first)
    if progress.show(timing, "train.study.estimate").is_running:
        return
    result = estimate.read(timing.target)
    if result is None:
        if st.button("Estimate time", icon=":material/timer:", key="train.study.estimate"):
            estimate.launch(first)
            st.rerun()
        return
    st.markdown(
        f"About **{duration(count * result.alone)}** of training. :gray[{count} times {duration(result.alone)}, by a "
        "few steps of the first variant timed here; measuring comes on top.]",
        width="content",
    )
