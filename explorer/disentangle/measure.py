"""Measuring from the page: what can be measured, how far it is, and Stop."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.disentangle.records import Kind, data_title, kinds
from explorer.shared import axis_names, catalog, progress, test_pictures, widgets
from trainer.data import DATASETS
from trainer.jobs import disentangle
from trainer.jobs.task import Job

TITLES = {"full": "Measure in full", "fast": "Quick look"}
ABOUT = {
    "full": "The published protocol: 15,000 codes and 15,000 votes. Some minutes on every core.",
    "fast": "A tenth of the codes: tells which axis is which, and its numbers are called fast.",
}


def possible(entry: catalog.Entry) -> list[Kind]:
    """What can be measured without a download: on the own data set, and on another of the same factors on the disk."""
    return [kind for kind in kinds(entry) if _roots(entry, kind)]


def _roots(entry: catalog.Entry, kind: Kind) -> list[Path]:
    """Return the folders that have the pictures of a measurement."""
    from trainer.data import shapes3d

    settings = entry.run.config.data
    name = kind.other or settings.name
    return [root for root in test_pictures.roots() if shapes3d.is_at_hand(name, root, settings.size)]


def offer(entry: catalog.Entry) -> None:
    """What stands where the numbers would be, while there are none."""
    if _is_busy(entry):
        return
    from trainer.evaluation.disentanglement.record import command

    widgets.empty_state(
        f"Disentanglement of {entry.name} is not measured yet",
        "It takes pictures of known factors, encodes them, and looks which axis tells which factor. Here, in the "
        "background, or by the command below. The other views need no measurement.",
        command(entry.path),
        icon=":material/grid_on:",
    )
    with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
        _buttons(entry, possible(entry))
    _about_pictures(entry)


def popover(entry: catalog.Entry, found: dict) -> None:
    """What is not measured yet."""
    left = [kind for kind in possible(entry) if kind not in found]
    if left and not _is_busy(entry):
        with st.popover("Measure", icon=":material/grid_on:", key="disentangle.measure"):
            for kind in left:
                _buttons(entry, [kind])
                st.caption(_about(entry, kind))


def _buttons(entry: catalog.Entry, offered: list[Kind]) -> None:
    for kind in offered:
        on = f" on {data_title(entry, kind)}" if kind.other else ""
        if st.button(
            f"{TITLES[kind.protocol]}{on}",
            key=f"disentangle.measure.{kind.text}",
            type="primary" if kind == Kind("fast") else "secondary",
            help=_about(entry, kind),
        ):
            with widgets.user_errors():
                _start(entry, kind)
                st.rerun()


def _about(entry: catalog.Entry, kind: Kind) -> str:
    if not kind.other:
        return ABOUT[kind.protocol]
    return (
        f"{ABOUT[kind.protocol]} The model was trained on {entry.data_title}; this is another data set, and its "
        "numbers are kept apart and labelled so."
    )


def _about_pictures(entry: catalog.Entry) -> None:
    """What has to be made or fetched before the first measurement."""
    from trainer.data.rendering import COUNT

    settings = entry.run.config.data
    pattern, room = f"shapes3d-rendered/rendered-{settings.size}-*", COUNT * 3 * settings.size**2 / 1e9
    if not possible(entry):
        info = DATASETS[settings.name]
        st.caption(f"{info.title} is not on this disk; the command fetches it from {info.url}.")
    elif settings.name == "shapes3d-rendered" and not any(any(root.glob(pattern)) for root in test_pictures.roots()):
        st.caption(
            f"The pictures are rendered first, once: some minutes, and {room:.1f} GB in {test_pictures.roots()[0]}."
        )


# ---------------------------------------------------------------- the job


def _job(entry: catalog.Entry, kind: Kind, data_root: Path | None = None) -> Job:
    return disentangle.job(entry.run, axis_names.target(entry, *kind), kind.protocol, data_root, kind.other)


def _start(entry: catalog.Entry, kind: Kind) -> None:
    """Measure in the background, on the data of the first folder that has them.

    Raises: UserError if the folder of the record cannot be written.
    """
    _job(entry, kind, (_roots(entry, kind) or test_pictures.roots())[0]).start()


def _is_busy(entry: catalog.Entry) -> bool:
    return any(_job(entry, kind).state().is_running for kind in kinds(entry))


def running(entry: catalog.Entry) -> None:
    """Progress and Stop of what is being measured, and the sentence of what failed."""
    for kind in kinds(entry):
        what = f"{data_title(entry, kind)}, {kind.protocol}: "
        progress.show(_job(entry, kind), f"disentangle.{kind.text}", f"Measuring {what}", what)
