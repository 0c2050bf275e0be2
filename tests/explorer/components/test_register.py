"""What a component brings into the page, and which modules it imports."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from explorer.components import register
from trainer.system import ROOT

STATIC = ROOT / "explorer" / "static"
IMPORT = re.compile(r"""(?:from|import|new URL)\s*\(?["'](\.[^"']+\.js)["']""")


def served(script: str) -> dict:
    return json.loads(script.splitlines()[0].removeprefix("const served = ").removesuffix(";"))


def registered() -> list[str]:
    """Folder and stem of every component's files, as the components' packages name them."""
    texts = [path.read_text(encoding="utf-8") for path in register.HERE.glob("*/__init__.py")]
    return [part for text in texts for part in re.findall(r'(?:register\("\w+", |part=)"([\w/]+)"', text)]


def test_every_component_has_its_module_and_every_module_is_used():
    entries = registered()
    assert len(entries) == 21
    reached, open_ = set(), [register.SCRIPTS / f"{entry}.js" for entry in entries]
    while open_:
        path = open_.pop().resolve()
        if path not in reached:
            reached.add(path)
            open_ += [path.parent / name for name in IMPORT.findall(path.read_text(encoding="utf-8"))]
    assert reached == {path.resolve() for path in register.SCRIPTS.rglob("*.js")}
    for entry in entries:
        assert (register.SCRIPTS / f"{entry}.js").read_text(encoding="utf-8").count("export default") == 1


@pytest.mark.parametrize(("base", "path"), [("", "/app/static/js"), ("/a/b/", "/a/b/app/static/js")])
def test_the_loader_names_the_address_below_the_base_path(monkeypatch, base, path):
    monkeypatch.setattr(register.st, "get_option", {"server.baseUrlPath": base}.__getitem__)
    reported = served(register.loader("live_decoder/panel.js"))
    assert (reported["path"], reported["entry"]) == (path, "live_decoder/panel.js")
    assert "shared/pictures.js" in reported["files"]


def test_the_version_is_that_of_the_content(monkeypatch, tmp_path):
    before = served(register.loader("gallery/gallery.js"))["version"]
    copy = tmp_path / "js"
    shutil.copytree(register.SCRIPTS, copy)
    monkeypatch.setattr(register, "SCRIPTS", copy)
    monkeypatch.setattr(register, "_modules", register._modules.__wrapped__)
    assert served(register.loader("gallery/gallery.js"))["version"] == before
    (copy / "shared" / "colour.js").write_text("export {}", encoding="utf-8")
    assert served(register.loader("gallery/gallery.js"))["version"] != before


def test_libraries_of_others_are_unchanged():
    readme = (STATIC / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    files = {path.name for path in STATIC.iterdir() if path.is_file() and path.name != "README.md"}
    assert files == set(stated)
    assert {name: hashlib.sha256((STATIC / name).read_bytes()).hexdigest() for name in files} == stated
    version = re.search(r"^## onnxruntime-web ([\d.]+)$", readme, re.MULTILINE)[1]
    assert f'"?v={version}"' in Path(register.SCRIPTS / "shared" / "runtime.js").read_text(encoding="utf-8")


def test_a_report_of_a_component_that_has_gone_changes_nothing(monkeypatch):
    called, mounted = [], {}

    class Tiles(register.Component, name="tiles", part="live_decoder/tiles"):
        pass

    monkeypatch.setattr(Tiles, "_mount", staticmethod(lambda **given: mounted.update(given)))
    monkeypatch.setattr(register.st, "session_state", {"there": object()})
    for key in ("there", "gone"):
        Tiles().draw(key, on_picked_change=lambda key=key: called.append(key))
        mounted["on_picked_change"]()
    assert called == ["there"]
