"""Generation metrics against independent oracles: SciPy's matrix root, brute force over pairs, published weights."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from tests.fixtures import blob_pictures
from trainer import config, models
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation.context import Context
from trainer.evaluation.generation import digits, efficientnet, group, networks, scores


def features(n: int, d: int = 8, seed: int = 0, shift: float = 0.0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d))
    return torch.from_numpy((random.normal(size=(n, d)) + shift) @ mixing).float()


def pictures(n: int, size: int = 32, channels: int = 1, seed: int = 0, split: str = "test") -> ImageSet:
    pixels, _ = blob_pictures(n, size, channels, seed)
    ids = tuple(f"{split}-{row}" for row in range(n))
    return ImageSet(torch.from_numpy(pixels), None, (), ids, "Blobs", split)


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [8, 64])
def test_frechet_distance_equals_scipys_matrix_root(d):
    a, b = features(300, d), features(200, d, seed=1, shift=0.3)
    x, y = a.double().numpy(), b.double().numpy()
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(covariances[0] @ covariances[1]).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert scores.frechet(a, b) == pytest.approx(expected, abs=1e-3)
    assert scores.frechet(a, a) == pytest.approx(0, abs=1e-3)


def test_frechet_distance_of_a_shift_is_its_square():
    a = features(100)
    assert scores.frechet(a, a + 2.0) == pytest.approx(4.0 * a.shape[1], rel=1e-3)


def test_fewer_pictures_than_features_are_refused_in_one_sentence():
    with pytest.raises(UserError, match=r"distance of 8 features needs at least as many pictures, not 7") as caught:
        scores.frechet(features(300), features(7, seed=1))
    assert "\n" not in str(caught.value)
    scores.frechet(features(300), features(8, seed=1))


def brute_mmd(x: np.ndarray, y: np.ndarray) -> float:
    kernel = lambda a, b: (a @ b / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def test_kernel_distance_of_two_halves_of_one_set_covers_0_and_a_shift_does_not():
    whole = features(400)
    value, (low, high) = scores.kernel(whole[:200], whole[200:])
    assert low < 0 < high
    shifted = scores.kernel(whole[:200], whole[200:] + 1)
    assert shifted[1][0] > 0
    assert shifted[0] > abs(value)
    assert scores.kernel(whole[:200], whole[200:]) == (value, (low, high))  # seeded, whatever the global generator is


def test_kernel_distance_estimates_the_sum_over_all_pairs():
    x, y = features(40, 4), features(40, 4, seed=1, shift=0.5)
    exact = brute_mmd(x.double().numpy(), y.double().numpy())
    value, (low, high) = scores.kernel(x, y)
    assert low < exact < high
    assert value == pytest.approx(exact, rel=0.2)


def brute_neighbourhoods(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    def radius(points: np.ndarray, k: int) -> list[float]:
        return [
            sorted(np.linalg.norm(p - q) for j, q in enumerate(points) if j != i)[k - 1] for i, p in enumerate(points)
        ]

    def inside(points: np.ndarray, centres: np.ndarray, radii: list[float]) -> np.ndarray:
        return np.array([[np.linalg.norm(p - c) <= r for c, r in zip(centres, radii, strict=True)] for p in points])

    real3, fake3, real5 = radius(x, 3), radius(y, 3), radius(x, 5)
    return {
        "precision": inside(y, x, real3).any(1).mean(),
        "recall": inside(x, y, fake3).any(1).mean(),
        "density": inside(y, x, real5).sum() / (5 * len(y)),
        "coverage": inside(y, x, real5).any(0).mean(),
    }


@pytest.mark.parametrize("shift", [0.0, 0.4, 50.0])
def test_neighbourhoods_equal_brute_force(shift):
    x, y = features(50, 3), features(40, 3, seed=1, shift=shift)
    expected = brute_neighbourhoods(x.double().numpy(), y.double().numpy())
    assert scores.neighbourhoods(x, y) == pytest.approx(expected)
    if shift == 50.0:
        assert set(expected.values()) == {0.0}


def test_standard_errors_agree_with_the_mean_of_known_spread():
    x = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
    error = scores.standard_errors(lambda a, b: {"mean": float(a.mean())}, x, x, seed=0)["mean"]
    assert error == pytest.approx(1 / np.sqrt(2000), rel=0.5)
    both = scores.standard_errors(lambda a, b: {"gap": float((a - b).abs().sum())}, x, x, seed=0, is_paired=True)
    assert both == {"gap": 0.0}


# --- the networks -----------------------------------------------------------------------------------------------------


def test_efficientnet_lite0_computes_what_the_published_implementation_does():
    """The first features of one fixed picture, from efficientnet-lite-pytorch 0.1.0 at 224x224 (recorded once)."""
    x = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        last, head = (efficientnet.pretrained(with_head)((x * 128 + 127) / 255) for with_head in (False, True))
    published = [-0.6552, -1.4972, 1.7352, -1.5849, 0.9558, 5.4741, -1.1527, 1.3468]
    assert last.shape == (4, 320)
    assert head.shape == (4, 1280)
    np.testing.assert_allclose(last[0, :8], published, atol=1e-3)
    np.testing.assert_allclose(head[0, :3], [0.3001, 0.0, 1.6096], atol=1e-3)


def test_every_parameter_of_the_published_weights_is_used():
    names = set(efficientnet.EfficientNetLite0(with_head=True).state_dict())
    assert len(names) == 294  # of 296: the classifier's weight and bias are left out


def test_the_digit_classifier_knows_digits(data_root):
    from trainer import data

    test = data.load("mnist", "test", data_root).subset(slice(0, 2000))
    with torch.inference_mode():
        answers = digits.pretrained().classify(test.float_batch(slice(None))).argmax(1)
    assert float((answers == test.labels).float().mean()) > 0.98
    assert digits.PATH.stat().st_size < 500_000


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-head", "mnist-classifier"])
def test_networks_give_the_features_they_declare(name):
    network = networks.NETWORKS[name]
    with torch.inference_mode():
        for channels in (1, 3):
            assert network.load()(torch.rand(2, channels, 32, 32)).shape == (2, network.features)


def test_networks_that_cannot_be_had_are_refused_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(UserError, match=r"needs torch-fidelity; install it with .*efficientnet-lite0\.$"):
        networks.NETWORKS["inception"].load()

    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UserError, match=r"cannot be fetched; put https://download\.pytorch\.org/.* into .*checkpoints"):
        networks.NETWORKS["inception-published"].load()


def test_the_published_inception_takes_small_pictures(monkeypatch, tmp_path):
    """With random weights in the place of the downloaded ones."""
    from trainer.data import torchvision_shim  # noqa: F401
    from torchvision.models import inception_v3  # isort: skip

    path = tmp_path / "weights.pth"
    torch.manual_seed(0)
    torch.save(inception_v3(weights=None, init_weights=False).state_dict(), path)
    monkeypatch.setattr(networks, "_fetched", lambda url, checksum: path)
    with torch.inference_mode():
        assert networks.NETWORKS["inception-published"].load()(torch.rand(2, 3, 64, 64)).shape == (2, 2048)


# --- the group --------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_context(monkeypatch):
    """A context of an untrained model on blobs, with a network of eight features: means of eight strips."""
    settings = config.from_dict({"data": {"name": "mnist"}, "model": {"z_dim": 4, "width": 4}, "prior": {"kind": "np"}})

    def make(n_test: int = 40, n_train: int = 60, least: int = 8, **options) -> Context:
        strips = networks.Network(
            "strips", "Frechet distance (strips)", "kernel distance (strips)", 8, least, "means of eight strips",
            lambda: lambda x: x.mean((1, 3)).reshape(len(x), 8, -1).mean(2),
        )  # fmt: skip
        monkeypatch.setitem(networks.NETWORKS, "strips", strips)
        train = pictures(n_train, seed=1, split="train")
        monkeypatch.setattr(group.data, "load", lambda data, split, root: train)
        monkeypatch.setattr(group.digit_files, "on_disk", lambda name, split, root: True)
        torch.manual_seed(0)
        model = models.build(settings).eval()
        run = SimpleNamespace(config=settings, hash="0123456789ab")
        test = pictures(n_test)
        with torch.inference_mode():
            mu, log_var = model.encode(test.float_batch(slice(None)))
        return Context(
            run=run, model=model, images=test, mu=mu, log_var=log_var, labels=None, psnr=mu[:, 0], component=None,
            scores={}, networks=("strips",), **options,
        )  # fmt: skip

    return make


def test_every_number_names_its_protocol(make_context):
    done = []
    metrics = group.measure(make_context(progress=lambda what, done_, total: done.append((what, done_, total))))
    assert len(metrics) == len(group.MEASURES) * len(group.VARIANTS)
    assert done[-1] == ("features, strips", 200, 200)
    by_name = {metric.name: metric for metric in metrics}
    metric = by_name["Frechet distance (strips), prior samples"]
    assert (metric.n, metric.split, metric.seed, metric.group) == (40, "test", 0, "generation")
    assert metric.estimator.startswith("40 prior samples against 40 test pictures of Blobs; means of eight strips; ")
    assert not metric.higher_is_better
    assert by_name["coverage (strips), prior samples"].higher_is_better
    assert "10 Gaussians of full covariance" in by_name["precision (strips), fitted mixture"].estimator
    for metric in metrics:
        assert metric.low <= metric.value <= metric.high
        if metric.name.startswith(("precision", "recall", "coverage")):
            assert 0 <= metric.low <= metric.high <= 1


def test_the_data_itself_is_nearer_than_an_untrained_models_samples(make_context):
    values = {metric.name: metric.value for metric in group.measure(make_context(n_test=200, n_train=200))}
    assert values["Frechet distance (strips), training pictures"] < values["Frechet distance (strips), prior samples"]
    assert values["coverage (strips), training pictures"] > 0.8
    assert values["coverage (strips), prior samples"] < 0.2


def test_a_network_with_more_features_than_test_pictures_takes_training_pictures(make_context):
    metrics = group.measure(make_context(n_test=7, n_train=60))
    assert {metric.split for metric in metrics} == {"train"}
    assert {metric.n for metric in metrics} == {30}
    with pytest.raises(UserError, match=r"needs at least 40 pictures a side, and there are 7 test and 60 training"):
        group.measure(make_context(n_test=7, n_train=60, least=40))


def test_an_unknown_network_is_refused(make_context):
    context = make_context()
    context = replace(context, networks=("resnet",))
    with pytest.raises(UserError, match=r"--network resnet: unknown; choose from efficientnet-lite0, "):
        group.measure(context)


def test_without_training_pictures_the_variants_that_need_them_are_left_out(make_context, monkeypatch, tmp_path):
    context = replace(make_context(), data_root=tmp_path)
    monkeypatch.undo()  # MNIST is not on this disk, and is not downloaded for this
    monkeypatch.setitem(
        networks.NETWORKS, "strips", networks.NETWORKS["mnist-classifier"]._replace(least=8, features=8)
    )
    monkeypatch.setattr(group.data, "load", lambda *arguments: pytest.fail("downloads"))
    strips = lambda x: x.mean((1, 3)).reshape(len(x), 8, -1).mean(2)  # noqa: E731
    monkeypatch.setitem(networks.NETWORKS, "strips", networks.NETWORKS["strips"]._replace(load=lambda: strips))
    variants = {metric.name.rpartition(", ")[2] for metric in group.measure(context)}
    assert variants == {"prior samples", "reconstructions"}


def test_it_applies_where_a_network_has_something_to_say():
    settings = lambda **data: config.from_dict({"data": data})  # noqa: E731
    faces = settings(name="celeba", size=64, channels=3)
    assert group.applies(faces, pictures(320, 8, 3))
    assert not group.applies(faces, pictures(319, 8, 3))
    assert group.applies(settings(name="mnist"), pictures(64))
    assert not group.applies(settings(name="shapes3d", size=64, channels=3), pictures(400, 8, 3))


def test_the_fitted_mixture_has_the_moments_of_the_codes():
    random = np.random.default_rng(0)
    codes = np.concatenate([random.normal(size=(500, 3)) * 0.3 + centre for centre in (-4, 0, 4)])
    draws = group.fitted_mixture(codes, 3000, seed=0).numpy()
    np.testing.assert_allclose(draws.mean(0), codes.mean(0), atol=0.3)
    np.testing.assert_allclose(np.cov(draws, rowvar=False), np.cov(codes, rowvar=False), rtol=0.15)
    assert cdist(draws, codes).min(1).max() < 1.5  # no draw lies between the clusters
    assert np.array_equal(draws, group.fitted_mixture(codes, 3000, seed=0).numpy())
