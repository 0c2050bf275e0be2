"""Rename, tag, export, import and delete runs."""

import tempfile
from pathlib import Path

import streamlit as st

from explorer.shared import catalog, widgets
from explorer.shared.escape import code, markdown
from explorer.train.state import change
from trainer.errors import UserError
from trainer.jobs import task
from trainer.manage import archive, runs
from trainer.runs.status import Training, look_at_all

MAX_IMPORT = 50  # MiB, as the server enforces (server.maxUploadSize)


def menu(training: Training) -> None:
    """Draw the popover with what is needed less often."""
    with st.popover("More", icon=":material/more_horiz:", key=f"train.more.{training.name}"):
        measured = task.is_busy(training.folder)
        busy = training.is_live or measured
        _names(training, busy)
        _export(training)
        if st.button("Delete …", icon=":material/delete:", key="train.delete", disabled=busy, width="stretch"):
            _confirm(training)
        if busy:
            what = "being measured" if measured else "training or waiting"
            st.caption(f"A run that is {what} can be renamed or deleted once it is stopped.")


def _names(training: Training, busy: bool) -> None:
    name, tags = st.session_state.get("train.rename"), runs.tags(training.folder)
    if st.session_state.get("train.menu") != training.name:
        st.session_state["train.menu"] = training.name
        name = training.name
    st.session_state["train.rename"] = name
    st.session_state["train.tags"] = list(tags)
    st.text_input("Name", key="train.rename", max_chars=64, disabled=busy, on_change=_rename, args=(training.folder,))
    st.multiselect(
        "Tags",
        sorted({*tags, *_all_tags()}),
        accept_new_options=True,
        key="train.tags",
        on_change=_tag,
        args=(training.folder,),
        placeholder="Add a tag",
    )
    if problem := st.session_state.pop("train.problem", None):
        st.error(markdown(problem), icon=":material/error:")


def _all_tags() -> set[str]:
    return {tag for training in look_at_all(catalog.roots()[1]) for tag in runs.tags(training.folder)}


def _rename(folder: Path) -> None:
    try:
        change(run=runs.rename(folder, st.session_state["train.rename"].strip()).name)
    except UserError as error:
        st.session_state["train.problem"] = str(error)


def _tag(folder: Path) -> None:
    try:
        runs.tag(folder, st.session_state["train.tags"])
    except UserError as error:
        st.session_state["train.problem"] = str(error)


def _export(training: Training) -> None:
    """Offer the run as a zip, made when it is asked for."""
    content = "Model, metrics, history and checkpoint; without uploaded pictures."
    look = {"icon": ":material/folder_zip:", "key": "train.export", "width": "stretch", "help": content}
    widgets.download(
        "Export as zip",
        lambda: _zip(training.folder),
        f"{training.name}.zip",
        "application/zip",
        is_shared=False,
        **look,
    )


def _zip(folder: Path) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "run.zip"
        archive.export(folder, out)
        return out.read_bytes()


@st.dialog("Delete this run?")
def _confirm(training: Training) -> None:
    size = runs.size(training.folder) / 2**20
    st.markdown(
        f"**{markdown(training.name)}** with its model, history, checkpoint and uploaded pictures, {size:,.1f} MiB in "
        f"{code(training.folder)}, is removed for good."
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="train.keep"):
            st.rerun()
        if st.button("Delete", type="primary", icon=":material/delete:", key="train.delete.confirmed"):
            with widgets.user_errors():
                runs.delete(training.folder)
                change(run="")
                st.rerun()


def import_panel() -> None:
    """Draw the import of a run from a zip that was exported here or on another machine."""
    given = st.file_uploader("Import a run (zip)", type=["zip"], key="train.import", max_upload_size=MAX_IMPORT)
    st.caption(
        f"A zip exported from this page, at most {MAX_IMPORT} MiB; other files than those of a run are left out."
    )
    if given is not None and st.button("Import", icon=":material/upload:", key="train.import.go"):
        root = catalog.roots()[1]
        with widgets.user_errors(), tempfile.TemporaryDirectory() as place:
            path = Path(place) / "run.zip"
            path.write_bytes(given.getvalue())
            made = archive.import_zip(path, root, Path(given.name).stem)
            change(view="runs", run=made.name)
            st.rerun()
