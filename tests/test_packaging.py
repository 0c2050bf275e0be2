"""The wheel: built from this checkout, installed in a fresh environment, opened without a network."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest

from trainer.system import ROOT

PAGES = """
import os, socket, sys
def cut(*given): raise OSError("the network is cut")
socket.socket.connect = cut
import gwae_explorer
gwae_explorer._prepare()
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(str(gwae_explorer.ROOT / "explorer" / "app.py"), default_timeout=200).run()
assert not app.exception, app.exception
for page in sorted((gwae_explorer.ROOT / "pages").glob("*.py")):
    app.switch_page(f"../pages/{page.name}").run()
    assert not app.exception, (page.name, app.exception)
    assert not app.error, (page.name, [each.value for each in app.error])
    print("opened", page.stem, app.title[0].value)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built with what is installed here, so that nothing is fetched."""
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling (requirements-dev.txt)")
    place = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(ROOT),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(place),
    ]
    subprocess.run(command, check=True, timeout=240)
    return next(place.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel; the libraries are those of this one."""
    place = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True, timeout=120)
    python = place / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "-q"]
    subprocess.run([*install, str(wheel)], check=True, timeout=240)
    (library,) = (place / "lib").glob("python*/site-packages")
    (library / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return place


def run(environment: Path, command: list[str], folder: Path) -> subprocess.CompletedProcess:
    """A command of the environment, in a folder that is not the checkout."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GWAE_", "PYTHON"))}
    line = [str(environment / "bin" / command[0]), *command[1:]]
    return subprocess.run(line, cwd=folder, env=own, capture_output=True, text=True, timeout=280, check=False)


def test_dependencies_are_those_of_the_requirements():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dependencies"] == wanted
    assert project["build-system"]["requires"][0] in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")


def test_one_name_lies_at_the_top(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"gwae_explorer", "gwae_explorer-0.1.0.dist-info"}
    assert not [name for name in names if "__pycache__" in name or "node_modules" in name]


def test_everything_is_inside(wheel):
    """Every tracked file of the four folders, its data included."""
    listed = subprocess.run(
        ["git", "ls-files", "trainer", "explorer", "pages", "pretrained"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("no git checkout")
    inside = {name.removeprefix("gwae_explorer/") for name in zipfile.ZipFile(wheel).namelist()}
    assert set(listed.stdout.split("\n")) - {""} - inside == set()


def test_every_page_opens_without_a_network(environment, tmp_path):
    ended = run(environment, ["python", "-c", PAGES], tmp_path)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert re.findall(r"^opened (\w+)", ended.stdout, re.M) == sorted(
        path.stem for path in (ROOT / "pages").glob("*.py")
    )
    assert str(ROOT) not in ended.stderr


def test_gwae_is_the_command_line(environment, tmp_path):
    listed = run(environment, ["gwae", "list"], tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "mnist-gmp" in listed.stdout
    assert run(environment, ["gwae", "evaluate", "absent"], tmp_path).returncode == 2
    made = run(environment, ["gwae", "export", listed.stdout.split()[0], "--format", "csv", "--out", "e"], tmp_path)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "e" / "codes.csv").is_file()


def test_gwae_explorer_starts_the_app(environment, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GWAE_", "PYTHON"))}
    command = [str(environment / "bin" / "gwae-explorer"), "--server.port", str(port)]
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=own, stdout=log, stderr=log)
    try:
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + 90
        while time.monotonic() < end and process.poll() is None:
            try:
                assert urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read() == b"ok"
                break
            except OSError:
                time.sleep(0.2)
        assert urllib.request.urlopen(f"{address}/app/static/js/shared/axes.js", timeout=5).status == 200
    finally:
        process.terminate()
        process.wait(20)


def test_an_open_address_without_a_mode_is_refused(environment, tmp_path):
    ended = run(environment, ["gwae-explorer", "--server.address", "0.0.0.0"], tmp_path)
    assert ended.returncode == 2
    assert "GWAE_MODE=view" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
