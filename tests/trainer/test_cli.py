"""The command line: results on standard output, progress on standard error, bad input as one line and exit status 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
import yaml

from tests.trainings import settings, train, write_pictures
from trainer.__main__ import main
from trainer.runs.folder import Run, create
from trainer.system import ROOT
from trainer.training import losses


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working directory without data and without network."""

    def refuse(*_args, **_options):
        raise URLError("network is cut")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.delenv("GWAE_DATA", raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A small training on a folder of pictures."""
    source = write_pictures(tmp_path / "pictures", train=40)
    wanted = settings(data={"name": "folder", "path": str(source)})
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(wanted.model_dump()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    train(folder, settings())
    return folder


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    folder = tmp_path / "copy"
    for path in trained.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(trained)).parent.mkdir(parents=True, exist_ok=True)
            (folder / path.relative_to(trained)).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def refused(capsys):
    """Run a command that has to fail; returns its one line on standard error."""

    def command(*arguments: object) -> str:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert status == 2
        assert out == ""
        assert err.endswith("\n")
        assert err.count("\n") == 1, err
        assert err.strip()
        return err.strip()

    return command


# --- what it does ----------------------------------------------------------------------------------------------------


def test_fit_stop_resume_and_list(tmp_path, recipe, capsys):
    folder = tmp_path / "runs" / "a"
    fit = ["fit", str(recipe), "--out", str(folder), "--set", "prior.kind=gmp", "--set", "optim.max_steps=8"]
    assert main([*fit, "--accelerator", "cpu", "--max-minutes", "0"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{folder}: time limit at step 1, checkpoint {Run(folder).hash}\n"
    assert "step" in err

    assert main(["resume", str(folder), "--accelerator", "cpu"]) == 0
    found = Run(folder)
    assert capsys.readouterr().out == f"{folder}: finished at step 8, checkpoint {found.hash}\n"
    assert (found.config.prior.kind, found.config.optim.max_steps) == ("gmp", 8)

    assert main(["resume", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == (
        f"{folder}: had already ended (finished) at step 8, nothing to do; "
        "raise optim.max_steps in config.yaml to train on\n"
    )
    assert err == ""

    create(tmp_path / "runs" / "b", settings())
    assert main(["list", str(tmp_path / "runs"), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == {"path": str(folder), "checkpoint": found.hash, "model": "gwae", "prior": "gmp", "data": "folder"}
    assert (second["path"], second["checkpoint"]) == (str(tmp_path / "runs" / "b"), None)
    assert main(["list", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        str(tmp_path / "runs" / "b"),
        "untrained",
        "gwae",
        "np",
        "mnist",
    ]


def test_a_run_without_out_goes_to_runs(recipe, capsys):
    assert main(["fit", str(recipe), "--max-minutes", "0", "--accelerator", "cpu"]) == 0
    assert capsys.readouterr().out.startswith("runs/tiny: time limit at step 1, checkpoint ")
    assert Run("runs/tiny").is_trained


def test_help_is_a_result(capsys):
    for arguments in ([], ["--help"], ["fit", "--help"]):
        assert main(arguments) == 0
        out, err = capsys.readouterr()
        assert "Usage: python -m trainer" in out
        assert err == ""


def test_the_streams_of_a_real_process(copy):
    """As a shell sees it, with what libraries print (training/test_resume.py does the same for success)."""
    (copy / "model.safetensors").write_bytes(b"short")
    process = subprocess.run(
        [sys.executable, "-m", "trainer", "evaluate", str(copy)], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    said = f"{copy}/model.safetensors: truncated or not a safetensors file; copy the run folder again.\n"
    assert (process.returncode, process.stdout, process.stderr) == (2, "", said)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "optim.speed=3"], "unknown key 'optim.speed'; remove it or correct its spelling."),
        (["--set", "colour=red"], "unknown key 'colour'; remove it or correct its spelling."),
        (["--set", "optim.max_steps=many"], "optim.max_steps='many' is not valid: input should be a valid integer"),
        (["--set", "optim.lr=[1, 2]"], "optim.lr=[1, 2] is not valid: input should be a valid number"),
        (["--set", "data.name=cifar"], "or 'folder'."),
        (["--set", "prior.kind=vamp"], "'np', 'fnp', 'gmp' or 'normal'."),
        (["--set", "model.kind=gan"], "model.kind='gan' is not valid: input should be 'gwae', 'vae'"),
        (["--set", "a.b=["], "what follows '=' is not YAML"),
        (["--set", "optim.lr"], "write it as section.key=value"),
        (["--max-minutes", "soon"], "Invalid value for '--max-minutes': Input should be a valid number"),
        (["--max-minutes", "-1"], "'--max-minutes': Input should be greater than or equal to 0"),
        (["--devices", "0"], "'--devices': Input should be greater than or equal to 1"),
        (["--strategy", "fsdp"], "'--strategy': Value error, 'fsdp' is not one of 'auto', 'ddp'"),
        (["--precision", "16"], "'--precision': Value error, '16' is not one of '32-true', 'bf16-mixed'"),
        (["--accelerator", "abacus"], "--accelerator abacus: not available on this machine; choose auto or cpu."),
        (["--speed"], "No such option"),
        (["another"], "unexpected extra argument"),
    ],
)
def test_wrong_settings(recipe, refused, arguments, said):
    assert said.lower() in refused("fit", recipe, "--out", "a", *arguments).lower()
    assert not Path("a").exists()  # so the corrected command can be given as it is


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; start from a recipe in trainer/configs."),
        (b"- a\n- b\n", "expected sections such as 'data:' and 'model:', found a list."),
        (b"data: {name: mnist\n", "cannot be read as YAML text (line 2, column 1: "),
        (b"name: \xff", "cannot be read as YAML text (invalid start byte)"),
    ],
)
def test_recipes_that_are_none(tmp_path, refused, content, said):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    for arguments in ([], ["--set", "seed=1"]):
        line = refused("fit", path, *arguments)
        assert line.startswith(f"{path}: ")
        assert said in line


def test_commands_and_files_that_do_not_exist(tmp_path, refused):
    assert "No such command 'train'" in refused("train")
    assert "name one file, a recipe or --published" in refused("fit")
    assert "no such file; trainer/configs holds the ready recipes" in refused("fit", "absent.yaml")
    for command in ("resume", "evaluate"):
        assert "absent: no such run folder" in refused(command, "absent")
        assert "no config.yaml, so this is not a run folder" in refused(command, tmp_path)


def test_missing_pictures(refused, recipe):
    assert "nowhere: no such folder or zip; set data.path" in refused("fit", recipe, "--set", "data.path=nowhere")
    Path("empty").mkdir()
    assert "empty; put pictures into it" in refused("fit", recipe, "--set", "data.path=empty")
    assert not Path("runs/tiny").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "omniglot"])
def test_missing_data_says_where_from(tmp_path, capsys, name):
    """A line that a download is tried comes first: that is progress; then the one line that says what to do."""
    path = tmp_path / "recipe.yaml"
    path.write_text(f"data: {{name: {name}}}\n", encoding="utf-8")
    assert main(["fit", str(path), "--data-root", str(tmp_path / "data"), "--out", "a"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *progress, line = err.splitlines()
    assert len(progress) <= 1
    assert "network is cut" in line
    assert "get it from https://" in line
    assert "or name another folder with --data-root or GWAE_DATA." in line
    assert not Path("a").exists()


def test_an_out_that_exists(refused, recipe, trained):
    assert "a run is already there; continue it with 'resume' or choose another --out" in refused(
        "fit", recipe, "--out", trained
    )
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine", encoding="utf-8")
    assert "the folder holds something else already; choose another --out" in refused("fit", recipe, "--out", "full")
    assert [path.name for path in Path("full").iterdir()] == ["thesis.txt"]


def test_places_that_cannot_be_written(refused, recipe):
    Path("file").touch()
    assert "file/a: a file is in the way; choose another folder with --out" in refused("fit", recipe, "--out", "file/a")
    assert "file: a file is in the way" in refused("fit", recipe, "--out", "file")
    if Path("/proc/self").exists():
        assert "/proc/a: cannot be written" in refused("fit", recipe, "--out", "/proc/a")


@pytest.mark.parametrize("content", [b"", b"short", b"PK\x03\x04" + bytes(200)])  # tests of pickles: test_pickles.py
def test_weights_that_are_none(copy, refused, content):
    (copy / "model.safetensors").write_bytes(content)
    assert refused("evaluate", copy) == (
        f"{copy}/model.safetensors: truncated or not a safetensors file; copy the run folder again."
    )


def test_weights_of_another_architecture(copy, refused):
    (copy / "config.yaml").write_text(settings(model={"z_dim": 9}).to_yaml(), encoding="utf-8")
    assert "the weights do not belong to this config.yaml; use the folder they came from" in refused("evaluate", copy)


def test_a_run_without_weights_or_config(copy, refused):
    (copy / "model.safetensors").unlink()
    assert "no model.safetensors yet; continue with 'python -m trainer resume'" in refused("evaluate", copy)
    (copy / "config.yaml").unlink()
    assert "no config.yaml, so this is not a run folder; choose one made by 'fit'" in refused("resume", copy)


def test_a_checkpoint_that_is_none(copy, refused):
    path = copy / "training" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1_000])
    assert refused("resume", copy) == f"{path}: truncated or of another configuration; start the training anew."


def test_unknown_metrics_come_with_the_valid_ones(copy, refused):
    line = refused("evaluate", copy, "--only", "beauty")
    assert "--only beauty" in line
    assert "reconstruction" in line


def test_a_term_that_is_no_number(recipe, monkeypatch, capsys):
    """The bar has been running by then; what counts is the last line, the status, and the checkpoint."""
    intact, calls = losses.reconstruction, []

    def planted(*arguments):
        calls.append(1)
        return intact(*arguments) * (float("nan") if len(calls) > 11 else 1)

    with monkeypatch.context() as patch:
        patch.setattr(losses, "reconstruction", planted)
        assert main(["fit", str(recipe), "--out", "a", "--accelerator", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    # Eleven sound calls: six steps, one batch of validation pictures, and four more steps.
    assert err.splitlines()[-1] == (
        "The term 'reconstruction' became non-finite at step 11; "
        "lower optim.lr and optim.critic_lr, then resume from the last checkpoint or start anew."
    )
    assert Run("a").load_model().z_dim == 4
    assert main(["resume", "a", "--accelerator", "cpu"]) == 0
    assert "finished at step 14" in capsys.readouterr().out


def test_a_full_disk(recipe, monkeypatch, refused):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = refused("fit", recipe, "--out", "a")
    assert line.endswith("no space left on the disk; free some and resume, nothing saved before is lost.")
