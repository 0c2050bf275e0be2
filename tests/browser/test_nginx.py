"""The app behind nginx below a path, by the very block of docs/deploy.md: sliders, uploads, links, the limit."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import APP, PATIENCE, fresh_page, healthy, settled, wait_until
from tests.browser.traversing import grip, open_traverse, picture, wait_for_edits
from tests.fixtures import make_run
from trainer.models.onnx_export import export_decoder
from trainer.system import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx; on Debian: apt-get install nginx-light")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(folder: Path, port: int, behind: int) -> Path:
    """The block of the document with other ports, in a configuration that writes below `folder` alone."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    block = re.search(r"```nginx\n(.*?)```", text, re.S)[1]
    block = block.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("127.0.0.1:8501", f"127.0.0.1:{behind}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.getuid() == 0 else ""  # else its worker cannot write below the test's folder
    path = folder / "nginx.conf"
    path.write_text(
        f"{user}pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{block}\n}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def proxied(chromium, tmp_path_factory):
    """Address of the app below /gwae, behind nginx, for visitors who look."""
    folder = tmp_path_factory.mktemp("nginx")
    run = make_run(folder / "runs" / "small-gmp", trained=True)
    export_decoder(run.load_model(), run.path / "decoder.onnx")
    port, behind = free_port(), free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        APP,
        "--server.port",
        str(behind),
        "--server.baseUrlPath",
        "gwae",
    ]
    environment = os.environ | {"GWAE_MODE": "view", "GWAE_RUNS": str(folder / "runs")}
    front = [NGINX, "-c", str(configuration(folder, port, behind)), "-p", str(folder), "-g", "daemon off;"]
    with open(folder / "log", "w", encoding="utf-8") as log:
        processes = [
            subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log),
            subprocess.Popen(front, stdout=log, stderr=log),
        ]
    address = f"http://127.0.0.1:{port}/gwae"
    wait_until(lambda: healthy(address), PATIENCE / 1000)
    yield address
    for process in processes:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in (folder / "log").read_text(encoding="utf-8")


@pytest.fixture
def visitor(browser, proxied):
    """A page whose addresses are those below the path."""
    with fresh_page(browser, proxied) as opened:
        go = opened.goto
        opened.goto = lambda link, **options: go(link if link.startswith("http") else proxied + link, **options)
        yield opened


def test_a_slider_is_live_and_its_link_opens(visitor, proxied):
    open_traverse(visitor)
    before = picture(visitor)
    x, y = grip(visitor)
    visitor.mouse.move(x, y)
    visitor.mouse.down()
    visitor.mouse.move(x + 50, y, steps=5)
    visitor.wait_for_selector(".stage[data-painted=browser]", timeout=PATIENCE)
    visitor.mouse.up()
    visitor.wait_for_selector(".stage[data-painted=server][data-sequence='5']", timeout=PATIENCE)
    moved = picture(visitor)
    assert np.abs(moved - before).max() > 3
    wait_for_edits(visitor, 1)
    assert visitor.url.startswith(f"{proxied}/traverse?")
    visitor.goto(visitor.url)
    visitor.wait_for_selector(".stage[data-painted=server]", timeout=PATIENCE)
    assert np.array_equal(picture(visitor), moved)


def test_links_between_pages_stay_below_the_path(visitor, proxied):
    visitor.goto("/")
    visitor.get_by_role("button", name="Open in Traverse").first.wait_for()
    settled(visitor)
    visitor.wait_for_load_state("networkidle")  # a picture that is asked for after the page was left is gone
    visitor.get_by_role("button", name="Open in Traverse").first.click()
    visitor.wait_for_url(re.compile(re.escape(proxied) + "/traverse"), timeout=PATIENCE)
    settled(visitor)
    visitor.wait_for_load_state("networkidle")
    visitor.get_by_role("link", name="Train").click()
    visitor.get_by_text("This server only shows models").first.wait_for()
    assert visitor.url.startswith(f"{proxied}/train")


def test_an_upload_arrives(visitor, tmp_path):
    Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))).save(tmp_path / "own.png")
    visitor.goto("/clusters?model=small-gmp")
    settled(visitor)
    visitor.get_by_role("button", name="Place a picture").click()
    visitor.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(tmp_path / "own.png"))
    visitor.get_by_text("The model's input.").first.wait_for()


def test_sessions_of_one_visitor_are_limited(proxied):
    host = proxied.removeprefix("http://").removesuffix("/gwae")
    headers = {"Host": host, "Origin": f"http://{host}", "Upgrade": "websocket", "Connection": "Upgrade"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    opened, statuses = [], []
    try:
        for _ in range(6):
            opened.append(http.client.HTTPConnection(host, timeout=20))
            opened[-1].request("GET", "/gwae/_stcore/stream", headers=headers)
            statuses.append(opened[-1].getresponse().status)
    finally:
        for connection in opened:
            connection.close()
    assert statuses[:3] == [101] * 3
    assert statuses[-1] == 503
