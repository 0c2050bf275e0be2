"""New training: data set, model, settings, the estimated time, and the button that starts it."""

from collections.abc import Iterable

import streamlit as st

from explorer.shared import catalog, progress, widgets
from explorer.shared.escape import markdown
from explorer.shared.links import TrainState
from explorer.shared.phases import duration
from explorer.train import form, own_pictures, presets, quick, understood, uploads
from explorer.train.presets import MODELS, OWN
from explorer.train.state import bound, change, current
from trainer import config
from trainer.data import DATASETS, default_data_root
from trainer.data.survey import located
from trainer.errors import UserError
from trainer.jobs import estimate, queue, quick_look
from trainer.manage import runs
from trainer.runs import folder, layout


def show() -> None:
    """Draw the view."""
    view, recipes = current(), presets.presets()
    if view.preset not in recipes:
        change(preset=next(iter(recipes)))
        view = current()
    preset = recipes[view.preset].settings
    data = _data(view, preset)
    _choices(view, recipes, data)
    if data == OWN:
        own_pictures.show()
    to_fit = quick.settings_of(view, preset, data, own_pictures.path())
    values = _values(view, quick.fitted(to_fit) if to_fit else preset, data)
    form.main_settings(values)
    with st.expander("All settings", icon=":material/tune:"):
        form.all_settings(values)
    with widgets.user_errors():
        _actions(values, data, to_fit)


def _data(view: TrainState, preset: config.Config) -> str:
    """Return the data set: a quick look is at one's own pictures unless another is chosen."""
    if view.data in DATASETS:
        return view.data
    return OWN if view.preset == quick_look.RECIPE else preset.data.name


def _choices(view: TrainState, recipes: dict[str, presets.Preset], data: str) -> None:
    """Draw the choices of preset, data set, model and name in one row, and a sentence on each."""
    preset = recipes[view.preset].settings
    choice = view.choice if view.choice in MODELS else presets.choice_of(preset)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="train-choices"):
        tied = bound("preset", data="", choice="", changes=(), name="")
        named = {name: quick.TITLE if name == quick_look.RECIPE else name for name in _quick_first(recipes)}
        st.selectbox(
            "Start from", list(named), format_func=named.get, width=170, help="A recipe of trainer/configs.", **tied
        )
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
    if view.preset == quick_look.RECIPE:
        st.caption(quick.ABOUT)
    st.caption(f"{MODELS[choice].purpose} {about} {_whereabouts(data)}")


def _quick_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: name != quick_look.RECIPE)  # the sort is stable


def _suggestion(view: TrainState, data: str, choice: str) -> str:
    """Return a free name for the run."""
    own = "pictures" if data == OWN else data
    base = view.preset if not (view.data or view.choice) else f"{own}-{choice.removeprefix('gwae-')}"
    return runs.free_name(catalog.roots()[1], base)


def _whereabouts(data: str) -> str:
    """Return where the training reads the pictures."""
    if data in (OWN, "shapes3d-rendered"):
        return ""
    absent = "the training names the source" if data == "celeba" else "it is downloaded"
    return f"Read from `{default_data_root().resolve()}`; if it is absent, {absent}."


def _values(view: TrainState, start: config.Config, data: str) -> dict:
    """Return the nested values of the form; the path of uploads is that in the run's folder."""
    path = own_pictures.path() if own_pictures.source() == "path" else layout.PICTURES
    values = presets.draft(start, data, view.choice, view.changes, view.name, path)
    choice = view.choice if view.choice in MODELS else presets.choice_of(start)
    if not view.name:
        values["name"] = _suggestion(view, data, choice)
    return values


# --- estimate, recipe, start ------------------------------------------------------------------------------------------


def _actions(values: dict, data: str, to_fit: config.Config | None) -> None:
    """Draw the buttons for start, recipe and estimate.

    Args:
        to_fit: the settings of a quick look before they are fitted to this machine, else None.

    Raises: UserError if the settings are not valid, or nothing can be stored.
    """
    if data == OWN and not values["data"]["path"]:
        st.caption(":material/info: Name the folder or zip with your pictures to continue.")
        return
    try:
        settings = config.from_dict(values, "These settings")
    except UserError as error:
        raise UserError(form.in_words(str(error))) from error
    if data == OWN:
        understood.show(settings, own_pictures.path(), own_pictures.files())
    if to_fit and (data != OWN or own_pictures.path() or own_pictures.files()) and not quick.prepare(to_fit):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="train-actions"):
        if st.button("Start training", type="primary", icon=":material/play_arrow:", key="train.start"):
            with st.spinner("Starting …"):
                _start(settings, data)
        with st.popover("Recipe and command", icon=":material/terminal:", type="secondary"):
            data_root = None if data in (OWN, "shapes3d-rendered") else default_data_root().resolve()
            form.recipe(settings, catalog.roots()[1], data_root, 520)
        if to_fit and settings.optim.max_steps == quick.fitted(to_fit).optim.max_steps:
            quick.describe(to_fit)
        else:
            _estimate(settings)


def _start(settings: config.Config, data: str) -> None:
    """Make the run folder, store uploads in it, start or queue the training, and show it.

    Raises: UserError if the name is taken, nothing was uploaded, or the folder cannot be written.
    """
    root = catalog.roots()[1]
    runs.check_name(root, settings.name)
    files = own_pictures.files()
    uploading = data == OWN and own_pictures.source() == "upload"
    if uploading and not files:
        raise UserError("No pictures were chosen yet; upload some, or name their folder on this machine.")
    if data == OWN and not uploading:
        settings = _absolute(settings)
    made = folder.create(root / settings.name, settings)
    try:
        if uploading:
            chosen = [(each.name, each.getvalue()) for each in files]
            packed = uploads.pack(chosen, made.path / layout.PICTURES)
            if packed.skipped:
                first = markdown(packed.skipped[0])
                st.toast(f"{len(packed.skipped)} files were left out; the first: {first}", duration="long")
        queue.start(made.path, default_data_root().resolve())
    except UserError:
        runs.delete(made.path)
        raise
    change(view="runs", run=settings.name, name="")
    own_pictures.forget_files()
    st.rerun()


def _absolute(settings: config.Config) -> config.Config:
    """Return the settings with an absolute path to the pictures: later processes start in other folders.

    Raises: UserError if there is nothing at the path.
    """
    path = located(settings.data.path or "", default_data_root())
    if not path.exists():
        raise UserError(f"{path}: no such folder or zip on this machine; correct the path.")
    data = settings.data.model_dump() | {"path": str(path)}
    return config.from_dict(settings.model_dump() | {"data": data})


def _estimate(settings: config.Config) -> None:
    """Draw the button that estimates the time, or the result."""
    job = estimate.job(settings)
    result = estimate.read(job.target)
    if progress.show(job, "train.estimate").is_running:
        return
    if st.button("Estimate again" if result else "Estimate time", icon=":material/timer:", key="train.estimate"):
        estimate.launch(settings)
        st.rerun()
    if result:
        text = f"About **{duration(result.alone)}** for {settings.optim.max_steps:,} steps"
        if result.total > 1.5 * result.alone:
            text += f", {duration(result.total)} while this machine is as busy as now"
        threads = f"{result.threads} thread{'s' * (result.threads > 1)}"
        measured = f"A few real steps, timed here with {threads}: {1000 * result.main:.0f} ms each."
        st.markdown(f"{text}. :gray[{measured}]", width="content")
