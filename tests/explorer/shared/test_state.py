from __future__ import annotations

import random
from typing import Literal

import pytest
from pydantic import Field
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog, state
from trainer.jobs import idle


class View(state.PageState):
    start: str = "test-0"
    axis: int = Field(0, ge=0, lt=64)
    zoom: float = 1.0
    z: tuple[float, ...] = ()
    tags: list[str] = ["a"]
    steps: Literal[5, 7, 9] = 7
    mode: Literal["linear", "spherical"] = "linear"
    invert: bool = False
    end: str | None = None


def test_defaults_leave_no_trace_in_the_url():
    assert state.encode(View()) == {}
    assert state.decode(View, {}) == (View(), [])


def test_values_are_compact():
    view = View(axis=3, zoom=-0.25, z=(1.0, -0.00004, 0.12345), invert=True)
    assert state.encode(view) == {"axis": "3", "zoom": "-0.25", "z": "1,0,0.123", "invert": "1"}


@pytest.mark.parametrize("seed", range(20))
def test_the_url_gives_the_state_back(seed):
    draw = random.Random(seed)
    view = View(
        start=draw.choice(["prior-3", "a,b%2C=&?#é", "1", "true"]),
        axis=draw.randrange(64),
        zoom=round(draw.uniform(-9, 9), 3),
        z=tuple(round(draw.gauss(0, 2), 3) for _ in range(draw.randrange(9))),
        tags=draw.choice([[], ["x,y", "%2C", "z"], ["1", "2"]]),
        steps=draw.choice([5, 7, 9]),
        mode=draw.choice(["linear", "spherical"]),
        invert=draw.random() < 0.5,
        end=draw.choice([None, "b"]),
    )
    assert state.decode(View, state.encode(view)) == (view, [])


def test_empty_can_be_told_from_the_default():
    assert state.encode(View(tags=[])) == {"tags": ""}
    assert state.decode(View, {"tags": ""})[0].tags == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("axis", "x"),
        ("axis", "64"),
        ("axis", "1.5"),
        ("zoom", "nan"),
        ("zoom", "1e999"),
        ("z", "1,two"),
        ("steps", "6"),
        ("mode", "7"),
        ("invert", "maybe"),
    ],
)
def test_a_wrong_value_falls_back_alone(name, text):
    view, bad = state.decode(View, {name: text, "start": "kept"})
    assert view == View(start="kept")
    assert bad == [name]


def test_foreign_names_are_ignored():
    assert state.decode(View, {"utm_source": "x", "model": "y"}) == (View(), [])


def test_a_type_that_no_url_holds_is_a_fault():
    class Wrong(state.PageState):
        table: dict[str, int] = {"a": 1}

    with pytest.raises(TypeError, match="dict"):
        state.encode(Wrong())


APP = """
import streamlit as st
from explorer.shared import state
page = st.navigation([st.Page("one.py", title="One", default=True), st.Page("two.py", title="Two")])
state.begin_page(page.url_path)
state.select_model("m")
page.run()
state.mirror()
"""
ONE = """
import streamlit as st
from explorer.shared import state
class One(state.PageState):
    axis: int = 0
    word: str = "a"
view = state.load(One)
if st.button("next"):
    view = view.model_copy(update={"axis": view.axis + 1})
    state.save(view)
st.text(f"{view.axis} {view.word}")
"""
TWO = """
import streamlit as st
from explorer.shared import state
class Two(state.PageState):
    axis: int = 7
class One(state.PageState):
    axis: int = 0
    word: str = "a"
view = state.load(Two)
if st.button("prepare"):
    state.save(One(axis=40))
st.text(str(view.axis))
"""


@pytest.fixture
def app(tmp_path) -> AppTest:
    for name, source in (("app", APP), ("one", ONE), ("two", TWO)):
        (tmp_path / f"{name}.py").write_text(source)
    return AppTest.from_file(str(tmp_path / "app.py"), default_timeout=20)


def test_a_link_opens_the_view_it_describes(app):
    app.query_params["axis"] = "3"
    app.run()
    assert app.text[0].value == "3 a"
    assert app.query_params == {"model": "m", "axis": "3"}
    assert not app.toast


def test_the_url_follows_the_view_and_never_overrules_it(app):
    app.run()
    assert app.query_params == {"model": "m"}
    app.button[0].click().run()
    assert app.query_params == {"model": "m", "axis": "1"}
    app.query_params["axis"] = "0"  # a request that was sent before the browser had heard of the new URL
    app.button[0].click().run()
    assert app.text[0].value == "2 a"
    assert app.query_params["axis"] == "2"


def test_a_wrong_link_is_told_of_gently_and_once(app):
    app.query_params["axis"] = "many"
    app.query_params["word"] = "b"
    app.run()
    assert app.text[0].value == "0 b"
    assert "axis" in app.toast[0].value
    assert app.query_params == {"model": "m", "word": "b"}
    app.run()
    assert not app.toast


def test_pages_keep_their_state_and_their_part_of_the_url(app):
    app.query_params["axis"] = "3"
    app.run()
    app.switch_page("two.py").run()
    assert app.text[0].value == "7"  # not the 3 that the URL still held
    assert app.query_params == {"model": "m"}
    app.switch_page("one.py").run()
    assert app.text[0].value == "3 a"
    assert app.query_params == {"model": "m", "axis": "3"}


def test_another_pages_view_can_be_prepared(app):
    app.run()
    app.switch_page("two.py").run()
    app.button[0].click().run()
    assert app.query_params == {"model": "m"}
    app.switch_page("one.py").run()
    assert app.text[0].value == "40 a"
    assert app.query_params == {"model": "m", "axis": "40"}


@pytest.mark.parametrize("happens", ["state.begin_page('p')", "state.save(State())", "None"])
def test_using_the_app_asks_trainings_to_make_room(tmp_path, monkeypatch, happens):
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", tmp_path))
    script = f"from explorer.shared import state\nclass State(state.PageState):\n    zoom: float = 1.0\n{happens}"
    assert not AppTest.from_string(script).run().exception
    assert idle.note(tmp_path).exists() == (happens != "None")
