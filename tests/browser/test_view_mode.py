"""GWAE_MODE=view in a browser: every control of every page is used, and messages are sent by hand; nothing is written.

The server notes every file that it opens for writing and every process that it starts (watched/sitecustomize.py);
folders are compared as well, as libraries write past Python. A server in local mode shows that both would be seen.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.browser.conftest import APP, settled, streamlit
from tests.fixtures import make_run
from tests.hostile import folders
from trainer.models.onnx_export import export_decoder
from trainer.runs.folder import Run
from trainer.system import ROOT

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
CONTROLS = """button, summary, textarea, select, input, [role=slider], [role=switch], [role=radio], [role=checkbox],
[role=tab], [tabindex='0']:not(main)"""
FOUND = """found => found.map((element, index) => {
    const named = element.closest("[class*=st-key-]"), label = element.closest("label");
    const box = element.getBoundingClientRect();
    const name = element.ariaLabel || element.innerText || label?.innerText || element.title || element.className;
    const away = element.disabled || element.ariaDisabled === "true" || !(box.width && box.height);
    return { index, away: away && element.type !== "file", type: element.type || "", tag: element.localName,
        role: element.role || "", name: [String(name).slice(0, 40), element.localName, element.type, element.role,
            String(named?.className).match(/st-key-[^ ]*/)?.[0]].join(" ") };
})"""
"""What tells one control of a page from the others."""
SHELL = ("Fullscreen", "Close fullscreen", "Help for", "Collapse sidebar", "Expand sidebar", "Show/hide columns",
         "Download as CSV", "Search", "Close Search", "Dismiss", "Open button", "Copy", "Copied",
         "Model input", "Compare with input")  # fmt: skip
"""Beginnings of names of what Streamlit puts on every page: used on the first one."""
RUN = "view=runs&run=sound"
VISITED = dict.fromkeys(PAGES, "model=sound") | {"train ": RUN}
"""Pages that messages are sent for by hand, and the query of each."""
SOON = 3000
LEAST = 5
"""Controls that every page has of its own."""
MODELS = ("Model input", "Compare with input")
LATE = (*MODELS, "-view")
"""Parts of names of what leads to another model or view of the page: used once the present one has nothing left."""


class Session:
    """A visitor without a browser: messages of Streamlit's protocol over its websocket."""

    def __init__(self, address: str):
        self._socket = connect(
            address.replace("http", "ws", 1) + "/_stcore/stream",
            origin=address,
            subprotocols=["streamlit"],
            max_size=None,
        )

    def rerun(self, page: str, query: str = "model=sound", **values: dict[str, object]) -> dict[str, str]:
        """Ask for a page with values of widgets by the field of their state; ids of its widgets and their types."""
        wanted, found = BackMsg(), {}
        wanted.rerun_script.page_name, wanted.rerun_script.query_string = page, query
        for field, states in values.items():
            for widget, value in states.items():
                setattr(wanted.rerun_script.widget_states.widgets.add(id=widget), field, value)
        self._socket.send(wanted.SerializeToString())
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=60))
            if message.WhichOneof("type") == "script_finished":
                return found
            kind = message.delta.new_element.WhichOneof("type")
            if widget := getattr(getattr(message.delta.new_element, kind or "", None), "id", ""):
                found[widget] = kind

    def close(self) -> None:
        """Leave."""
        self._socket.close()


def listing(*places: Path) -> dict[str, tuple[int, int]]:
    """Time and size of everything below folders; what Python compiles and tests keep is nobody's."""
    paths = [path for place in places for path in [place, *place.rglob("*")] if "__pycache__" not in path.parts]
    paths = [path for path in paths if not path.match("server-*.log")]  # what the server says, kept by the tests
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size * path.is_file()) for path in paths}


def noted(log: Path) -> list[str]:
    """What the server wrote and started since it began; Python asks uname for the processor's name."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(("open /dev/null", "subprocess.Popen uname"))]


@contextlib.contextmanager
def watched(mode: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Address of a server in a mode whose every folder lies below `folder`, and the log of what it writes."""
    folder.mkdir(exist_ok=True)
    places = {"HOME": "home", "TMPDIR": "tmp", "GWAE_CACHE": "cache", "GWAE_DATA": "data"}
    own = {name: str(folder / place) for name, place in places.items()}
    for place in own.values():
        Path(place).mkdir()
    log = folder.parent / f"{mode}.log"
    own |= {"GWAE_MODE": mode, "WATCH_LOG": str(log), "PYTHONDONTWRITEBYTECODE": "1"}
    own |= {"PYTHONPATH": str(Path(__file__).parent / "watched")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, value)
        (folder / "cwd").mkdir()
        with streamlit(APP, folder / "cwd", folder / "runs") as address:
            yield address, log


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A run with every file that pages read."""
    root = tmp_path_factory.mktemp("source") / "runs"
    made = Run(folders.complete(root / "sound"))
    make_run(root / "small-vae", kind="vae")
    export_decoder(made.load_model(), made.path / "decoder.onnx")
    return root


@pytest.fixture(scope="module")
def view(chromium, runs, tmp_path_factory):
    """Address of a server for visitors who look; in the end nothing may have been written or started."""
    folder = tmp_path_factory.mktemp("view") / "all"
    folder.mkdir()
    shutil.copytree(runs, folder / "runs")
    with watched("view", folder) as (address, log):
        before = listing(folder, ROOT / "pretrained", ROOT / "trainer", ROOT / "explorer", ROOT / "pages")
        yield address
        after = listing(folder, ROOT / "pretrained", ROOT / "trainer", ROOT / "explorer", ROOT / "pages")
        written = noted(log)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
    assert written == []


@pytest.fixture(scope="module")
def by_hand(runs, tmp_path_factory) -> tuple[dict[str, dict[str, str]], bool]:
    """Widgets of every page of a local server, by page; and whether a message by hand renamed a run there."""
    folder = tmp_path_factory.mktemp("local") / "all"
    folder.mkdir()
    shutil.copytree(runs, folder / "runs")
    with watched("local", folder) as (address, log):
        widgets = {}
        for page, query in VISITED.items():
            with contextlib.closing(Session(address)) as session:
                widgets[page] = session.rerun(page.strip(), query)
                if query == RUN:
                    (name,) = (widget for widget in widgets[page] if widget.endswith("-train.rename"))
                    session.rerun("train", query, string_value={name: "renamed"})
        assert any(line.startswith("os.rename") and line.endswith("renamed") for line in noted(log))
    return widgets, (folder / "runs" / "renamed").is_dir()


def use(page, control: dict, picture: Path) -> None:
    """Use a control as its kind is used."""
    element = page.locator(CONTROLS).nth(control["index"])
    if control["type"] == "file":
        element.set_input_files(str(picture), timeout=SOON)
    elif control["role"] == "slider" or control["type"] in ("range", "number"):
        element.press("ArrowUp", timeout=SOON)
    elif control["role"] == "combobox" or control["type"] in ("text", "textarea"):
        element.focus(timeout=SOON)
        if any(word in control["name"] for word in MODELS):
            page.keyboard.type("small-vae")  # the bundled ones take seconds to draw
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    else:
        element.evaluate("element => { element.focus(); element.click?.() }", timeout=SOON)
        if control["tag"] not in ("button", "summary", "input"):
            page.keyboard.press("Enter")


def plain(name: str) -> str:
    """Return the name of a control without numbers, line breaks and whether it is open: ten tiles are one control."""
    name = re.sub(r"\s+|expand_(?:more|less)", " ", re.sub(r"\d+", "#", name)).strip()
    return next((start for start in SHELL if name.startswith(start)), re.sub(r"^.* (?=button .*st-key-\S*#)", "", name))


def crawl(page, address: str, picture: Path, used: set[str]) -> set[str]:
    """Use every control of a page, those that appear on the way included, but those in `used`; return their names."""
    page.goto(address)
    settled(page)
    place, own = page.url.partition("?")[0], set()
    while len(own) < 150:
        found = [each | {"name": plain(each["name"])} for each in page.locator(CONTROLS).evaluate_all(FOUND)]
        left = [control for control in found if not control["away"] and control["name"] not in used | own]
        left = sorted(left, key=lambda control: [word in control["name"] for word in LATE])
        if not left:
            return own
        (used if left[0]["name"] in SHELL else own).add(left[0]["name"])
        with contextlib.suppress(Error):  # it went away meanwhile
            use(page, left[0], picture)
        if any(word in left[0]["name"] for word in LATE):
            page.wait_for_timeout(500)  # until the server has begun: what the view shows is what comes next
        settled(page)
        if page.url.partition("?")[0] != place:
            page.goto(address)
            settled(page)
    raise AssertionError(f"{address} never ends: {sorted(own)}")


@pytest.mark.timeout(600)
def test_no_control_writes_anything(browser, view, tmp_path):
    """That nothing was written is what the fixture `view` looks at in the end."""
    Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))).save(tmp_path / "own.png")
    used: set[str] = set()
    with contextlib.closing(browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=view)) as context:
        page = context.new_page()
        own = {
            name: crawl(page, f"/{'' if name == 'home' else name}?model=sound", tmp_path / "own.png", used)
            for name in PAGES
        }
    assert {name for name, controls in own.items() if len(controls) < LEAST} == set()
    for word in ("file upload", "download PNG", "Invert", "Temperature", "New samples", "Seed", "Spread", "Lasso"):
        assert any(name.startswith(word) for controls in own.values() for name in controls), word


def test_messages_by_hand_write_nothing(view, by_hand):
    widgets, is_renamed = by_hand
    assert is_renamed
    for page, known in widgets.items():
        of = {kind: [widget for widget, own in known.items() if own == kind] for kind in set(known.values())}
        values = {"trigger_value": dict.fromkeys(of.get("button", []) + of.get("download_button", []), True)}
        values |= {"string_value": dict.fromkeys(of.get("text_input", []), "renamed")}
        with contextlib.closing(Session(view)) as session:
            session.rerun(page.strip(), VISITED[page])
            session.rerun(page.strip(), VISITED[page], **values)
    for method, path in (("PUT", "/_stcore/upload_file/x/y"), ("DELETE", "/_stcore/upload_file/x/y"),
                         ("POST", "/_stcore/health"), ("PUT", "/app/static/js/x.js"), ("POST", "/media/x"),
                         ("GET", "/app/static/../../trainer/config.py")):  # fmt: skip
        asked = urllib.request.Request(f"{view}{path}", data=b"x" if method != "GET" else None, method=method)
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(asked, timeout=20)
