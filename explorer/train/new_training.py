"""New training: what to train, on which pictures, how long it will take, and the button that starts it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.shared import catalog, progress, widgets
from explorer.shared.links import TrainState
from explorer.shared.phases import duration
from explorer.train import form
from explorer.train import presets as train_choices
from explorer.train import uploads as train_uploads
from explorer.train.presets import MODELS, OWN
from explorer.train.state import bound, change, current
from trainer import config
from trainer.data import DATASETS, default_data_root
from trainer.errors import UserError
from trainer.jobs import estimate, queue
from trainer.manage import runs as housekeeping
from trainer.runs import folder as runs
from trainer.runs import layout

_PATH, _UPLOAD, _SOURCE = "train.path", "train.upload", "train.source"
SOURCES = {"upload": "Upload", "path": "Folder or zip on this machine"}


def show() -> None:
    """The whole view."""
    view = current()
    presets = train_choices.presets()
    if view.preset not in presets:
        change(preset=next(iter(presets)))
        view = current()
    preset = presets[view.preset]
    _choices(view, presets)
    data = view.data or preset.settings.data.name
    if data == OWN:
        _own_pictures()
    values = _values(view, preset.settings)
    form.main_settings(values)
    with st.expander("All settings", icon=":material/tune:"):
        form.all_settings(values)
    with widgets.user_errors():
        _actions(values, data)


def _choices(view: TrainState, presets: dict[str, train_choices.Preset]) -> None:
    """Preset, data set, model and name in one row, and what they are in a sentence each."""
    preset = presets[view.preset].settings
    data = view.data if view.data in DATASETS else preset.data.name
    choice = view.choice if view.choice in MODELS else train_choices.choice_of(preset)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="train-choices"):
        clean = {"data": "", "choice": "", "changes": (), "name": ""}
        tied = bound("preset", **clean)
        st.selectbox("Start from", list(presets), width=170, help="A recipe of trainer/configs.", **tied)
        titles = {name: info.title for name, info in DATASETS.items()} | {OWN: "Your own pictures"}
        kept = tuple(text for text in view.changes if not text.startswith("data."))
        st.selectbox("Data set", list(titles), format_func=titles.get, width=214, **bound("data", data, changes=kept))
        names = {name: model.title for name, model in MODELS.items()}
        st.selectbox("Model", list(names), format_func=names.get, width=290, **bound("choice", choice, changes=()))
        suggestion = _suggestion(view, data, choice)
        st.text_input("Name", placeholder=suggestion, width=180, max_chars=64, **bound("name"))
    info = DATASETS[data]
    source = f"[{info.url.removeprefix('https://').split('/')[0]}]({info.url})" if info.url else ""
    about = f"**{titles[data]}**, licence: {info.licence}." + (f" From {source}." if source else "")
    st.caption(f"{MODELS[choice].purpose} {about} {_whereabouts(data)}")


def _suggestion(view: TrainState, data: str, choice: str) -> str:
    """A free name for the run."""
    own = "pictures" if data == OWN else data
    base = view.preset if not (view.data or view.choice) else f"{own}-{choice.removeprefix('gwae-')}"
    return housekeeping.free_name(catalog.roots()[1], base)


def _whereabouts(data: str) -> str:
    """Where the pictures are looked for."""
    if data in (OWN, "shapes3d-rendered"):
        return ""
    absent = "the training says where to get it" if data == "celeba" else "it is downloaded there"
    return f"Looked for in `{default_data_root().resolve()}`; if it is absent, {absent}."


def _own_pictures() -> None:
    """A path on this machine, or an upload."""
    with st.container(border=True, gap="small", key="train-own"):
        st.session_state.setdefault(_SOURCE, "upload")
        st.segmented_control(
            "Your pictures",
            list(SOURCES),
            format_func=SOURCES.get,
            required=True,
            key=_SOURCE,
            label_visibility="collapsed",
        )
        if st.session_state[_SOURCE] == "path":
            st.text_input("Path", key=_PATH, placeholder="/home/me/photos or /home/me/photos.zip")
            st.caption(
                "Any sizes and formats (PNG, JPEG, GIF, WebP, BMP, TIFF); sub-folders may be classes, or be called "
                "train and test. The centre square is used. Broken files are listed and left out."
            )
        else:
            st.file_uploader("Pictures or zips of pictures", accept_multiple_files=True, key=_UPLOAD)
            st.caption(
                "They stay in the run's own folder on this machine, and go with it when you delete it. Broken files "
                "are listed and left out."
            )


def _values(view: TrainState, preset: config.Config) -> dict:
    """The nested values of the form; for uploads with the path that they will have in the run's folder."""
    path = layout.PICTURES
    if st.session_state.get(_SOURCE) == "path":
        path = (st.session_state.get(_PATH) or "").strip()
    values = train_choices.draft(preset, view.data, view.choice, view.changes, view.name, path)
    choice = view.choice if view.choice in MODELS else train_choices.choice_of(preset)
    if not view.name:
        values["name"] = _suggestion(view, values["data"]["name"], choice)
    return values


# --- estimate, recipe, start ------------------------------------------------------------------------------------------


def _actions(values: dict, data: str) -> None:
    """Start, estimate and recipe, or the sentence on what does not fit together.

    Raises: UserError if the settings are not valid.
    """
    if data == OWN and not values["data"]["path"]:
        st.caption(":material/info: Name the folder or zip with your pictures to go on.")
        return
    try:
        settings = config.from_dict(values, "These settings")
    except UserError as error:
        raise UserError(form.in_words(str(error))) from error
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="train-actions"):
        if st.button("Start training", type="primary", icon=":material/play_arrow:", key="train.start"):
            with st.spinner("Starting …"):
                _start(settings, data)
        _recipe(settings, data)
        _estimate(settings)


def _start(settings: config.Config, data: str) -> None:
    """Make the run folder, put uploads into it, start or queue it, and show it.

    Raises: UserError if the name is taken, nothing was uploaded, or the folder cannot be written.
    """
    root = catalog.roots()[1]
    housekeeping.check_name(root, settings.name)
    uploads = st.session_state.get(_UPLOAD) or []
    uploading = data == OWN and st.session_state.get(_SOURCE) == "upload"
    if uploading and not uploads:
        raise UserError("No pictures were chosen yet; upload some, or name their folder on this machine.")
    if data == OWN and not uploading:
        settings = _absolute(settings)
    made = runs.create(root / settings.name, settings)
    try:
        if uploading:
            chosen = [(each.name, each.getvalue()) for each in uploads]
            packed = train_uploads.pack(chosen, made.path / layout.PICTURES)
            if packed.skipped:
                st.toast(f"{len(packed.skipped)} files were left out; the first: {packed.skipped[0]}", duration="long")
        queue.start(made.path, _data_root())
    except UserError:
        housekeeping.delete(made.path)
        raise
    change(view="runs", run=settings.name, name="")
    st.session_state.pop(_UPLOAD, None)
    st.rerun()


def _absolute(settings: config.Config) -> config.Config:
    """The path to one's own pictures, whatever folder a later process starts in.

    Raises: UserError if there is nothing there.
    """
    path = Path(settings.data.path or "").expanduser()
    if not path.exists():
        raise UserError(f"{path}: no such folder or zip on this machine; correct the path.")
    data = settings.data.model_dump() | {"path": str(path.resolve())}
    return config.from_dict(settings.model_dump() | {"data": data})


def _data_root() -> Path:
    return default_data_root().resolve()


def _recipe(settings: config.Config, data: str) -> None:
    """The recipe as YAML, and the command that does what the button does."""
    with st.popover("Recipe and command", icon=":material/terminal:", type="secondary"):
        text = train_choices.recipe_text(settings)
        st.code(text, language="yaml", width=520)
        st.download_button(
            "Download YAML", text, f"{settings.name}.yaml", "text/yaml", icon=":material/download:", on_click="ignore"
        )
        st.caption("With this file in the current folder, the same from the command line:")
        root = None if data in (OWN, "shapes3d-rendered") else _data_root()
        st.code(train_choices.command(settings, catalog.roots()[1], root), language="bash", wrap_lines=True, width=520)


def _estimate(settings: config.Config) -> None:
    """How long it will take, measured here on request."""
    job = estimate.job(settings)
    found = estimate.read(job.target)
    if progress.show(job, "train.estimate").is_running:
        return
    label = "Measure again" if found else "How long will it take?"
    if st.button(label, icon=":material/timer:", key="train.estimate"):
        estimate.launch(settings)
        st.rerun()
    if found:
        st.markdown(_told(found, settings), width="content")


def _told(found: estimate.Estimate, settings: config.Config) -> str:
    """The estimate as a sentence, with how it was measured."""
    text = f"About **{duration(found.alone)}** for {settings.optim.max_steps:,} steps"
    if found.total > 1.5 * found.alone:
        text += f", {duration(found.total)} while this machine is as busy as now"
    threads = f"{found.threads} thread{'s' * (found.threads > 1)}"
    return f"{text}. :gray[A few real steps, timed here with {threads}: {1000 * found.main:.0f} ms each.]"
