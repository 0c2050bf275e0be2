"""Names of axes: with an own run on the disk and in the link, of a bundled model in the link alone."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog
from tests.fixtures import make_run
from trainer.manage import axis_names as store
from trainer.runs import layout
from trainer.system import ROOT

SCRIPT = """
import streamlit as st
from explorer.shared import axis_names, own_axis_names, state, widgets
state.begin_page("traverse")
widgets.model_picker()
entry = state.selected_model()
for axis, name in st.session_state.pop("to_name", []):
    own_axis_names.give(entry, axis, name)
if other := st.session_state.pop("to_open", ""):
    state.select_model(other)
    entry = state.selected_model()
state.mirror()
st.session_state["names"] = [str(name) for name in axis_names.names(entry)[:3]]
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    make_run(tmp_path / "runs" / "own", pictures=20)
    shutil.copytree(tmp_path / "runs" / "own", tmp_path / "bundled" / "given")
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "bundled", tmp_path / "runs"))
    return tmp_path


def opened(**link: str) -> AppTest:
    app = AppTest.from_string(SCRIPT)
    for name, value in link.items():
        app.query_params[name] = value
    return ran(app)


def ran(app: AppTest, **wanted) -> AppTest:
    for name, value in wanted.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app


def test_an_own_run_keeps_its_names(models):
    app = ran(opened(model="own"), to_name=[(2, "slant"), (0, "a,_b%"), (1, "x"), (1, "")])
    assert app.session_state["names"] == ["z0, a,_b%", "z1", "z2, slant"]
    assert store.read(models / "runs" / "own").by_axis == {0: "a,_b%", 2: "slant"}
    again = opened(model="own")
    assert again.session_state["names"] == app.session_state["names"]
    assert again.query_params == app.query_params, "the link holds stored names, too"
    store.write(models / "runs" / "own", "abc", {2: "lean"}, 8)
    assert ran(again).session_state["names"] == ["z0", "z1", "z2, lean"], "named anew elsewhere"


def test_a_bundled_model_is_named_in_the_link_alone(models):
    app = ran(opened(model="given"), to_name=[(2, "slant")])
    assert not (models / "bundled" / "given" / layout.AXIS_NAMES).exists()
    link = {name: "".join(values) for name, values in app.query_params.items()}
    assert link == {"model": "given", "names": "2_slant"}
    assert opened(**link).session_state["names"][2] == "z2, slant"
    assert opened(model="given").session_state["names"][2] == "z2"
    other = ran(app, to_open="own")
    assert other.session_state["names"][2] == "z2", "they are the other model's"
    assert "names" not in other.query_params
    assert ran(other, to_open="given").session_state["names"][2] == "z2, slant"


def test_names_of_a_link_are_shown_and_never_written(models):
    app = opened(model="own", names="2_slant,9999_x,-1_y,x_z,²_a,1_,0_" + "%250a" * 40)
    assert app.session_state["names"][1:] == ["z1", "z2, slant"]
    assert len(app.session_state["names"][0]) <= len("z0, ") + store.LONGEST
    assert not (models / "runs" / "own" / layout.AXIS_NAMES).exists()


def test_visitors_name_axes_in_their_link(models, monkeypatch):
    monkeypatch.setenv("GWAE_MODE", "view")
    app = ran(opened(model="own"), to_name=[(2, "slant")])
    assert app.session_state["names"][2] == "z2, slant"
    assert not (models / "runs" / "own" / layout.AXIS_NAMES).exists()


def test_what_every_page_starts_with_reads_no_measurements():
    code = "import sys; from explorer.shared import cache, exposure, state, theme, widgets\n"
    code += (
        "print([name for name in sys.modules if name.startswith(('trainer.evaluation', 'trainer.jobs.disentangle'))])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1:] == ["[]"], run.stderr
