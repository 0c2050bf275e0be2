"""OoD: how well a model tells that a picture is none of its kind, and whether yours is."""

from __future__ import annotations

import streamlit as st

from explorer.ood import page
from explorer.shared import widgets

widgets.page_header(
    "Out of distribution",
    "A model should know what it does not know: how well its scores separate pictures of another kind from its own, "
    "and whether a trivial measurement would have done as well.",
)
entry = widgets.require_model()
with widgets.user_errors(), st.container(gap="medium"):
    page.show(entry)
