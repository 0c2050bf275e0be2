"""`import trainer`: the numbers of the app and the command line, one form of pictures, and the examples of its page."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import trainer
from explorer.shared import cache, catalog
from tests.fixtures import make_run
from tests.trainings import settings, write_pictures
from trainer.__main__ import main
from trainer.evaluation.reconstruction import psnr
from trainer.runs.folder import Run
from trainer.system import ROOT

GMP = ROOT / "pretrained" / "mnist-gmp"
SHAPES = ROOT / "pretrained" / "shapes3d-fnp"


def loaded_by(code: str) -> str:
    """Which of the heavy libraries a fresh Python has after this code."""
    code += "\nimport sys; print(sorted({'torch', 'pandas', 'numpy', 'streamlit', 'explorer'} & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout.splitlines()[-1]


def picture_rows(run: Run):
    codes = run.codes
    return codes[codes["sprite_index"] >= 0]


@pytest.fixture
def small_source(tmp_path) -> Path:
    return write_pictures(tmp_path / "pictures", train=18, test=2)


@pytest.fixture
def small(small_source) -> dict:
    return settings(data={"name": "folder", "path": str(small_source)}).model_dump()


def test_the_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("pretrained", "trainer"):
        (tmp_path / name).symlink_to(ROOT / name)
    write_pictures(tmp_path / "pictures", train=18, test=4)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.M | re.S)
    namespace: dict = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), namespace)
    assert len(blocks) == 13
    assert "mnist-gmp" in namespace["names"]
    assert namespace["pictures"].shape == (2000, 1, 32, 32)
    assert namespace["codes"].shape == (2000, 16)
    assert 0 < namespace["error"] < 0.01
    assert namespace["between"].shape == (1, 1, 32, 32)
    assert np.array_equal(namespace["path"][2], namespace["between"])
    assert namespace["samples"].shape == (8, 1, 32, 32)
    assert len(namespace["scores"]) == 22
    assert [sentence.split(":")[0] for sentence in namespace["own"].skipped] == ["notes.txt"]
    assert (namespace["recipe"].optim.max_steps, namespace["recipe"].seed) == (5000, 1)
    assert namespace["new"].is_trained
    assert list(trainer.metrics(namespace["new"])["name"]) == ["PSNR", "SSIM"]
    assert "(n, 1, 32, 32)" in capsys.readouterr().out.splitlines()[-1]


def test_importing_it_loads_nothing_heavy_and_using_it_no_app():
    assert loaded_by("import trainer, trainer.errors; dir(trainer)") == "[]"
    command = "from trainer.__main__ import main; main(['list', 'pretrained'])"
    assert not {"torch", "pandas", "streamlit"} & set(re.findall(r"\w+", loaded_by(command)))
    assert loaded_by(f"import trainer; trainer.open_run({str(GMP)!r})") == "['numpy', 'pandas', 'torch']"


def test_every_name_is_there_and_hides_no_module():
    for name in trainer.__all__:
        assert getattr(trainer, name).__doc__
        assert name in dir(trainer)
        assert not (ROOT / "trainer" / name).exists()
        assert not (ROOT / "trainer" / f"{name}.py").exists()
    assert "mnist" in trainer.DATASETS
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = trainer.nothing


@pytest.mark.parametrize("path", [GMP, SHAPES], ids=lambda path: path.name)
def test_codes_and_reconstructions_are_those_that_were_measured(path):
    run = trainer.open_run(path)
    pictures, rows = trainer.stored_pictures(run), picture_rows(run)
    assert len(pictures) == len(rows)
    codes = trainer.encode(run, pictures)
    assert codes.dtype == np.float32
    expected = rows[[f"z{axis}" for axis in range(codes.shape[1])]].to_numpy()
    assert np.allclose(codes, expected, rtol=1e-4, atol=1e-4)
    seen = trainer.decode(run, codes)
    decibel = psnr(torch.from_numpy(seen), torch.from_numpy(pictures).float() / 255).numpy()
    assert np.allclose(decibel, rows["psnr"], atol=1e-2)


def test_reconstructions_and_samples_are_those_of_the_app():
    run, entry = trainer.open_run(GMP), catalog.find(GMP.name)
    originals = cache.originals(entry)
    ours = trainer.decode(run, trainer.encode(run, originals))
    assert np.abs(np.round(255 * ours) - cache.reconstructions(entry)).max() <= 1
    drawn = trainer.decode(run, trainer.sample(run, 6, seed=3))
    assert np.abs(np.round(255 * drawn) - cache.prior_pictures(entry, 6, seed=3)).max() <= 1


def test_bytes_and_floats_of_the_same_pictures_are_the_same(monkeypatch):
    run = trainer.open_run(GMP)
    model, pictures = run.load_model(), trainer.stored_pictures(run)[:7]
    expected = trainer.encode(run, pictures)
    for form in (pictures / 255, (pictures / 255).astype(np.float32), (pictures / 255).tolist()):
        assert np.allclose(trainer.encode(model, form), expected, atol=1e-4)
        assert trainer.score(run, form).equals(trainer.score(run, pictures))
    flipped = trainer.encode(model, pictures[::-1])  # torch takes no negative strides
    assert np.allclose(flipped[::-1], expected, atol=1e-4)
    monkeypatch.setattr("trainer.library.CHUNK", 3)
    assert np.allclose(trainer.encode(model, pictures), expected, atol=1e-4)


def test_no_picture_is_no_error():
    run = trainer.open_run(GMP)
    none = np.zeros((0, 1, 32, 32), np.uint8)
    assert trainer.encode(run, none).shape == (0, 16)
    assert trainer.decode(run, np.zeros((0, 16))).shape == (0, 1, 32, 32)
    assert trainer.sample(run, 0).shape == (0, 16)
    assert len(trainer.score(run, none)) == 0


def test_samples_follow_the_seed():
    run = trainer.open_run(GMP)
    first = trainer.sample(run, 4, seed=1)
    assert np.array_equal(first, trainer.sample(run, 4, seed=1))
    assert not np.array_equal(first, trainer.sample(run, 4, seed=2))


def test_scores_are_those_of_the_command(tmp_path, capsys):
    run = trainer.open_run(GMP)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, picture in enumerate(trainer.stored_pictures(run)[:3]):
        Image.fromarray(picture[0]).save(folder / f"{index}.png")
    Image.new("L", (32, 32), 255).save(folder / "white.png")
    assert main(["score", str(run.path), str(folder), "--csv", str(tmp_path / "scores.csv"), "--fpr", "0.1"]) == 0
    own = trainer.read_pictures(run, folder)
    table = trainer.score(run, own.arrays, own.names, fpr=0.1)
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert list(table["picture"]) == [row["picture"] for row in rows] == ["0.png", "1.png", "2.png", "white.png"]
    assert set(table.columns) <= set(rows[0]), "the command adds the detectors of the literature"
    for row, (_, ours) in zip(rows, table.iterrows(), strict=True):
        for name, value in ours.items():
            text = row[name]
            wanted = f"{value:.2f}" if "percentile" in name else f"{value:.6g}" if isinstance(value, float) else value
            assert text == str(wanted), name


def test_metrics_are_a_table(tmp_path):
    run = make_run(tmp_path / "small")
    table = trainer.metrics(run)
    assert list(table["value"]) == [metric.value for metric in run.metrics] == [18.25, 0.8125, 0.75]
    assert set(table["checkpoint"]) == {run.hash}
    run.path.joinpath("metrics.json").unlink()
    assert trainer.metrics(run).empty


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (np.zeros((2, 32, 32), np.uint8), r"uint8, shape \(2, 32, 32\), 0 to 0"),
        (np.zeros((2, 32, 32, 1), np.uint8), r"uint8, shape \(2, 32, 32, 1\)"),
        (np.zeros((2, 3, 32, 32), np.uint8), r"shape \(2, 3, 32, 32\)"),
        (np.zeros((2, 1, 28, 28), np.uint8), r"shape \(2, 1, 28, 28\)"),
        (np.zeros((2, 1, 32, 32), np.int64), "int64"),
        (np.full((2, 1, 32, 32), 255.0), "float64, .* 255 to 255"),
        (np.full((2, 1, 32, 32), -0.1), "-0.1 to -0.1"),
        (np.full((2, 1, 32, 32), np.nan), "nan"),
        (["no picture"], "shape"),
    ],
)
def test_other_forms_of_pictures_are_one_sentence(pictures, sentence):
    run = trainer.open_run(GMP)
    for refuse in (trainer.encode, trainer.score):
        with pytest.raises(trainer.UserError, match=sentence) as error:
            refuse(run, pictures)
        assert str(error.value).startswith("Pictures are uint8 or floats from 0 to 1, shape (n, 1, 32, 32); these are ")


@pytest.mark.parametrize(
    "codes", [np.zeros(16), np.zeros((2, 15)), np.full((2, 16), np.inf), ["a"], np.zeros((1, 16), bool)]
)
def test_other_forms_of_codes_are_one_sentence(codes):
    with pytest.raises(trainer.UserError, match=r"^Codes are finite numbers, shape \(n, 16\); these are .*\.$"):
        trainer.decode(trainer.open_run(GMP), codes)


def test_what_is_missing_is_one_sentence(tmp_path, small_source):
    run = trainer.open_run(GMP)
    with pytest.raises(trainer.UserError, match="no such run folder"):
        trainer.open_run(tmp_path / "nowhere")
    with pytest.raises(trainer.UserError, match="1 names for 2 pictures"):
        trainer.score(run, np.zeros((2, 1, 32, 32), np.uint8), ["one"])
    bare = trainer.open_run(make_run(tmp_path / "bare").path)
    (bare.path / "sprite.png").unlink()
    with pytest.raises(trainer.UserError, match="no test pictures are stored"):
        trainer.stored_pictures(bare)
    with pytest.raises(trainer.UserError, match="calibrat"):
        trainer.score(bare, np.zeros((2, 1, 32, 32), np.uint8))
    with pytest.raises(trainer.UserError, match="finished model without its training"):
        trainer.resume(run, small_source)


def test_fit_trains_what_the_command_trains(small, tmp_path, capsys):
    run = trainer.fit(small, tmp_path / "ours", progress=False)
    assert isinstance(run, trainer.Run)
    assert run.config.to_yaml() == trainer.load_config(tmp_path / "ours" / "config.yaml").to_yaml()
    assert main(["fit", str(tmp_path / "ours" / "config.yaml"), "--out", str(tmp_path / "theirs")]) == 0
    assert Run(tmp_path / "theirs").hash == run.hash
    with pytest.raises(trainer.UserError, match="a run is already there"):
        trainer.fit(small, tmp_path / "ours")


def test_resume_goes_on_to_the_same_model(small, tmp_path):
    whole = trainer.fit(small, tmp_path / "whole", progress=False)
    part = trainer.fit(small, tmp_path / "part", max_minutes=0, progress=False)
    assert part.hash != whole.hash
    assert trainer.resume(part, progress=False).hash == whole.hash
    assert trainer.resume(whole, progress=False).hash == whole.hash


def test_a_training_without_data_leaves_no_folder(small, tmp_path, monkeypatch):
    absent = small | {"data": small["data"] | {"path": str(tmp_path / "absent")}}
    with pytest.raises(trainer.UserError, match="absent"):
        trainer.fit(absent, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(trainer.UserError, match="unknown key"):
        trainer.fit({"modle": {}}, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert trainer.fit(small, progress=False).path == Path("runs") / "tiny"
    assert [run.name for run in trainer.list_runs()] == ["tiny"]


def test_a_stop_while_the_pictures_are_read_is_one_sentence(small, tmp_path, monkeypatch):
    from trainer.errors import StoppedError

    def stop(*_arguments: object) -> None:
        raise StoppedError

    monkeypatch.setattr("trainer.training.fit.fit", stop)
    with pytest.raises(trainer.UserError, match="stopped while reading the pictures"):
        trainer.fit(small, tmp_path / "run")
