"""One's own pictures for a training: uploaded files, or a path on this machine; kept while other pages are shown.

Streamlit forgets what a widget holds as soon as its page is not shown, so the choice lies beside the widgets' keys.
"""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from explorer.shared import widgets

SOURCES = {"upload": "Upload", "path": "Folder or zip on this machine"}
_SOURCE, _PATH, _UPLOAD = "train.source", "train.path", "train.upload"
_KEPT, _BEFORE = "train.kept.{}", "train.kept.before"


def source() -> str:
    """Return a key of SOURCES."""
    return st.session_state.setdefault(_KEPT.format(_SOURCE), "upload")


def path() -> str:
    """Return the path on this machine, an empty string where none was named or pictures are uploaded."""
    return st.session_state.get(_KEPT.format(_PATH), "").strip() if source() == "path" else ""


def files() -> list[UploadedFile]:
    """Return the uploaded files, none where a path is named; those chosen before another page was shown come first."""
    if source() == "path":
        return []
    return [*st.session_state.get(_BEFORE, []), *st.session_state.get(_KEPT.format(_UPLOAD), [])]


def forget_files() -> None:
    """Forget the uploaded files."""
    for key in (_UPLOAD, _KEPT.format(_UPLOAD), _BEFORE):
        st.session_state.pop(key, None)


def show() -> None:
    """Draw the upload, or the path on this machine."""
    with st.container(border=True, gap="small", key="train-own"):
        st.session_state[_SOURCE] = source()
        widgets.segments("Your pictures", SOURCES, label_visibility="collapsed", **_kept(_SOURCE))
        if source() == "path":
            st.session_state[_PATH] = st.session_state.get(_KEPT.format(_PATH), "")
            st.text_input("Path", placeholder="/home/me/photos or /home/me/photos.zip", **_kept(_PATH))
            st.caption(
                "Any sizes and formats (PNG, JPEG, GIF, WebP, BMP, TIFF); sub-folders may be classes, or be called "
                "train and test. The centre square is used. Broken files are listed and left out."
            )
        else:
            _upload()


def _upload() -> None:
    """Draw the uploader, which comes back empty after another page was shown, and what was chosen before."""
    if _UPLOAD not in st.session_state:
        st.session_state[_BEFORE], st.session_state[_KEPT.format(_UPLOAD)] = files(), []
    st.file_uploader("Pictures or zips of pictures", accept_multiple_files=True, **_kept(_UPLOAD))
    if before := st.session_state[_BEFORE]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="train-before"):
            count = f"{len(before):,} files" if len(before) > 1 else "1 file"
            st.caption(f":material/attach_file: {count} chosen before, still here.", width="content")
            st.button("Remove", key="train.remove", type="tertiary", on_click=forget_files)
    st.caption(
        "They are stored in the run's folder on this machine, and deleted with it. Broken files are listed and left "
        "out."
    )


def _kept(key: str) -> dict:
    """Return key and callback of a widget whose value is kept."""
    return {"key": key, "on_change": _take, "args": (key,)}


def _take(key: str) -> None:
    value = st.session_state[key]
    if value is not None:
        st.session_state[_KEPT.format(key)] = value
