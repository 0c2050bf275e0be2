"""One's own pictures before a training begins: some of them, how many there are, and what is understood of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer.shared.escape import markdown
from explorer.train import strips
from explorer.train import uploads as train_uploads
from trainer.config import Config
from trainer.data import default_data_root, survey
from trainer.data.collect import gather
from trainer.errors import UserError
from trainer.training.conditions import conditions, remarks

FRESH_SECONDS = 20


def show(settings: Config, path: str, files: Sequence[UploadedFile]) -> None:
    """Say which splits and classes were found and what is left out, and what these settings need beyond that."""
    try:
        if files:
            found = _of_files(tuple((each.file_id, each.name) for each in files), files)
        elif path:
            found = _of_path(path)
        else:
            return
    except UserError as error:
        st.caption(f":material/error: {markdown(error)}")
        return
    if len(found.thumbnails):
        pictures = f"{len(found.thumbnails)} of {found.training + found.test:,} pictures"
        strips.draw(pictures, [found.thumbnails], "train-thumbnails", scale=1)
    st.caption(f":material/info: Understood: {markdown(found.about)}")
    takes = (
        f"{settings.data.size}x{settings.data.size} pixels, {'grey' if settings.data.channels == 1 else 'in colour'}"
    )
    st.caption(f":material/crop: The model takes them as squares of {takes}; the sides of others are cropped.")
    held = max(1, round(settings.data.validation * found.training))
    left = found.training - held
    for sentence in [*conditions(settings, left), *remarks(settings, left, found.test)]:
        st.warning(markdown(sentence[:1].upper() + sentence[1:]), icon=":material/warning:")


@st.cache_data(max_entries=4, ttl=FRESH_SECONDS, show_spinner="Looking at the pictures …")
def _of_path(path: str) -> survey.Survey:
    return survey.survey(path, default_data_root())


@st.cache_data(max_entries=2, show_spinner="Looking at the pictures …")
def _of_files(identity: tuple, _files: Sequence[UploadedFile]) -> survey.Survey:
    with ExitStack() as stack:
        given = [(each.name, each.getvalue()) for each in _files]
        return survey.of_collection(train_uploads.together(gather(stack, given)))
