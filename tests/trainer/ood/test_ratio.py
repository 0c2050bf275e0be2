"""The likelihood ratio from its background model to the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.fixtures import blob_pictures, make_run
from tests.outliers import image_set
from trainer.errors import UserError
from trainer.models.base import LatentModel
from trainer.ood import calibration, command, neighbours
from trainer.ood.detectors import likelihood, ratio, registry
from trainer.ood.scores import raw_scores
from trainer.runs import layout
from trainer.runs.folder import Run

SHARE = 0.25


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Run, Run]:
    """A model, and a background model of the same data."""
    own, behind = make_run(tmp_path / "own", kind="vae"), make_run(tmp_path / "behind", kind="vae")
    data = behind.config.data.model_copy(update={"mutation": SHARE})
    settings = behind.config.model_copy(update={"data": data}).to_yaml()
    (behind.path / layout.CONFIG).write_text(settings, encoding="utf-8")
    return own, Run(behind.path)


def calibrated(run: Run, behind: Run | None) -> LatentModel:
    """The calibration of an evaluation with a background model, or without."""
    model = run.load_model()
    held_out = image_set(blob_pictures(100, seed=1)[0], tuple(f"mnist-train-{i:05d}" for i in range(100)), "MNIST")
    found = calibration.calibrate(raw_scores(model, held_out), "vae", checkpoint=run.hash, data="MNIST")
    neighbours.store(run, model, held_out)
    background = behind and ratio.background_of(behind, run.config)
    codes = neighbours.read(run)
    reference = registry.measure(model, held_out, codes, calibration.LEVELS, background=background)
    calibration.write(replace(found, reference=reference), run.path)
    return model


def test_the_variance_of_the_background_is_that_of_pictures_with_replaced_pixels(runs):
    background = ratio.background_of(runs[1], runs[0].config)
    pictures = torch.from_numpy(blob_pictures(60, seed=2)[0])
    found = ratio.measured(background, pictures)
    plain = float(likelihood.pixel_variance(found.model, pictures.float() / 255).mean())
    uniform = float(((torch.arange(256) / 255 - 0.5) ** 2).mean())  # of a value drawn evenly, around 1/2
    assert found.variance == pytest.approx((1 - SHARE) * plain + SHARE * uniform, rel=0.02)
    assert ratio.measured(background, pictures).variance == found.variance


def test_only_a_model_of_mutated_pictures_of_the_same_data_is_a_background(runs, tmp_path):
    own, behind = runs
    with pytest.raises(UserError, match=r"no background model; train one with data\.mutation above 0"):
        ratio.background_of(own, own.config)
    other = make_run(tmp_path / "shapes", kind="vae", data="shapes3d-rendered", size=64)
    with pytest.raises(UserError, match="the model's own data, shapes3d-rendered"):
        ratio.background_of(behind, other.config)
    (behind.path / layout.CONFIG).unlink()
    with pytest.raises(UserError):
        ratio.background_of(Run(behind.path), own.config)


def test_the_command_scores_by_the_ratio_of_both_models(runs, tmp_path, capsys):
    own, behind = runs
    model = calibrated(own, behind)
    (tmp_path / "one.png").write_bytes(_png(blob_pictures(1, seed=3)[0][0]))
    paths = [tmp_path / "one.png"]
    said = json.loads(command.score(own, paths, form="json", as_it_is=True, background=behind.path))["pictures"][0][
        "scores"
    ]
    stored = calibration.read(own).reference
    assert stored.background[0] == behind.hash
    x = torch.from_numpy(blob_pictures(1, seed=3)[0]).float() / 255
    other = behind.load_model()
    with torch.no_grad():
        bits = float(likelihood.negative_log_likelihood(model, x, *model.encode(x), stored.variance))
        background = float(likelihood.negative_log_likelihood(other, x, *other.encode(x), stored.background[1]))
    assert said["likelihood"]["value"] == pytest.approx(bits, rel=1e-4)
    assert said["likelihood ratio"]["value"] == pytest.approx(bits - background, rel=1e-3, abs=0.05)
    capsys.readouterr()
    assert "likelihood ratio" not in command.score(own, paths)
    assert "No likelihood ratio: it was evaluated without a background model" in capsys.readouterr().err


def test_another_background_model_than_that_of_the_evaluation_is_refused(runs, tmp_path):
    own, behind = runs
    calibrated(own, None)
    assert calibration.read(own).reference.background is None
    with pytest.raises(UserError, match=f"--only ood --background {behind.path}' does it"):
        command.score(own, [tmp_path], background=behind.path)


def _png(picture) -> bytes:
    from tests.pages.reading import png

    return png(picture[0])
