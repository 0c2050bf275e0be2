"""Disentangle: which axis of the code carries which factor of the pictures, measured, and to be tried out."""

from __future__ import annotations

import streamlit as st

from explorer.disentangle import page
from explorer.shared import widgets

widgets.page_header(
    "Disentangle",
    "A code is easy to read when each of its axes stands for one thing that varies in the pictures: which axis carries "
    "which factor here, and how cleanly?",
)
entry = widgets.require_model()
with widgets.user_errors(), st.container(gap="medium"):
    page.show(entry)
