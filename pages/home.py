"""Home: what a GWAE is, and a gallery of the models there are, with their numbers and where those come from."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.shared import cache, catalog, pixels, state, widgets
from explorer.shared.escape import markdown
from explorer.train import phases
from explorer.train import state as train_state
from trainer.errors import UserError
from trainer.jobs import queue
from trainer.runs import layout

POLL_SECONDS = 2.5

SENTENCE = (
    "A Gromov-Wasserstein autoencoder learns a latent space whose distances agree with those between pictures, under a "
    "prior that is learned along with it: so its axes, clusters and densities tell something about the data."
)


def gallery(entries: list[catalog.Entry]) -> list:
    """A card per model; returns the places of the pictures that need the model, to be filled last."""
    places = []
    with st.container(key="gallery"):
        for entry in entries:
            with st.container(border=True, key=f"card-{entry.name}", height="stretch"):
                with st.container(key=f"pictures-{entry.name}", gap=None):
                    originals(entry)
                    places.append(st.empty())
                describe(entry)
    return places


def describe(entry: catalog.Entry) -> None:
    """Name, what it was trained on, its key numbers, and the way into it."""
    origin = "" if entry.bundled else " :gray-badge[your run]"
    with st.container(gap="xxsmall"):
        st.markdown(f"**{entry.title}**{origin}")
        st.caption(
            f"{entry.model_kind.upper()} · {entry.prior_title}  \n"
            f"{entry.data_title} {entry.image_shape[1]}×{entry.image_shape[2]} · {entry.z_dim} axes · `{entry.hash}`"
        )
    if not entry.has_sprite:
        st.caption("Both rows: samples from the prior, decoded.")
    if entry.key_metrics:
        widgets.metric_row(entry.key_metrics, entry.name)
    elif entry.bundled and not entry.note:
        st.caption("Not evaluated yet; `python -m trainer evaluate` adds its numbers.")
    if entry.note:
        st.caption(f":material/info: {entry.note}")
    if not entry.bundled and not entry.metrics:
        label = "Measure it again" if entry.older else "Not measured yet: measure it"
        if st.button(label, key=f"measure-{entry.name}", icon=":material/straighten:", type="tertiary"):
            train_state.open_run(entry.path.name)
    if st.button("Open in Traverse", key=f"open-{entry.name}", icon=":material/tune:", width="stretch"):
        state.select_model(entry.name)
        widgets.open_page("traverse")


def originals(entry: catalog.Entry) -> None:
    """The row of test pictures, where the folder holds any: needs no torch, so it is there at once."""
    if not entry.has_sprite:
        return
    try:
        row(cache.originals(entry), f"Test pictures of {entry.title}")
    except UserError as error:
        st.caption(f":material/broken_image: {error}")


def decoded(entry: catalog.Entry) -> None:
    """Reconstructions below the originals; without bundled pictures, two rows of decoded prior samples."""
    try:
        if entry.has_sprite:
            row(cache.reconstructions(entry), f"Their reconstructions by {entry.title}")
        else:
            row(cache.prior_pictures(entry, 2 * cache.PREVIEW_TILES), f"Prior samples decoded by {entry.title}", rows=2)
    except UserError as error:
        st.caption(f":material/broken_image: {error}")


def row(pictures, alt: str, rows: int = 1) -> None:
    """Tiles as wide as the card, in `rows` rows of equal length."""
    n = len(pictures) // rows
    split = [pictures[k * n : (k + 1) * n] for k in range(rows)]
    st.image(pixels.strip(split, gap=pictures.shape[-1] // 16), width="stretch", output_format="PNG", alt=alt)


def starting(folders: list[Path]) -> None:
    """Trainings that have no model yet, each with where it stands; the page is run again when one of them has."""
    known = {training.folder: training for training in queue.look_at_all(catalog.roots()[1])}
    found = [known.get(folder) or queue.look(folder) for folder in folders]
    if any((training.folder / layout.WEIGHTS).is_file() or not training.folder.is_dir() for training in found):
        st.rerun()
    st.subheader("No model yet", anchor=False)
    for training in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{markdown(training.name)}**", width="content")
            st.badge(phases.phase(training), color=phases.PHASES[training.phase][1])
            st.caption(stands(training), width="stretch")
            if st.button("Show on Train", key=f"train-{training.name}", icon=":material/model_training:"):
                train_state.open_run(training.name)


def stands(training: queue.Training) -> str:
    """What is to be known of a training without a model: how far it is, or why it has none."""
    if training.phase == "failed":
        return markdown(training.message or "It failed; its log tells more.")
    if training.phase in ("running", "loading", "stopping", "silent"):
        return f"{phases.progress(training)}. The first checkpoint makes it a model."
    if training.phase == "interrupted":
        return "Its process ended before the first checkpoint; it can be started again."
    if training.phase == "queued":
        return "It starts by itself when the trainings before it have ended."
    return "It was never started." if training.phase == "new" else "It ended before its first checkpoint."


def damaged(entries: list[catalog.Entry]) -> None:
    """Folders that cannot be opened, each with what to do."""
    st.subheader("Cannot be opened", anchor=False)
    for entry in entries:
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f":material/folder_off: **{entry.name}**")
            st.caption(entry.broken)


widgets.page_header("GWAE Explorer", SENTENCE)
found = catalog.entries()
ready = [entry for entry in found if entry.broken is None]
pictures = []
if ready:
    st.caption("Upper row: test pictures; lower row: what the model makes of them. A number's name opens its protocol.")
    pictures = gallery(ready)
else:
    widgets.no_models()
young = [entry.path for entry in found if entry.untrained and not entry.bundled]
if young:
    live = any(queue.look(folder).phase in (*queue.ACTIVE, "queued") for folder in young)
    st.fragment(starting, run_every=POLL_SECONDS if live else None)(young)
if broken := [entry for entry in found if entry.broken and entry.path not in young]:
    damaged(broken)
state.mirror()  # a page is linkable before its last picture is there
for place, model in zip(pictures, ready, strict=True):
    with place.container(gap=None):
        decoded(model)
