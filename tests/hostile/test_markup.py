"""Names, messages and link values of strangers are shown as they are; cells of CSV files are no formulas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from explorer.shared import catalog, escape
from tests.hostile import folders
from tests.pages.reading import elements, opened
from trainer.manage import axis_names
from trainer.runs import layout
from trainer.system import files

IMAGE, LINK = "![x](http:evil.example)", "[y](http:evil.example)"
MARKUP = f"{IMAGE} {LINK} <img src=http:evil.example> **b** `c` :red[d] $e$"
RENDERED = re.compile(r"!\[x\]\(|(?<!\\)\[y\]\(|(?<!\\)<img|(?<![\\*])\*\*b\*\*|(?<!\\):red\[d\]")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
PLAIN = {
    "text_input", "multiselect", "selectbox", "code", "dataframe", "arrow_data_frame", "bidi_component",
    "json", "text", "imgs",
}  # fmt: skip
"""Elements that show text as it is, or have tests of their own."""


OWN_TAGS = {"style", "table", "thead", "tbody", "tr", "th", "td", "i", "b", "span", "small", "div"}
TAGGED = re.compile(r"<(?!br>|/?(?:i|extra)>)")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a run that holds markup wherever text may stand."""
    root = tmp_path_factory.mktemp("marked")
    folder = folders.complete(root / "marked").rename(root / IMAGE)
    for name in (layout.METRICS, layout.STATUS, layout.TAGS, layout.OOD_CALIBRATION):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(marked_up(values)))
    for name in (layout.CODES, layout.MAP, layout.OOD_SCORES, layout.TRAIN_CODES):
        table = pq.read_table(folder / name)
        for column in ("label_name", "id", "data"):
            if column in table.column_names:
                texts = pa.array([f"{MARKUP} {text}" for text in table[column].to_pylist()])
                table = table.set_column(table.column_names.index(column), column, texts)
        pq.write_table(table, folder / name)
    history = (folder / layout.OOD_HISTORY).read_text()
    (folder / layout.OOD_HISTORY).write_text(history.replace("prior", MARKUP))
    (folder / layout.CARD).write_text(MARKUP)
    axis_names.write(folder, "of older weights", {0: IMAGE, 1: LINK, 2: "<img src=http:evil.example>"}, 3)
    (folder / layout.SKIPPED).write_text(MARKUP)
    settings = yaml.safe_load((folder / layout.CONFIG).read_text())
    own = folders.complete(root / "own")
    settings["data"] |= {"name": "folder", "path": f"/none/{IMAGE}"}
    (own / layout.CONFIG).write_text(yaml.safe_dump(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "roots", lambda: (root / "none", root))
        yield folder.name


def marked_up(values):
    """The same values with markup in every text that is free."""
    if isinstance(values, list):
        return [marked_up(value) for value in values] if values and not isinstance(values[0], str) else [MARKUP[:30]]
    fixed = {"checkpoint", "state", "format", "group", "unit"}
    return {key: MARKUP if isinstance(value, str) and key not in fixed else value for key, value in values.items()} | (
        {"state": "failed", "message": MARKUP} if "state" in values else {}
    )


def strings(value) -> Iterator[str]:
    """Every text of an element."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in ("id", "options", "formId", "key", "url", "element_id", "alt", "defaultValue", "setValue"):
                yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str):
        yield value


def foreign_tags(body: str) -> list[str]:
    """Tags and attributes that the app's own tables and style sheets do not have."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            foreign = {name for name, _ in attrs} - {"class", "style", "scope", "tabindex", "title", "aria-label"}
            if foreign or tag not in OWN_TAGS:
                found.append(f"<{tag} {sorted(foreign)}>")

    Reader().feed(body)
    return found


def rendered(app: AppTest) -> list[str]:
    """Texts that a browser would make markup of."""
    found = []
    for element in elements(app._tree):
        if element.type == "plotly_chart":
            found += [f"plotly: {text}" for text in strings(json.loads(element.proto.spec)) if TAGGED.search(text)]
            continue
        if element.type == "html":  # no Markdown: markup is what a browser takes for a tag
            found += [f"html: {tag}" for tag in foreign_tags(element.proto.body)]
            continue
        if element.type in PLAIN or not hasattr(element, "proto") or element.proto is None:
            continue
        found += [
            f"{element.type}: {text}"
            for text in strings(MessageToDict(element.proto))
            if RENDERED.search(CODE.sub("", text))
        ]
    return found


VIEWS = {
    "home": [{}],
    "traverse": [{}, {"view": "interpolation"}, {"view": "code"}, {"view": "pad"}],
    "clusters": [{}, {"focus": "code"}, {"view": "components"}, {"view": "agreement"}],
    "ood": [{}, {"view": "mine"}],
    "disentangle": [{}, {"view": "compare"}, {"axis": "0", "factor": "0"}],
    "generate": [{}, {"view": "reconstructions"}, {"view": "numbers"}, {"picked": "1"}],
    "geometry": [{}, {"source": "posterior"}, {"view": "transport"}, {"view": "course"}, {"view": "terms"}],
    "train": [{}, {"view": "runs"}, {"view": "compare"}, {"name": MARKUP}],
}


@pytest.mark.parametrize(("page", "link"), [(page, link) for page, links in VIEWS.items() for link in links])
def test_no_page_renders_what_strangers_wrote(marked, page, link):
    own = {"run": marked} if link.get("view") == "runs" else {}
    assert rendered(opened(page, marked, **link, **own)) == []


@pytest.mark.parametrize("page", VIEWS)
def test_a_link_to_a_model_of_such_a_name_is_told_as_text(marked, page):
    assert rendered(opened(page, MARKUP)) == []


@pytest.mark.parametrize(
    "text",
    [
        MARKUP,
        "a_b",
        "_a_",
        "# a",
        "1. a",
        "- a",
        "a:b",
        ":smile:",
        "a | b",
        "a\\b",
        "x\ny",
        "https://a.example",
        "~~a~~",
    ],
)
def test_markdown_shows_the_text_itself(text):
    escaped = escape.markdown(text)
    assert not RENDERED.search(escaped)
    assert re.sub(r"\\([^a-z\s])", r"\1", escaped).replace(escape.JOINER, "") == text.replace("\n", " ")


LINKED = re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)|([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", re.IGNORECASE)
"""What mdast-util-gfm-autolink-literal makes links of, in text whose escapes it no longer sees."""


@pytest.mark.parametrize(
    "text", ["https://a.example/x", "HTTP://a.example", "see www.a.example", "WWW.A.EXAMPLE", "me@a.example", "x@y.z.w"]
)
def test_no_bare_address_becomes_a_link(text):
    assert LINKED.search(text)
    assert not LINKED.search(re.sub(r"\\([^a-z\s])", r"\1", escape.markdown(text)))


def test_figures_show_tags_as_text():
    tagged = '<a href="http://evil.example">x</a><b>y</b>'
    shown = go.Figure([go.Bar(name=tagged, x=[tagged, "a"], y=[1, 2], text=[tagged, "<br>"])])
    shown.data[0].hovertemplate = "%{x}<br>%{y}<extra>" + tagged + "</extra>"
    escape.figure(shown)
    (bar,) = shown.data
    for text in (bar.name, bar.x[0], bar.text[0], bar.hovertemplate):
        assert "&lt;a href" in text
        assert not TAGGED.search(text)
    assert (bar.x[1], bar.text[1], list(bar.y)) == ("a", "<br>", [1, 2])


def test_ordinary_names_stay_as_they_are():
    for name in ("mnist-gmp", "my_run.2", "Größe 1", "a: b, c (d)", "runs/a-b"):
        assert escape.markdown(name) == name
        assert f"{escape.Text(name)}" == name
    assert escape.Text("a*b") == "a*b"
    assert f"{escape.Text('a*b')}" == "a\\*b"


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-1+cmd", "@x", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run(cell):
    assert files.spreadsheet(cell) == f"'{cell}"
    assert files.spreadsheet("a=1") == "a=1"
    assert files.spreadsheet(-1.5) == -1.5
    assert files.spreadsheet("-1.5e-3") == "-1.5e-3"


def test_the_name_of_the_run_is_a_file_name():
    assert Path(IMAGE).name == IMAGE
