"""docs/deploy.md and the Dockerfile, as far as a machine without Docker and systemd's manager can run them.

Not run: the base image, pip and useradd in it, and Docker's limits.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainer.system import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def steps(word: str) -> list[str]:
    """What follows a word of the Dockerfile, in its order."""
    return re.findall(rf"^{word} (.*)$", DOCKERFILE, re.M)


@pytest.fixture
def image(tmp_path) -> Path:
    """What the image's COPY steps copy, in an empty folder, which nobody may write to."""
    place = tmp_path / "srv"
    place.mkdir()
    skip = shutil.ignore_patterns("__pycache__")
    for line in steps("COPY"):
        *sources, target = line.split()
        for source in sources:
            goal = place / (Path(source).name if target in (".", "./") else target)
            (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(
                ROOT / source, goal, **({"ignore": skip} if (ROOT / source).is_dir() else {})
            )
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield place
    for path in [place, *place.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def settings(place: Path) -> dict[str, str]:
    """The environment of the image, its folder being `place`."""
    (line,) = steps("ENV")
    pairs = dict(pair.split("=", 1) for pair in shlex.split(line.replace("/srv/gwae", str(place))))
    own = {name: value for name, value in os.environ.items() if not name.startswith(("GWAE_", "STREAMLIT_", "PYTHON"))}
    return own | pairs


def test_the_image_starts_is_healthy_and_writes_nothing(image, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    program, *options = json.loads(steps("CMD")[-1])
    assert program == "streamlit"
    environment = settings(image) | {"HOME": str(tmp_path / "tmp")}
    before = sorted(map(str, image.rglob("*")))
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", *options, "--server.port", port],
            cwd=image, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    check = shlex.split(re.search(r"^HEALTHCHECK .*?CMD (.*)$", DOCKERFILE, re.M)[1].replace("8501", port))
    try:
        end, status = time.monotonic() + 120, 1
        while status and time.monotonic() < end and process.poll() is None:
            ended = subprocess.run([sys.executable, *check[1:]], capture_output=True, env=environment, check=False)
            status = ended.returncode
            time.sleep(0.3)
        assert status == 0, (tmp_path / "log").read_text(encoding="utf-8")
    finally:
        process.terminate()
        process.wait(20)
    assert subprocess.run([sys.executable, *check[1:]], capture_output=True, check=False).returncode != 0
    assert sorted(map(str, image.rglob("*"))) == before


def test_every_page_of_the_image_opens(image, tmp_path):
    code = (
        "from streamlit.testing.v1 import AppTest\n"
        "from pathlib import Path\n"
        "app = AppTest.from_file('explorer/app.py', default_timeout=200).run()\n"
        "for page in sorted(Path('pages').glob('*.py')):\n"
        "    app.switch_page(f'../pages/{page.name}').run()\n"
        "    assert not app.exception and not app.error, (page.name, app.exception, app.error)\n"
        "print('opened')"
    )
    environment = settings(image) | {"HOME": str(tmp_path / "tmp")}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, cwd=image, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert ended.stdout.strip().endswith("opened"), ended.stderr[-2000:]


def test_the_image_is_not_root_and_only_shows():
    assert steps("USER") == ["gwae"]
    assert DOCKERFILE.index("USER gwae") > max(DOCKERFILE.rindex("\nCOPY"), DOCKERFILE.rindex("\nRUN"))
    assert "GWAE_MODE=view" in steps("ENV")[0]
    assert steps("FROM")[0].endswith("-slim")
    sources = {source for line in steps("COPY") for source in line.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert sources == set(re.findall(r"^!(.*)$", ignored, re.M))


def test_systemd_understands_the_unit(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    unit = re.search(r"```ini\n(.*?)```", text, re.S)[1]
    unit = unit.replace("/srv/gwae/.venv/bin/streamlit", "/bin/true").replace("User=gwae", "User=root")
    (tmp_path / "gwae.service").write_text(unit, encoding="utf-8")
    command = [program, "verify", "--man=no", str(tmp_path / "gwae.service")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "gwae.service:" not in ended.stderr
