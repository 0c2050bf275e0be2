"""The networks for the browser: both with a training; a bundled model's encoder is made for the first drawing."""

from __future__ import annotations

import pytest

from tests.fixtures import make_run
from trainer.__main__ import main
from trainer.manage import flaws
from trainer.manage.bundle import bundle
from trainer.runs import validation


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_bundle_has_the_decoder_alone(tmp_path):
    packed = bundle(make_run(tmp_path / "run"), tmp_path / "bundle")
    assert {"decoder.onnx", "model.safetensors"} <= set(content(packed.path))
    assert "encoder.onnx" not in content(packed.path)


def test_the_command_changes_nothing_else(tmp_path):
    made = make_run(tmp_path / "run")
    before = content(made.path)
    assert main(["networks", str(made.path)]) == 0
    after = content(made.path)
    assert set(after) - set(before) == {"decoder.onnx", "encoder.onnx"}
    assert before.items() <= after.items()


@pytest.mark.parametrize("bad", [b"", b"\x00\x00", b"PK\x03\x04"])
def test_what_is_no_network_is_named(tmp_path, bad):
    made = make_run(tmp_path / "run")
    (made.path / "encoder.onnx").write_bytes(bad)
    assert flaws.of_run(made)["encoder.onnx"].endswith("make it anew with 'python -m trainer networks'.")
    with pytest.raises(validation.WrongError):
        validation.read_network(made.path / "encoder.onnx")


def test_a_network_of_any_size_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "MAX_NETWORK", 2**20)
    with open(tmp_path / "encoder.onnx", "wb") as file:
        file.write(b"\x08")
        file.truncate(2**20 + 1)
    with pytest.raises(validation.WrongError, match="larger than 1 MiB"):
        validation.read_network(tmp_path / "encoder.onnx")
