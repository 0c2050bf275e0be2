"""Opening page Train in AppTest."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from explorer.shared.links import TrainState
from tests.pages.reading import checked

PAGE = "../pages/train.py"


def opened(app: AppTest, **fields) -> AppTest:
    app.run()
    app.session_state["gwae.state.TrainState"] = TrainState(**({"preset": "mnist-gmp"} | fields))
    app.switch_page(PAGE).run()
    return checked(app)
