"""Traverse: start from a code, move its axes, and see what each of them does to the picture."""

from __future__ import annotations

import streamlit as st

from explorer.shared import widgets
from explorer.traverse import page

widgets.page_header(
    "Traverse",
    "Start from a picture, move the axes of its code, and watch what each of them has learned.",
)
entry = widgets.require_model()
with widgets.user_errors(), st.container(gap="medium"):
    page.show(entry)
