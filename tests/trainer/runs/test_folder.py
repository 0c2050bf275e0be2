"""The run folder: made, reloaded without data and bit by bit, and refused where it is not what it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fixtures import example_metrics
from tests.trainings import CPU, pictures, settings, train
from trainer import config, data
from trainer.errors import UserError
from trainer.runs import folder as run
from trainer.system import ROOT
from trainer.training.fit import Trainer

PRIORS = ["np", "fnp", "gmp", "normal"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    train(folder, settings(), pictures())
    return folder


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    """A copy of the trained run, to be damaged."""
    folder = tmp_path / "copy"
    for path in trained.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(trained)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(trained)).write_bytes(path.read_bytes())
    return folder


def refusal(call, *args) -> str:
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", [*PRIORS, "vae"])
def test_a_saved_folder_reloads_bit_exactly_without_data(tmp_path, monkeypatch, kind):
    changes = {"model": {"kind": "vae"}, "prior": {"kind": "normal"}} if kind == "vae" else {"prior": {"kind": kind}}
    wanted = settings(**changes, optim={"max_steps": 3})
    trainer = Trainer(run.create(tmp_path / "run", wanted), pictures(), hardware=CPU)
    trainer.fit(progress=False)
    monkeypatch.setattr(data, "load", lambda *_: pytest.fail("loading a model reads no data"))
    torch.manual_seed(5)
    model = run.Run(tmp_path / "run").load_model()
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    trained = trainer.model.eval()
    state = model.state_dict()
    assert state.keys() == trained.state_dict().keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in trained.state_dict().items())
    x = pictures(8).float_batch(slice(None))
    with torch.no_grad():
        # The same memory layout, as sums in another order differ in the last digit.
        model = model.to(memory_format=torch.channels_last)
        assert torch.equal(model.reconstruct(x), trained.reconstruct(x))
        samples = [m.sample_prior(16, torch.Generator().manual_seed(1)) for m in (model, trained)]
    assert torch.equal(*samples)


def test_loading_a_folder_needs_nothing_but_the_folder(trained, tmp_path):
    """From another directory, without $GWAE_DATA, and without the training state."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from trainer.runs.folder import Run\n"
        "found = Run(sys.argv[1]); print(found.hash, found.load_model().z_dim, len(found.history))"
    )
    reported = subprocess.run(
        [sys.executable, "-c", code, str(trained), str(ROOT)], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert reported.stdout == f"{run.Run(trained).hash} 4 4\n", reported.stderr


def test_listing_runs_imports_neither_torch_nor_pandas(trained):
    code = (
        "import sys; from trainer.runs import folder as run\n"
        "print([found.hash for found in run.find(sys.argv[1])], {'torch', 'pandas'} & set(sys.modules))"
    )
    reported = subprocess.run(
        [sys.executable, "-c", code, str(trained.parent)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert reported.stdout == f"['{run.Run(trained).hash}'] set()\n", reported.stderr


def test_everything_in_the_folder_is_text_or_safetensors(trained):
    found = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    state = {f"training/{name}" for name in ("checkpoint.safetensors", "preview.safetensors", "status.json", "lock")}
    history = {"history.csv", "ood_history.csv", "pair_history.safetensors", "picture_history.safetensors"}
    assert found - state == {"config.yaml", "model.safetensors", "decoder.onnx", "encoder.onnx"} | history
    for name in ("model.safetensors", "training/checkpoint.safetensors", "pair_history.safetensors"):
        assert load_file(trained / name)
        head = (trained / name).read_bytes()[:2]
        assert head not in (b"PK", b"\x80\x02")  # neither torch.save's zip nor a pickle


def test_the_decoder_for_the_browser_is_that_of_the_weights(trained):
    model, z = run.Run(trained).load_model(), torch.randn(1, 4, generator=torch.Generator().manual_seed(0))
    (image,) = onnxruntime.InferenceSession(trained / "decoder.onnx").run(None, {"z": z.numpy()})
    assert np.abs(image - model.decode(z).numpy()).max() < 1 / 255


def test_the_hash_follows_the_weights(copy, trained):
    assert run.Run(copy).hash == run.Run(trained).hash
    assert len(run.Run(copy).hash) == run.HASH_LENGTH
    tensors = load_file(copy / "model.safetensors")
    tensors["log_scale"] += 1e-6
    save_file(tensors, copy / "model.safetensors")
    assert run.Run(copy).hash != run.Run(trained).hash


# --- folders that are none -------------------------------------------------------------------------------------------


def test_folders_that_are_no_runs(tmp_path, copy):
    assert "no such run folder" in refusal(run.Run, tmp_path / "absent")
    (copy / "config.yaml").unlink()
    assert "no config.yaml, so this is not a run folder" in refusal(run.Run, copy)


@pytest.mark.parametrize("text", ["", "data: [", "- a", "optm: {}"])
def test_a_broken_config_is_no_default_config(copy, text):
    (copy / "config.yaml").write_text(text, encoding="utf-8")
    assert refusal(run.Run, copy).startswith(f"{copy / 'config.yaml'}: ")


def test_runs_are_made_only_where_nothing_is(tmp_path):
    made = run.create(tmp_path / "a" / "b", settings())
    assert made.config == settings()
    assert not made.is_trained
    assert "a run is already there; continue it with 'resume'" in refusal(run.create, tmp_path / "a" / "b", settings())
    assert "the folder holds something else already" in refusal(run.create, tmp_path / "a", settings())
    (tmp_path / "file").touch()
    assert "a file is in the way" in refusal(run.create, tmp_path / "file", settings())
    (tmp_path / "empty").mkdir()
    assert run.create(tmp_path / "empty", settings()).name == "empty"


def test_only_what_never_started_is_discarded(tmp_path, trained):
    made = run.create(tmp_path / "fresh", settings())
    (made.path / "training").mkdir()
    (made.path / "training" / "lock").touch()
    run.discard_unstarted(made)
    assert not made.path.exists()
    run.discard_unstarted(run.Run(trained))
    assert run.Run(trained).is_trained
    made = run.create(tmp_path / "noted", settings())
    (made.path / "notes.txt").write_text("mine", encoding="utf-8")
    run.discard_unstarted(made)
    assert (made.path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_find_passes_over_what_is_broken(tmp_path):
    for name in ("b", "a", "broken"):
        run.create(tmp_path / name, settings())
    (tmp_path / "broken" / "config.yaml").write_text("data: [", encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "file").touch()
    assert [found.name for found in run.find(tmp_path, tmp_path / "absent")] == ["a", "b"]


# --- weights that are none -------------------------------------------------------------------------------------------


def test_missing_weights(tmp_path):
    made = run.create(tmp_path / "run", settings())
    assert "no model.safetensors yet; continue with 'python -m trainer resume'" in refusal(lambda: made.hash)
    assert "no such file; train the model" in refusal(made.load_model)


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_truncated_weights(copy, length):
    content = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(content[:length])
    assert "truncated or not a safetensors file; copy the run folder again" in refusal(run.Run(copy).load_model)


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(100), b"hello " * 100, b"\xff" * 64])
def test_foreign_files(copy, content):
    (copy / "model.safetensors").write_bytes(content)
    assert "truncated or not a safetensors file" in refusal(run.Run(copy).load_model)


def test_a_pickle_is_named(copy):
    (copy / "model.safetensors").write_bytes(b"\x80\x04K\x01.")
    assert "a checkpoint in Python's pickle format" in refusal(run.Run(copy).load_model)


def test_weights_of_another_model(copy):
    save_file({"weight": torch.zeros(3)}, copy / "model.safetensors")
    assert "the weights do not belong to this config.yaml" in refusal(run.Run(copy).load_model)


@pytest.mark.parametrize(
    "change", [{"model": {"z_dim": 5}}, {"model": {"width": 8}}, {"prior": {"kind": "fnp"}}, {"data": {"size": 64}}]
)
def test_weights_of_another_architecture(copy, change):
    (copy / "config.yaml").write_text(settings(**change).to_yaml(), encoding="utf-8")
    assert "the weights do not belong to this config.yaml" in refusal(run.Run(copy).load_model)


# --- tables and metrics ----------------------------------------------------------------------------------------------


def test_metrics_replace_their_own_group_and_checkpoint(copy):
    found = run.Run(copy)
    old, new = example_metrics("another"), example_metrics(found.hash)
    found.write_metrics(old)
    assert found.metrics == old
    found.write_metrics(new[:2])  # reconstruction; the clustering of another checkpoint is worthless now
    assert found.metrics == new[:2]
    found.write_metrics(new[2:])
    assert found.metrics == new


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "3", '["a"]', '{"a": 1}', '[{"name": "PSNR"}]', '[{"nonsense": 1}]', "\ud800", "[" * 100_000],
)
def test_damaged_metrics(copy, text):
    (copy / "metrics.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    said = refusal(lambda: run.Run(copy).metrics)
    assert said == f"{copy / 'metrics.json'}: not a metrics file; make it anew with 'python -m trainer evaluate'."


def test_a_metric_is_a_number(copy):
    found = run.Run(copy)
    found.write_metrics(example_metrics(found.hash))
    records = json.loads((copy / "metrics.json").read_text(encoding="utf-8"))
    records[0]["value"] = "18 dB"
    (copy / "metrics.json").write_text(json.dumps(records), encoding="utf-8")
    assert "not a metrics file" in refusal(lambda: found.metrics)


def test_absent_tables_are_empty_and_damaged_ones_are_told(copy):
    found = run.Run(copy)
    assert found.metrics == []
    assert found.codes.empty
    assert found.card == ""
    (copy / "history.csv").unlink()
    assert found.history.empty
    (copy / "codes.parquet").write_bytes(b"PAR1 and no more")
    assert "damaged; make it anew with 'python -m trainer evaluate'" in refusal(lambda: found.codes)
    (copy / "history.csv").write_bytes(b"")
    assert "damaged; delete it" in refusal(lambda: found.history)


def test_codes_come_back_as_they_were(copy):
    codes = pd.DataFrame({"id": ["a", "b"], "label": [1, -1], "z0": pd.array([0.1, 0.2], dtype="float32")})
    run.Run(copy).write_codes(codes)
    pd.testing.assert_frame_equal(run.Run(copy).codes, codes, check_dtype=False)


def test_config_of_a_run_is_what_was_asked(trained):
    assert config.load(trained / "config.yaml") == settings()
