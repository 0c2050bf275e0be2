"""Exports for other tools: the networks compute what torch computes, the tables hold what the run holds."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from tests.fixtures import blob_pictures, make_run
from trainer.__main__ import main
from trainer.errors import UserError
from trainer.exchange.export import export
from trainer.latent import map as maps
from trainer.latent import map_file
from trainer.runs.folder import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A model whose pictures vary with the code, with a stored map."""
    made = make_run(tmp_path_factory.mktemp("runs") / "small", trained=True)
    wanted = map_file.MapSettings(method="pca")
    map_file.write(maps.of_run(made, wanted, lambda *_: None), made.path / "map.parquet")
    return made


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("kind", ["gwae", "vae", "dagmm"])
@pytest.mark.parametrize("n", [1, 7])
def test_networks_compute_what_torch_computes(tmp_path, kind, n):
    made = make_run(tmp_path / "run", kind=kind, channels=1 if kind == "gwae" else 3, size=32, pictures=20)
    encoder, decoder = export(made, "onnx", tmp_path / "out")
    assert (encoder.name, decoder.name) == ("encoder.onnx", "decoder.onnx")
    model = made.load_model()
    pictures = torch.from_numpy(blob_pictures(n, channels=model.image_shape[0])[0]).float() / 255
    mu, log_var = model.encode(pictures)
    outputs = session(encoder).run(["mu", "log_var"], {"image": pictures.numpy()})
    for found, wanted in zip(outputs, (mu, log_var), strict=True):
        assert found.shape == (n, model.z_dim)
        assert np.abs(found - wanted.numpy()).max() < 1e-3
    (image,) = session(decoder).run(["image"], {"z": mu.numpy()})
    assert np.abs(image - model.decode(mu).numpy()).max() < 1e-3


def test_both_networks_together_reconstruct(tmp_path, run):
    """The oracle is the picture: encoder and decoder in onnxruntime give torch's reconstruction to 1e-3."""
    encoder, decoder = export(run, "onnx", tmp_path / "out")
    pictures = torch.from_numpy(blob_pictures(5, seed=3)[0]).float() / 255
    mu = session(encoder).run(["mu"], {"image": pictures.numpy()})[0]
    image = session(decoder).run(["image"], {"z": mu})[0]
    assert np.abs(image - run.load_model().reconstruct(pictures).numpy()).max() < 1e-3
    assert image.std() > 0.01


@pytest.mark.parametrize(("form", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_tables_hold_what_the_run_holds(tmp_path, run, form, read):
    codes, laid_out = export(run, form, tmp_path / "out")
    assert [codes.name, laid_out.name] == [f"codes.{form}", f"map.{form}"]
    table = read(codes)
    assert list(table) == list(run.codes)
    assert table["id"].tolist() == run.codes["id"].tolist()
    np.testing.assert_array_equal(table["z0"].to_numpy("float32"), run.codes["z0"].to_numpy("float32"))
    stored = map_file.read(run.path / "map.parquet").frame
    np.testing.assert_allclose(read(laid_out)[["x", "y"]], stored[["x", "y"]], rtol=1e-6)


def test_text_that_a_spreadsheet_would_run_is_shown(tmp_path):
    made = make_run(tmp_path / "run", pictures=20)
    codes = made.codes
    codes.loc[0, "id"] = "=1+1"
    made.write_codes(codes)
    (path,) = export(made, "csv", tmp_path / "out")
    assert pd.read_csv(path).loc[0, "id"] == "'=1+1"


def test_the_command(tmp_path, run, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run.path), "--format", "csv"]) == 0
    assert capsys.readouterr().out.split() == ["exports/small/codes.csv", "exports/small/map.csv"]
    assert main(["export", str(run.path), "--format", "onnx", "--out", "o"]) == 0
    assert capsys.readouterr().out.split() == ["o/encoder.onnx", "o/decoder.onnx"]
    assert main(["export", str(run.path), "--format", "pt"]) == 2


def test_what_is_not_there_is_said(tmp_path, run):
    with pytest.raises(UserError, match="is the run folder itself"):
        export(run, "csv", run.path)
    made = make_run(tmp_path / "run", pictures=20)
    (made.path / "codes.parquet").unlink()
    with pytest.raises(UserError, match="python -m trainer evaluate"):
        export(made, "csv", tmp_path / "out")
    made.weights_path.unlink()
    with pytest.raises(UserError, match="no such file; train the model"):
        export(made, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()
