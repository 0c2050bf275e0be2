"""The detectors of the literature, each on a fixed problem whose AUROC agrees with an independent implementation."""

from __future__ import annotations

import math
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import integrate, stats
from sklearn.covariance import EmpiricalCovariance
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.models.priors import NormalPrior
from trainer.ood.baselines import BASELINES, baseline_scores
from trainer.ood.detectors import knn, likelihood, mahalanobis, registry, regret
from trainer.ood.detectors.base import NEEDS, NO_BACKGROUND, NO_CODES, NO_DENSITY, Background, Known
from trainer.ood.detectors.batch import Batch
from trainer.ood.ranking import auroc

VARIANCE, WIDTH = 0.01, 0.4
BEHIND = 0.03  # variance of a pixel of the background model
NAMES = [detector.name for detector in registry.DETECTORS]
torch.manual_seed(0)


class Linear(nn.Module):
    """A linear Gaussian model: x = 1/2 + 0.1 W z + noise, whose likelihood and posterior have closed forms.

    Its encoder gives the posterior mean with a variance that is WIDTH^2 instead of the right one.
    """

    def __init__(self, side: int = 4, z_dim: int = 2, seed: int = 1):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.z_dim, self.image_shape, self.prior = z_dim, (1, side, side), NormalPrior(z_dim)
        self.weights = nn.Parameter(torch.from_numpy(0.1 * rng.normal(size=(side * side, z_dim))).float())

    device = torch.device("cpu")

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        w = self.weights
        precision = w.T @ w / VARIANCE + torch.eye(self.z_dim)
        mu = (x.flatten(1) - 0.5) @ w @ torch.linalg.inv(precision) / VARIANCE
        return mu, torch.full_like(mu, 2 * math.log(WIDTH))

    def decode(self, z: Tensor) -> Tensor:
        return (0.5 + z @ self.weights.T).view(-1, *self.image_shape)

    def covariance(self) -> np.ndarray:
        w = self.weights.detach().double().numpy()
        return w @ w.T + VARIANCE * np.eye(len(w))


class Implicit(nn.Module):
    """A prior that can only be drawn from."""


@pytest.fixture(scope="module")
def problem():
    """A model, 300 pictures of its own, 300 others (noisier, with a contrast of their own), and training codes."""
    model, rng = Linear().requires_grad_(False), np.random.default_rng(2)
    draw = lambda n: rng.multivariate_normal(np.full(16, 0.5), model.covariance(), n)  # noqa: E731
    train, own, others = draw(500), draw(300), 0.5 + 1.2 * (draw(300) - 0.5) + 0.04 * rng.normal(size=(300, 16))
    pictures = [as_bytes(values) for values in (train, own, others)]
    with torch.no_grad():
        codes = model.encode(pictures[0].float() / 255)[0].double().numpy()
    classes = (codes[:, 0] > 0).astype(np.int64)
    background = Background(Linear(seed=5).requires_grad_(False), 0.2, "", BEHIND)
    return model, pictures[1], pictures[2], Known(VARIANCE, 0.0, codes, classes, background)


def as_bytes(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)).view(-1, 1, 4, 4)


def exact_bits(model: Linear, pictures: Tensor, variance: float = VARIANCE) -> np.ndarray:
    """-log2 of the marginal density times the width of a byte, by SciPy."""
    x = pictures.flatten(1).double().numpy() / 255
    covariance = model.covariance() + (variance - VARIANCE) * np.eye(16)
    density = stats.multivariate_normal(np.full(16, 0.5), covariance).logpdf(x)
    return -(density - 16 * math.log(255)) / math.log(2)


def area(own: np.ndarray, others: np.ndarray) -> float:
    """AUROC by scikit-learn."""
    return roc_auc_score(np.r_[np.zeros(len(own)), np.ones(len(others))], np.r_[own, others])


@pytest.fixture(scope="module")
def found(problem):
    model, own, others, known = problem
    known = replace(known, entropy=float(exact_bits(model, own).mean()))
    return registry.scores(model, own, known), registry.scores(model, others, known), known


def oracle(problem, known: Known, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The scores of both sets by another implementation of the same formula."""
    model, own, others, _ = problem
    codes = [model.encode(part.float() / 255)[0].double().numpy() for part in (own, others)]
    if name == "Mahalanobis":
        means = np.stack([known.codes[known.classes == each].mean(0) for each in (0, 1)])
        within = EmpiricalCovariance(assume_centered=True).fit(known.codes - means[known.classes])
        return tuple(np.min([0.5 * within.mahalanobis(z - mean) for mean in means], axis=0) for z in codes)
    if name == "nearest codes":
        fitted = NearestNeighbors(n_neighbors=knn.K).fit(known.codes)
        return tuple(fitted.kneighbors(z)[0][:, -1] for z in codes)
    bits = [exact_bits(model, part) for part in (own, others)]
    if name == "typicality":
        return tuple(np.abs(each - known.entropy) for each in bits)
    if name == "likelihood ratio":
        behind = (exact_bits(known.background.model, part, BEHIND) for part in (own, others))
        return tuple(each - background for each, background in zip(bits, behind, strict=True))
    if name.startswith("complexity"):
        coder = {"PNG": {"format": "PNG"}, "WebP": {"format": "WEBP", "lossless": True, "quality": 50, "method": 2}}
        options = coder[name.removeprefix("complexity, ")]
        return tuple(
            each - size for each, size in zip(bits, (sizes(own, options), sizes(others, options)), strict=True)
        )
    return tuple(bits)


def sizes(pictures: Tensor, options: dict) -> np.ndarray:
    bits = []
    for picture in pictures.numpy():
        buffer, image = BytesIO(), Image.fromarray(picture[0])
        (image.convert("RGB") if options["format"] == "WEBP" else image).save(buffer, **options)
        bits.append(8 * buffer.tell())
    return np.array(bits)


# --- each against an independent implementation ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name != "likelihood regret"])
def test_the_auroc_agrees_with_an_independent_implementation(problem, found, name):
    own, others, known = found
    expected = area(*oracle(problem, known, name))
    assert auroc(own[name], others[name]) == pytest.approx(expected, abs=0.01)
    assert 0.05 < abs(expected - 0.5) < 0.499, "a problem that tells detectors apart"


def test_regret_is_the_gap_to_the_best_posterior(problem):
    """With an encoder of the right mean and the wrong variance the gap is the same for all pictures."""
    model, own, _, known = problem
    w = model.weights.double().numpy()
    precision, eps = w.T @ w / VARIANCE + np.eye(2), likelihood.noise(1, 2).double().numpy()
    batch = Batch(model, own[:50].float() / 255, known)
    long = regret.regret(batch, steps=400).numpy()
    # two antithetic draws stand for the expectation: their second moment takes the place of the identity
    assert long == pytest.approx(_gap_of_draws(precision, eps.T @ eps), rel=0.05)
    assert (regret.regret(batch, steps=0) == 0).all()
    assert (regret.regret(batch).numpy() >= 0).all()
    assert (regret.regret(batch).numpy() <= long + 1e-2).all()


def _gap_of_draws(precision: np.ndarray, moment: np.ndarray) -> float:
    """Of log-variances found by a dense search: max over sigma of sum log sigma - 1/2 sigma^T (P * M) sigma."""
    grid = np.exp(np.linspace(math.log(1e-2), math.log(10), 600))
    first, second = np.meshgrid(grid, grid, indexing="ij")
    curve = precision * moment
    value = np.log(first) + np.log(second)
    value -= 0.5 * (curve[0, 0] * first**2 + 2 * curve[0, 1] * first * second + curve[1, 1] * second**2)
    start = 2 * math.log(WIDTH) - 0.5 * WIDTH**2 * curve.sum()
    return float(value.max() - start) / math.log(2)


def test_regret_finds_pictures_whose_codes_the_encoder_misses(problem):
    """An encoder that is wrong about half of the pictures: regret ranks those above the others, as the closed form."""
    model, own, _, known = problem
    shifted = Linear().requires_grad_(False)
    shifted.encode = lambda x: (model.encode(x)[0] + 1.5 * (torch.arange(len(x)) % 2).unsqueeze(1), model.encode(x)[1])
    scores = regret.regret(Batch(shifted, own.float() / 255, known)).numpy()
    w = model.weights.double().numpy()
    precision = w.T @ w / VARIANCE + np.eye(2)
    off = np.full(2, 1.5)
    assert 0.5 * off @ precision @ off / math.log(2) > 5  # bits that a wrong mean costs
    assert area(scores[::2], scores[1::2]) == auroc(scores[::2], scores[1::2]) == 1


def test_the_auroc_of_regret_is_that_of_the_closed_form(problem):
    """An encoder whose means are off, more for some pictures than for others: each costs d^T P d / 2 nats."""
    model, own, _, known = problem
    spread = 0.25 * (1 + torch.arange(120) % 2).unsqueeze(1)
    off = spread * torch.randn(120, 2, generator=torch.Generator().manual_seed(3))
    wrong = Linear().requires_grad_(False)
    wrong.encode = lambda x: (model.encode(x)[0] + off, model.encode(x)[1])
    found = regret.regret(Batch(wrong, own[:120].float() / 255, known), steps=60).numpy()
    w, d = model.weights.double().numpy(), off.double().numpy()
    exact = 0.5 * ((d @ (w.T @ w / VARIANCE + np.eye(2))) * d).sum(1)
    expected = area(exact[::2], exact[1::2])
    assert 0.6 < expected < 0.95
    assert auroc(found[::2], found[1::2]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("name", BASELINES)
def test_the_auroc_of_a_trivial_baseline_agrees_with_an_independent_implementation(problem, name):
    _, own, others, _ = problem
    count = {
        "mean intensity": lambda part: part.double().mean((1, 2, 3)).numpy(),
        "stroke area": lambda part: (part > 127).sum((1, 2, 3)).numpy(),
        "PNG size": lambda part: sizes(part, {"format": "PNG"}),
    }[name]
    expected = area(count(own), count(others))
    found = [baseline_scores(part.numpy())[name] for part in (own, others)]
    assert auroc(*found) == pytest.approx(expected, abs=1e-3)
    assert abs(expected - 0.5) < 0.499


def test_mahalanobis_and_nearest_codes_agree_with_pytorch_ood(problem):
    detectors = pytest.importorskip("pytorch_ood.detector")
    model, own, others, known = problem
    train, classes = torch.from_numpy(known.codes).float(), torch.from_numpy(known.classes)
    for part in (own, others):
        z = model.encode(part.float() / 255)[0]
        theirs = detectors.Mahalanobis(None).fit_features(train, classes).predict_features(z)
        found = mahalanobis.distances(z.double().numpy(), known.codes, known.classes)
        np.testing.assert_allclose(found, 500 * theirs, rtol=1e-3)  # their covariance is a sum over the 500 codes
        near = detectors.KNN(None, k=knn.K, normalize=False).fit_features(train, classes).predict_features(z)
        np.testing.assert_allclose(knn.distances(z.double().numpy(), known.codes), near, rtol=1e-3)


# --- the likelihood --------------------------------------------------------------------------------------------------


def test_the_bound_tightens_to_the_exact_likelihood(problem):
    model, own, _, _ = problem
    x, exact = own[:40].float() / 255, exact_bits(model, own[:40])
    gaps = [
        (likelihood.negative_log_likelihood(model, x, *model.encode(x), VARIANCE, samples).numpy() - exact).mean()
        for samples in (1, 16, 4000)
    ]
    assert gaps[0] > gaps[1] > -0.05
    assert abs(gaps[2]) < 0.03


def test_the_exact_likelihood_is_the_integral_over_codes():
    """The oracle itself, and the joint density, against numerical integration in one dimension."""
    model = Linear(side=4, z_dim=1).requires_grad_(False)
    picture = as_bytes(np.random.default_rng(4).normal(0.5, 0.1, (1, 16)))
    x = picture.float() / 255

    def joint(z: float) -> float:
        return math.exp(float(likelihood.log_joint(model, x, torch.tensor([[[z]]]), VARIANCE)) + shift)

    shift = float(exact_bits(model, picture)) * math.log(2)  # keeps the numbers near 1
    total, _ = integrate.quad(joint, -8, 8, limit=200)
    assert math.log2(total) == pytest.approx(0, abs=1e-2)


def test_the_variance_of_a_pixel_is_the_one_of_largest_likelihood(problem):
    model, own, _, _ = problem
    x = own.float() / 255
    variance = float(likelihood.pixel_variance(model, x).mean())
    mu, log_var = model.encode(x)
    z = mu.unsqueeze(1) + torch.exp(0.5 * log_var).unsqueeze(1) * likelihood.noise(2, 2)

    def expected(candidate: float) -> float:
        return float(likelihood.log_joint(model, x, z, candidate).mean())

    assert expected(variance) > max(expected(0.9 * variance), expected(1.1 * variance))


# --- many pictures ---------------------------------------------------------------------------------------------------


def test_a_score_does_not_depend_on_the_company(problem, found):
    model, own, _, _ = problem
    alone = registry.scores(model, own[120:123], found[2])
    for name in NAMES:
        np.testing.assert_allclose(alone[name], found[0][name][120:123], rtol=1e-5, atol=1e-5)
    assert {len(values) for values in registry.scores(model, own[:0], found[2]).values()} == {0}


def test_a_data_set_is_scored_on_an_even_sample_and_the_rest_left_open(problem, found, monkeypatch):
    model, own, _, _ = problem
    monkeypatch.setattr(registry, "PICTURES", 31)
    images = ImageSet(own, None, (), tuple(map(str, range(300))), "own", "test")
    seen: list[tuple[int, int]] = []
    made = registry.of_set(model, images, found[2], lambda *step: seen.append(step))
    for name in NAMES:
        kept = np.flatnonzero(~np.isnan(made[name]))
        assert len(kept) == 31
        assert (kept[0], kept[-1]) == (0, 299)
        np.testing.assert_allclose(made[name][kept], found[0][name][kept], rtol=1e-5, atol=1e-5)
    assert seen[-1] == (31, 31)


def test_a_stop_ends_the_work_between_two_passes(problem, found):
    model, own, _, _ = problem

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt(f"{done} of {total}")

    with pytest.raises(KeyboardInterrupt, match="50 of 300"):
        registry.scores(model, own, found[2], stop)


def test_what_a_detector_lacks_is_said_and_the_others_remain(problem):
    model, own, _, known = problem
    implicit = Linear().requires_grad_(False)
    implicit.prior = Implicit()
    reasons = registry.lacking(implicit, known)
    assert set(reasons.values()) == {NO_DENSITY}
    assert (
        set(registry.scores(implicit, own[:3], known)) == {"Mahalanobis", "nearest codes"} == set(NAMES) - set(reasons)
    )
    bare = replace(known, codes=np.zeros((0, 2)), classes=np.zeros(0, np.int64))
    assert registry.lacking(model, bare) == dict.fromkeys(("Mahalanobis", "nearest codes"), NO_CODES)
    assert registry.lacking(model, replace(known, background=None)) == {"likelihood ratio": NO_BACKGROUND}
    implicit_alone = replace(bare, background=None)
    said = registry.lacking(implicit, implicit_alone) | registry.lacking(model, implicit_alone)
    assert said == NEEDS, "pages say the same without torch"


def test_scores_that_are_not_finite_are_refused(problem):
    model, own, _, known = problem
    with pytest.raises(UserError, match="not finite"):
        registry.scores(model, own[:3], replace(known, codes=np.full((20, 2), np.nan), classes=np.zeros(20, np.int64)))
