"""Measuring from the page: the possible measurements, their progress, and Stop."""

from pathlib import Path

import streamlit as st

from explorer.disentangle.records import Measurement, data_title, kinds
from explorer.shared import axis_names, catalog, progress, test_pictures, widgets
from trainer.data import DATASETS
from trainer.evaluation.disentanglement.record import Record, command
from trainer.jobs import disentangle
from trainer.jobs.task import Job
from trainer.system import mode

TITLES = {"full": "Measure in full", "fast": "Quick look"}
ABOUT = {
    "full": "The published protocol: 15,000 codes and 15,000 votes, and further measures. Some minutes on every core.",
    "fast": "A tenth of the codes: shows which axis carries which factor; its numbers are labelled fast.",
}


def possible(entry: catalog.Entry) -> list[Measurement]:
    """Return the measurements that need no download: on the model's data set, and on others with the same factors."""
    return [kind for kind in kinds(entry) if _roots(entry, kind)]


def _roots(entry: catalog.Entry, kind: Measurement) -> list[Path]:
    """Return the folders that have the pictures of a measurement."""
    from trainer.data import shapes3d

    settings = entry.run.config.data
    name = kind.other or settings.name
    return [root for root in test_pictures.roots() if shapes3d.is_at_hand(name, root, settings.size)]


def offer(entry: catalog.Entry) -> None:
    """Offer to measure a model without scores."""
    if _is_busy(entry):
        return
    widgets.empty_state(
        f"Disentanglement of {entry.name} is not measured yet",
        "Measuring encodes pictures with known factors and compares axes and factors: here, in the background, or by "
        "the command below. The other views need no measurement.",
        command(entry.path),
        icon=":material/grid_on:",
    )
    with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
        _buttons(entry, possible(entry))
    _about_pictures(entry)


def popover(entry: catalog.Entry, stored: dict[Measurement, Record]) -> None:
    """Offer what is not measured yet."""
    left = [kind for kind in possible(entry) if kind not in stored]
    if left and not mode.is_view() and not _is_busy(entry):
        with st.popover("Measure", icon=":material/grid_on:", key="disentangle.measure"):
            for kind in left:
                _buttons(entry, [kind])
                st.caption(_about(entry, kind))


def _buttons(entry: catalog.Entry, offered: list[Measurement]) -> None:
    if mode.is_view():
        widgets.not_offered("Measuring")
        return
    for kind in offered:
        on = f" on {data_title(entry, kind)}" if kind.other else ""
        if st.button(
            f"{TITLES[kind.protocol]}{on}",
            key=f"disentangle.measure.{kind.text}",
            type="primary" if kind == Measurement("fast") else "secondary",
            help=_about(entry, kind),
        ):
            with widgets.user_errors():
                _job(entry, kind, (_roots(entry, kind) or test_pictures.roots())[0]).start()
                st.rerun()


def _about(entry: catalog.Entry, kind: Measurement) -> str:
    if not kind.other:
        return ABOUT[kind.protocol]
    return (
        f"{ABOUT[kind.protocol]} The model was trained on {entry.data_title}; this is another data set, and its "
        "numbers are stored separately and labelled."
    )


def _about_pictures(entry: catalog.Entry) -> None:
    """Say which pictures have to be rendered or downloaded before the first measurement."""
    from trainer.data.rendering import COUNT

    if mode.is_view():
        return
    settings = entry.run.config.data
    pattern, room = f"shapes3d-rendered/rendered-{settings.size}-*", COUNT * 3 * settings.size**2 / 1e9
    if not possible(entry):
        info = DATASETS[settings.name]
        st.caption(f"{info.title} is not on this disk; the command downloads it from {info.url}.")
    elif settings.name == "shapes3d-rendered" and not any(any(root.glob(pattern)) for root in test_pictures.roots()):
        root = test_pictures.roots()[0]
        st.caption(f"The pictures are rendered once, before measuring: some minutes, and {room:.1f} GB in {root}.")


# ---------------------------------------------------------------- the job


def _job(entry: catalog.Entry, kind: Measurement, data_root: Path | None = None) -> Job:
    return disentangle.job(entry.run, axis_names.target(entry, *kind), kind.protocol, data_root, kind.other)


def _is_busy(entry: catalog.Entry) -> bool:
    return any(_job(entry, kind).state().is_running for kind in kinds(entry))


def running(entry: catalog.Entry) -> None:
    """Show the progress of each running measurement, and the error of each failed one."""
    for kind in kinds(entry):
        what = f"{data_title(entry, kind)}, {kind.protocol}: "
        progress.show(_job(entry, kind), f"disentangle.{kind.text}", f"Measuring {what}", what)
