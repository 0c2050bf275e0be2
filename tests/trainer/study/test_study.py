"""Studies: what a study file may hold, the table as arithmetic of stored numbers, and a study killed midway."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.fixtures import add_disentanglement, make_run, wait_for
from tests.studies import STEPS, make_study, write_study
from tests.trainings import assert_same_training
from trainer import __main__ as command
from trainer.errors import UserError
from trainer.evaluation import seeds
from trainer.runs.folder import Run
from trainer.runs.status import read_json
from trainer.study import plan, run, table
from trainer.system import ROOT, locks, processes
from trainer.training import fit


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GWAE_CACHE", str(tmp_path / "cache"))


# --- study files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(plan.EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_variant_of_the_ready_studies_is_a_valid_configuration(path):
    wanted = plan.load(path)
    assert wanted.name == path.stem
    assert wanted.seeds == [0, 1, 2]
    made = plan.trainings(wanted, path)
    assert len({each.name for each in made}) == len(made) == 3 * len(wanted.variants)
    first = [each.settings.model_copy(update={"name": "x"}) for each in made if each.seed == 0]
    assert all(first.count(each) == 1 for each in first), "two variants are the same training"
    assert {each.settings.seed for each in made} == {0, 1, 2}
    assert all(Path(f"runs/{wanted.name}") / each.name for each in made)


def test_the_variants_of_the_shapes_study_differ_in_what_they_claim():
    path = plan.EXAMPLES / "fnp-shapes3d.yaml"
    made = {each.variant: each.settings for each in plan.trainings(plan.load(path), path) if each.seed == 0}
    full = made["full"]
    assert made["without-gw"].objective == full.objective.model_copy(update={"lambda_gw": 0.0})
    assert made["without-d"].objective == full.objective.model_copy(update={"lambda_d": 0.0})
    assert made["fixed-prior"].prior.kind == "normal"
    annealed = made["annealed-vae"]
    assert (annealed.model.kind, annealed.prior.kind) == ("vae", "normal")
    assert annealed.objective.beta == 2 * full.objective.lambda_h
    assert annealed.optim.warmup_beta == full.optim.warmup_beta
    assert annealed.optim.warmup_steps == annealed.optim.max_steps
    assert annealed.optim.lr == full.optim.lr
    assert len({settings.optim.max_steps for settings in made.values()}) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipes": "tiny"}, "unknown key 'recipes'"),
        ({"recipe": "nothing"}, "no such file"),
        ({"recipe": "gone.yaml"}, "no such file"),
        ({"control": "other"}, "'other' is none of the variants full, vae"),
        ({"seeds": [1, 1]}, "one stands twice"),
        ({"seeds": list(range(51))}, "at most 50"),
        ({"seeds": list(range(50)), "variants": {f"v{i}": {} for i in range(10)}, "control": "v1"}, "more than 300"),
        (
            {"variants": {"full": {"set": ["optim.lrr=1"]}}, "control": "full"},
            "variant full: .*unknown key 'optim.lrr'",
        ),
        ({"variants": {"full": {"set": "optim.lr=1"}}, "control": "full"}, "variants.full.set"),
        ({"variants": {"../up": {}}, "control": "../up"}, "should match pattern"),
        ({"variants": ["full"]}, "variants has to be a list of"),
        ({"groups": ["recon"]}, "groups: 'recon' is none of reconstruction"),
    ],
)
def test_a_wrong_study_is_one_sentence(tmp_path, capsys, changes, sentence):
    path = write_study(tmp_path / "s", **changes)
    assert command.main(["study", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    with pytest.raises(UserError, match=sentence):
        raise UserError(said.err)
    assert not (tmp_path / "out").exists()


def test_a_missing_or_broken_study_file_is_one_sentence(tmp_path, capsys):
    for text, sentence in (
        (None, "no such file"),
        ("a: [", "cannot be read as YAML"),
        ("", "is empty"),
        ("3", "expected"),
    ):
        path = tmp_path / "s.yaml"
        if text is not None:
            path.write_text(text)
        assert command.main(["study", str(path)]) == 2
        assert sentence in capsys.readouterr().err


# --- the table --------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path) -> tuple[plan.Plan, Path, Path]:
    return make_study(tmp_path / "s", tmp_path / "out")


def test_means_ranges_and_paired_differences_by_hand(stored):
    made = table.make(*stored).stored
    full, vae = made.variants["full"], made.variants["vae"]
    mean, difference = full.means["PSNR"], full.differences["PSNR"]
    assert (mean.value, mean.low, mean.high, mean.group) == (23.0, 20.0, 27.0, "seeds")
    assert (vae.means["PSNR"].value, vae.differences) == (20.0, {})
    assert difference.value == pytest.approx(3.0)
    assert "1 (seed 0), 2 (seed 1), 6 (seed 2)" in difference.estimator
    draws = np.array([[a, b, c] for a in (1, 2, 6) for b in (1, 2, 6) for c in (1, 2, 6)]).mean(1)  # all there are
    assert (difference.low, difference.high) == (draws.min(), draws.max())  # 1 of 27 is more than 2.5 %
    assert set(full.means) == {"PSNR"}


def test_the_table_in_words(stored):
    text = table.write(*stored).markdown
    assert "| PSNR, dB (n = 40) | 23 (20 to 27) | 20 (19 to 21) |" in text
    assert "| PSNR, dB (n = 40) | +3 [1 to 6] |" in text
    assert "| absent | – | – |" in text
    assert "* **vae** (control): no critic; 3 trainings (vae-0, vae-1, vae-2)" in text
    assert table.read(stored[2] / table.JSON).markdown == text == (stored[2] / "study.md").read_text(encoding="utf-8")


def test_precisions_are_said_and_a_variant_may_have_its_own(stored, tmp_path):
    wanted, path, folder = stored
    assert "precision" not in table.make(wanted, path, folder).stored.about
    reduced = wanted.model_copy(update={"precision": "bf16-mixed"})
    assert table.make(reduced, path, folder).stored.about == "Trained with --precision bf16-mixed."
    vae = wanted.variants["vae"].model_copy(update={"precision": "32-true"})
    mixed = reduced.model_copy(update={"variants": wanted.variants | {"vae": vae}})
    assert (mixed.precision_of("full"), mixed.precision_of("vae")) == ("bf16-mixed", "32-true")
    said = table.make(mixed, path, folder).stored.about
    assert said == "Trained with --precision bf16-mixed: full; 32-true: vae."
    jobs = {each.variant: run._job(mixed, folder, each, None) for each in plan.trainings(mixed, path)}
    assert {name: job.arguments["precision"] for name, job in jobs.items()} == {"full": "bf16-mixed", "vae": "32-true"}


def test_trainings_of_other_settings_are_no_seeds_of_a_variant(stored):
    wanted, path, folder = stored
    before = table.make(wanted, path, folder).stored.variants
    assert before["full"].recipe == table.fingerprint(Run(folder / "full-1").config) != before["vae"].recipe
    settings = Run(folder / "full-1").config
    other = settings.model_copy(update={"optim": settings.optim.model_copy(update={"lr": 0.5})})
    (folder / "full-1" / "config.yaml").write_text(other.to_yaml(), encoding="utf-8")
    with pytest.raises(UserError, match="the trainings of full differ in more than their seed"):
        table.make(wanted, path, folder)


def test_the_command_is_that_of_the_checkout(stored):
    wanted, path, folder = stored
    assert table.make(*stored).stored.command == f"python -m trainer study {path} --out {folder}"
    shutil.copytree(folder, folder.parent / "tiny")
    assert table.make(wanted, path, folder.parent / "tiny").stored.command == f"python -m trainer study {path}"
    inside = ROOT / "trainer" / "configs" / "studies" / "tiny.yaml"
    assert table._command(wanted, inside, folder.parent / "tiny").endswith("study trainer/configs/studies/tiny.yaml")


def test_the_best_axis_of_each_factor_is_a_number_of_the_trainings(tmp_path):
    made = make_run(tmp_path / "shapes", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=160)
    full, fast = add_disentanglement(made), add_disentanglement(made, "fast")
    numbers = seeds.measured(made, ["disentanglement", "disentanglement, fast"])
    assert numbers["object hue on its best axis"].value == pytest.approx(full.dci.importance[:, 2].max())
    quick = numbers["object hue on its best axis, fast"]
    assert quick.value == pytest.approx(fast.dci.importance[:, 2].max())
    assert quick.group == "disentanglement, fast"
    assert quick.estimator.endswith(f"here z{fast.dci.importance[:, 2].argmax()}")
    assert not seeds.measured(make_run(tmp_path / "digits", pictures=20), ["disentanglement"])


@pytest.mark.parametrize("path", sorted(table.reported().values()), ids=lambda path: path.stem)
def test_a_reported_table_is_that_of_its_study_and_of_the_results(path):
    stored, asked = table.read(path).stored, path.with_suffix(".yaml")
    wanted = plan.load(asked)
    assert (stored.name, stored.control) == (wanted.name, wanted.control) == (path.stem, stored.control)
    expected = {name: [f"{name}-{seed}" for seed in wanted.seeds] for name in wanted.variants}
    assert {name: column.runs for name, column in stored.variants.items()} == expected
    assert path.stat().st_size < 2**20
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").replace("*", "")
    assert stored.command in results
    lines = [line for line in table.Table(stored).markdown.replace("*", "").splitlines() if line.startswith("| ")]
    assert [line for line in lines if line not in results] == []


def test_runs_without_their_own_numbers_are_left_out_and_named(stored):
    wanted, path, folder = stored
    weights = folder / "full-2" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\1\0")  # other weights than those measured
    (folder / "vae-1" / "metrics.json").write_text("{")
    made = table.make(*stored)
    assert set(made.missing) == {"full-2", "vae-1"}
    full = made.stored.variants["full"]
    assert full.means["PSNR"].value == 21.0
    assert (full.differences["PSNR"].value, full.differences["PSNR"].low) == (1.0, None)  # seed 0 alone is in both
    with pytest.raises(UserError, match="no training of this study is measured"):
        table.make(wanted, path, folder / "elsewhere")


def test_a_damaged_table_is_one_sentence(stored):
    table.write(*stored)
    (stored[2] / "study.json").write_text('{"name": "tiny"}')
    with pytest.raises(UserError, match="the file is damaged; make it with"):
        table.read(stored[2] / table.JSON)


# --- running ----------------------------------------------------------------------------------------------------


def test_two_studies_cannot_write_one_folder_and_a_run_of_another_is_refused(tmp_path, capsys):
    path, out = write_study(tmp_path / "s"), tmp_path / "out"
    out.mkdir()
    with locks.exclusive(out / "study.lock"):
        assert command.main(["study", str(path), "--out", str(out)]) == 2
    assert "another study is running here" in capsys.readouterr().err
    make_run(out / "full-0", pictures=40)
    assert command.main(["study", str(path), "--out", str(out)]) == 2
    assert "holds a training with other settings" in capsys.readouterr().err


def _kill(folder: Path) -> list[str]:
    """Kill every training below a study's folder; return their names."""
    killed = []
    for status in folder.glob("*/training/status.json"):
        stored = read_json(status)
        if processes.is_same(stored.get("pid"), stored.get("started")):
            with contextlib.suppress(ProcessLookupError):
                os.kill(stored["pid"], signal.SIGKILL)
                killed.append(status.parent.parent.name)
    return killed


def test_a_study_killed_midway_continues_and_its_table_is_remade_from_records_alone(tmp_path, monkeypatch, capsys):
    path, out = write_study(tmp_path / "s", seeds=[0]), tmp_path / "out"
    asked = [sys.executable, "-m", "trainer", "study", str(path), "--out", str(out), "--jobs", "2"]
    first = subprocess.Popen(asked, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    midway = lambda: read_json(out / "full-0" / "training" / "status.json").get("step", 0) >= 30  # noqa: E731
    wait_for(lambda: midway() or first.poll() is not None)
    first.kill()
    first.wait()
    assert "full-0" in _kill(out)
    assert read_json(out / "full-0" / "training" / "status.json")["step"] < STEPS
    assert not (out / "study.json").exists()

    assert command.main(["study", str(path), "--out", str(out), "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed == (out / "study.md").read_text(encoding="utf-8")
    for name in ("full-0", "vae-0"):
        assert {metric.group for metric in Run(out / name).metrics} == {"reconstruction"}
        assert not list((out / name).glob("metrics.[ls]*"))  # nothing of its process is left
    alone = Run(_copy_of_config(out / "full-0", tmp_path / "alone"))
    fit.fit(alone, progress=False)
    assert_same_training(alone.path, out / "full-0")  # as if nothing had happened

    before = {name: (out / name).read_bytes() for name in ("study.json", "study.md")}
    for name in before:
        (out / name).unlink()
    monkeypatch.setattr(run, "run", None)  # whatever trains would fail
    assert command.main(["study", str(path), "--out", str(out), "--table"]) == 0
    assert {name: (out / name).read_bytes() for name in before} == before
    stored = json.loads(before["study.json"])
    assert stored["variants"]["full"]["differences"]["PSNR"]["name"] == "PSNR minus vae"


def _copy_of_config(source: Path, folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.yaml").write_bytes((source / "config.yaml").read_bytes())
    return folder
