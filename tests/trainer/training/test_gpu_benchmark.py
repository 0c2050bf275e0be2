"""The benchmark for a graphics card, tiny and on the CPU: its parts run, and find no difference where there is none."""

from __future__ import annotations

import torch

from tests.benchmarks import gpu
from tests.trainings import CPU, settings


def test_without_a_card_a_sentence_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main() == 2
    assert "No NVIDIA GPU was found" in capsys.readouterr().err


def test_the_same_processor_gives_the_same_losses_and_resumes(tmp_path):
    compared = gpu.losses(settings(), tmp_path / "losses", CPU, 4)
    assert set(compared["all"].values()) == {0.0}
    assert gpu.resume(settings(), tmp_path / "resume", CPU, 4)["difference"] == 0.0


def test_bfloat16_differs_a_little(tmp_path):
    found = gpu.mixed(settings(), tmp_path, CPU, 4)["all"]
    assert 0 < found["loss"] < 0.02


def test_a_validation_is_reported(tmp_path):
    assert gpu.evaluate(settings(), tmp_path, CPU, 4)["validation psnr"] > 0


def test_the_curve_of_the_same_training_lies_within_the_spread_of_two_seeds(tmp_path):
    found = gpu.curve(settings(), tmp_path, CPU, 4)
    assert found["distance"] == 0.0 < found["spread"]


def test_a_part_that_fails_leaves_the_others_alone(tmp_path, monkeypatch):
    def refused(*_):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", refused)
    found = gpu.speed(settings(), tmp_path, CPU, 2)
    assert "failed" in found["compile, fresh"]
    assert found["eager, shared"]["steps/s"] > 0


def test_both_kinds_of_processor_draw_the_same_numbers():
    with gpu.DrawnOnCPU():
        torch.manual_seed(0)
        on_card = torch.randn(3, device="meta"), torch.rand(2, device="cpu")
    torch.manual_seed(0)
    torch.randn(3)
    assert torch.equal(on_card[1], torch.rand(2))  # the generator has moved on as by a draw on the CPU
