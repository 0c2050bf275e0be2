"""The networks for the browser: with every model, unless a folder without a training would become too large."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from tests.fixtures import blob_pictures, make_run
from trainer.__main__ import main
from trainer.manage import flaws
from trainer.manage.bundle import bundle
from trainer.runs import onnx_files, validation


def content(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_bundle_has_the_networks_of_its_halved_weights(tmp_path):
    packed, left_out = bundle(make_run(tmp_path / "run"), tmp_path / "bundle")
    assert left_out == ""
    session = onnxruntime.InferenceSession(packed.path / "encoder.onnx", providers=["CPUExecutionProvider"])
    picture = blob_pictures(1)[0].astype(np.float32) / 255
    mu, log_var = packed.load_model().encode(torch.from_numpy(picture))
    for found, wanted in zip(session.run(None, {"image": picture}), (mu, log_var), strict=True):
        assert np.abs(found - wanted.numpy()).max() < 1e-4


def test_a_bundle_that_would_become_too_large_goes_without_the_encoder(tmp_path, monkeypatch, capsys):
    made = make_run(tmp_path / "run")
    monkeypatch.setattr(onnx_files, "MAX_BUNDLE", 1000)
    assert main(["bundle", str(made.path), "--out", str(tmp_path / "bundle")]) == 0
    assert "encoder.onnx was left out" in capsys.readouterr().err
    assert {"decoder.onnx", "model.safetensors"} <= set(content(tmp_path / "bundle"))
    assert "encoder.onnx" not in content(tmp_path / "bundle")


def test_a_run_with_its_training_has_it_whatever_its_size(tmp_path, monkeypatch):
    made = make_run(tmp_path / "run")
    monkeypatch.setattr(onnx_files, "MAX_BUNDLE", 1000)
    monkeypatch.setattr(onnx_files.status, "is_model_only", lambda folder: False)
    assert onnx_files.write(made.path, made.load_model()) == ""
    assert (made.path / "encoder.onnx").is_file()


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
