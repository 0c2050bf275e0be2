from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from trainer.evaluation.context import mean_interval
from trainer.evaluation.reconstruction import PSNR_CAP, psnr, ssim


def pictures(n: int, channels: int = 1, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(seed))


def test_psnr_by_hand():
    x = torch.zeros(3, 1, 2, 2)
    y = x.clone()
    y[0] += 0.1  # MSE 0.01 -> 20 dB
    y[1, 0, 0, 0] = 1.0  # MSE 1/4
    y[2] += 1.0  # MSE 1 -> 0 dB
    assert psnr(x, y).tolist() == pytest.approx([20.0, 10 * math.log10(4), 0.0], abs=1e-5)


def test_psnr_of_identical_pictures_is_the_cap():
    x = pictures(2)
    assert psnr(x, x).tolist() == [PSNR_CAP, PSNR_CAP]


def test_psnr_is_per_image_before_the_mean():
    x = torch.zeros(2, 1, 1, 1)
    y = torch.tensor([0.1, 1.0]).reshape(2, 1, 1, 1)
    assert psnr(x, y).mean().item() == pytest.approx(10.0, abs=1e-5)  # the pooled MSE would give 2.97 dB


def plain_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004 on one channel with scipy's filters: 11 taps (truncate 3.5), mirrored borders."""

    def blur(a: np.ndarray) -> np.ndarray:
        return gaussian_filter(a, 1.5, truncate=3.5, mode="mirror")

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    value = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(value.mean())


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_matches_scipy_filters(channels):
    x, noise = pictures(4, channels), pictures(4, channels, seed=1)
    strength = torch.tensor([0.0, 0.1, 0.5, 1.0]).reshape(4, 1, 1, 1)
    y = (1 - strength) * x + strength * noise
    expected = [
        np.mean([plain_ssim(a.double().numpy(), b.double().numpy()) for a, b in zip(p, q, strict=True)])
        for p, q in zip(x, y, strict=True)
    ]
    got = ssim(y, x).tolist()
    assert got == pytest.approx(expected, abs=2e-4)
    assert got[0] == pytest.approx(1.0, abs=1e-5)
    assert got == sorted(got, reverse=True)


def test_interval_of_the_mean_covers_at_its_rate():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        low, high = mean_interval(rng.exponential(1.0, 200))
        hits += low <= 1.0 <= high
    assert 0.92 < hits / 2000 < 0.97


def test_interval_needs_two_values():
    assert mean_interval(np.array([1.0])) is None
