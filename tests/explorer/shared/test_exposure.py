"""The server as it starts: which addresses and host names reach it."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from explorer.shared import exposure
from trainer.system import ROOT


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "a.localhost"])
def test_own_addresses_open_nothing(address):
    assert exposure.opened(address) == ""


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", None, "localhost.example.org"])
def test_other_addresses_are_told_what_they_open(address):
    said = exposure.opened(address)
    assert f"listens on {address or 'all addresses'}: " in said
    assert "delete trainings" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("arguments", "address"),
    [([], "127.0.0.1"), (["--server.address", "0.0.0.0"], "0.0.0.0"), (["--server.address=::"], "::")],
)
def test_what_is_opened_is_said_before_the_server_starts(arguments, address):
    assert exposure.asked(arguments) == address
    command = [sys.executable, "-m", "explorer.shared.exposure", "--server.port", "1", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "GWAE_MODE"}
    for mode, status in ((None, 0 if address == "127.0.0.1" else 2), ("local", 0), ("view", 0), ("veiw", 2)):
        own = environment | ({"GWAE_MODE": mode} if mode else {})
        ended = subprocess.run(command, cwd=ROOT, env=own, text=True, capture_output=True, check=False)
        assert ended.returncode == status
        said = ended.stderr.strip()
        assert bool(said) == (address != "127.0.0.1" or mode == "veiw")
        assert "\n" not in said
        assert ("GWAE_MODE=view (look" in said) == (mode is None and address != "127.0.0.1")
        assert ("delete trainings" in said) == (mode == "local" and address != "127.0.0.1")
        assert ("is no mode" in said) == (mode == "veiw")


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> int:
    """The port of a server started somewhere else, beside settings of a stranger."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\nallowedHosts = ["*"]\n[browser]\ngatherUsageStats = true\n'
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "explorer/app.py"), "--server.port", str(number)]
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | {"GWAE_RUNS": str(folder)}, stdout=subprocess.DEVNULL, stderr=-2
    )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", number), 1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        yield number
    finally:
        process.terminate()
        process.wait(10)


def session(port: int, host: str, origin: str | None = None) -> int:
    """The status of a request for a session under a host name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Host": host, "Origin": origin or f"http://{host}", "Upgrade": "websocket", "Connection": "Upgrade"}
    headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    connection.request("GET", "/_stcore/stream", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "app.localhost"])
def test_names_of_this_machine_get_a_session(port, host):
    assert session(port, f"{host}:{port}") == 101


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "a@localhost"])
def test_a_name_that_was_made_to_point_here_gets_none(port, host):
    assert session(port, f"{host}:{port}") == 403


def test_a_foreign_page_gets_none(port):
    assert session(port, f"localhost:{port}", "http://evil.example") == 403


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="Linux lists its sockets")
def test_it_listens_on_this_machine_only(port):
    lines = [line.split() for path in ("tcp", "tcp6") for line in Path(f"/proc/net/{path}").read_text().splitlines()]
    listening = {line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    assert listening == {f"0100007F:{port:04X}"}
