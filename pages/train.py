"""Train: choose pictures and a model, start it, and watch it learn."""

import streamlit as st

from explorer.shared import widgets
from explorer.train import page

widgets.page_header(
    "Train",
    "Train a model on your own pictures or a known data set, and watch it learn. It runs in the background and pauses "
    "while you use the app: close the page, come back, stop and resume it as you like.",
)
with widgets.user_errors(), st.container(gap="medium"):
    page.show()
