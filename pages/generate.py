"""Generate: samples of the prior, how near they are to the data, and how well pictures survive."""

from __future__ import annotations

import streamlit as st

from explorer.generate import page
from explorer.shared import widgets

widgets.page_header(
    "Generate",
    "Samples of the prior, decoded as you look: do they look like the data, and do they cover it?",
)
entry = widgets.require_model()
with widgets.user_errors(), st.container(gap="medium"):
    page.show(entry)
