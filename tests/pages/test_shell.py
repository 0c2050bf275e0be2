from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from trainer.system import ROOT


def test_the_picker_follows_the_link_and_the_link_the_picker(app):
    app.query_params["model"] = "small-vae"
    app.run()
    assert app.sidebar.selectbox[0].value == "small-vae"
    assert catalog.find("small-vae").hash in app.sidebar.caption[0].value
    app.sidebar.selectbox[0].set_value("small-np").run()
    assert app.query_params["model"] == "small-np"
    assert catalog.find("small-np").hash in app.sidebar.caption[0].value


def test_the_model_stays_chosen_from_page_to_page(app):
    app.query_params["model"] = "small-np"
    app.run()
    app.switch_page("../pages/traverse.py").run()
    assert app.sidebar.selectbox[0].value == "small-np"
    assert app.query_params["model"] == "small-np"
    app.switch_page("../pages/home.py").run()
    assert app.sidebar.selectbox[0].value == "small-np"


def test_a_link_to_an_absent_model_opens_another_and_says_so(app):
    app.query_params["model"] = "gone"
    app.run()
    assert not app.exception
    assert "gone" in app.toast[0].value
    assert app.query_params["model"] == app.sidebar.selectbox[0].value == "small-gmp"


def test_a_model_that_disappears_meanwhile_is_no_accident(app, runs):
    app.query_params["model"] = "small-np"
    app.run()
    (runs / "small-np").unlink()
    app.run()
    assert not app.exception
    assert app.sidebar.selectbox[0].value == "small-gmp"
    assert "small-np" in app.toast[0].value


@pytest.fixture
def shell(runs, tmp_path) -> AppTest:
    """The real app.py above pages of the test's own."""
    (tmp_path / "explorer").mkdir()
    (tmp_path / "pages").mkdir()
    shutil.copy(ROOT / "explorer" / "app.py", tmp_path / "explorer" / "app.py")
    (tmp_path / "pages" / "home.py").write_text("import no_such_module_at_all")
    (tmp_path / "pages" / "traverse.py").write_text(
        "import streamlit as st\nfrom trainer.errors import UserError\n"
        "st.title('before')\nraise UserError('Do this instead.')"
    )
    return AppTest.from_file(str(tmp_path / "explorer" / "app.py"), default_timeout=60)


def test_a_page_that_cannot_be_imported_leaves_the_shell_standing(shell):
    shell.run()
    assert "no_such_module_at_all" in shell.exception[0].message
    assert shell.sidebar.selectbox[0].value == "small-gmp"
    shell.switch_page("../pages/traverse.py").run()
    assert shell.title[0].value == "before"


def test_a_user_error_is_shown_as_its_sentence(shell):
    shell.run()
    shell.switch_page("../pages/traverse.py").run()
    assert [error.value for error in shell.error] == ["Do this instead."]
    assert not shell.exception
