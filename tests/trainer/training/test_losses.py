"""The terms of the objective against plain loops, SciPy, POT and torch.distributions."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.distributions import Normal, kl_divergence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.training import losses

SINGLE, DOUBLE = torch.float32, torch.float64


def gaussian(*shape: int, seed: int = 0, dtype: torch.dtype = DOUBLE) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def orthogonal(rows: int, columns: int, seed: int) -> torch.Tensor:
    """(rows, columns) with orthonormal columns."""
    return torch.linalg.qr(gaussian(rows, columns, seed=seed)).Q


def double_loop(z: torch.Tensor, x: torch.Tensor, log_scale: float) -> float:
    """L_GW as it is written down, in NumPy's double precision."""
    z, x = (tensor.detach().double().flatten(1).numpy() for tensor in (z, x))
    s = np.mean([np.std(z[:, axis], ddof=1) for axis in range(z.shape[1])])
    total = 0.0
    for i in range(len(z)):
        for j in range(len(z)):
            d_z, d_x = math.dist(z[i], z[j]), math.dist(x[i], x[j])
            total += abs(math.exp(log_scale) * d_z / s - d_x)
    return total / len(z) ** 2


def isometric(seed: int, batch: int = 12, z_dim: int = 3, scale: float = 2.5) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes, and pictures that are the codes turned, moved and stretched by exactly C / s."""
    z = gaussian(batch, z_dim, seed=seed) * torch.linspace(0.5, 2, z_dim, dtype=DOUBLE)
    stretch = scale / z.std(dim=0).mean()
    x = stretch * z @ orthogonal(48, z_dim, seed + 100).T + gaussian(48, seed=seed + 200)
    return z, x.view(batch, 3, 4, 4)


# --- distances --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(SINGLE, 1e-5), (DOUBLE, 1e-13)])
@pytest.mark.parametrize("shape", [(2, 1), (7, 3), (33, 3, 8, 8), (64, 1, 32, 32)])
def test_distances_match_scipy_and_pot(shape, dtype, tolerance):
    points = gaussian(*shape, seed=len(shape), dtype=dtype)
    flat = points.flatten(1).double().numpy()
    found = losses.pairwise_distances(points).double().numpy()
    assert found == pytest.approx(cdist(flat, flat), rel=tolerance)
    assert found == pytest.approx(ot.dist(flat, flat, metric="euclidean"), rel=tolerance, abs=1e-7)  # POT squares too


@pytest.mark.parametrize("offset", [10.0, 1000.0])
def test_distances_survive_a_large_common_offset(offset):
    pictures = torch.rand(16, 3, 16, 16, generator=torch.Generator().manual_seed(1)) + offset
    flat = pictures.flatten(1).double().numpy()
    assert losses.pairwise_distances(pictures).double().numpy() == pytest.approx(cdist(flat, flat), rel=1e-4)


@pytest.mark.parametrize(("dtype", "gap", "tolerance"), [(SINGLE, 3e-2, 2e-3), (DOUBLE, 1e-5, 1e-4)])
def test_near_duplicates_keep_their_distance(dtype, gap, tolerance):
    """d = gap |a|: the difference of squares loses 1 / gap^2 units of rounding, no more."""
    a = gaussian(8, 256, seed=2)
    step = gaussian(8, 256, seed=3)
    b = a + gap * step * a.norm(dim=1, keepdim=True) / step.norm(dim=1, keepdim=True)
    points = torch.cat([a, b]).to(dtype)
    flat = points.double().numpy()
    assert losses.pairwise_distances(points).double().numpy() == pytest.approx(cdist(flat, flat), rel=tolerance)


@pytest.mark.parametrize("pixels", [256, 12_288])
def test_duplicates_are_at_distance_zero_and_others_are_not(pixels):
    points = gaussian(32, pixels, seed=4, dtype=SINGLE).repeat(2, 1)
    found = losses.pairwise_distances(points)
    same = torch.eye(32, dtype=torch.bool).repeat(2, 2)
    assert torch.all(found[same] == 0)
    assert torch.all(found[~same] > 0)


# --- Gromov-Wasserstein estimator -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_gw_equals_a_plain_double_loop(seed):
    rng = np.random.default_rng(seed)
    batch, z_dim = int(rng.integers(2, 14)), int(rng.integers(1, 9))
    log_scale = float(rng.normal())
    z, x = gaussian(batch, z_dim, seed=seed) * 1.7 + 3, gaussian(batch, 1, 6, 6, seed=seed + 50)
    expected = double_loop(z, x, log_scale)
    exact = losses.gromov_wasserstein(z, x, torch.tensor(log_scale, dtype=DOUBLE))
    assert exact.item() == pytest.approx(expected, rel=1e-12)
    single = losses.gromov_wasserstein(z.float(), x.float(), torch.tensor(log_scale))
    assert single.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("dtype", "bound"), [(SINGLE, 1e-5), (DOUBLE, 1e-13)])
def test_gw_is_zero_for_isometric_spaces_only(seed, dtype, bound):
    scale = 0.8 + seed
    z, x = (tensor.to(dtype) for tensor in isometric(seed, scale=scale))
    log_scale = torch.tensor(math.log(scale), dtype=dtype)
    size = losses.pairwise_distances(x).mean()
    assert losses.gromov_wasserstein(z, x, log_scale) <= bound * size
    assert losses.gromov_wasserstein(z, x, log_scale + 0.1) > 0.09 * size  # the wrong C
    assert losses.gromov_wasserstein(z, x.flip(0), log_scale) > 0.1 * size  # the wrong pairing


@pytest.mark.parametrize("seed", range(3))
def test_gw_ignores_order_and_position_of_either_space(seed):
    z, x = gaussian(10, 4, seed=seed), gaussian(10, 1, 5, 5, seed=seed + 10)
    log_scale = torch.tensor(0.9, dtype=DOUBLE)  # differences of both signs: the pairing matters
    expected = losses.gromov_wasserstein(z, x, log_scale).item()
    order = torch.randperm(10, generator=torch.Generator().manual_seed(seed))
    turned = (x.flatten(1) @ orthogonal(25, 25, seed)).view_as(x) + 7
    moved = z + gaussian(4, seed=seed + 20)
    assert losses.gromov_wasserstein(z[order], x[order], log_scale).item() == pytest.approx(expected, rel=1e-12)
    assert losses.gromov_wasserstein(z, turned, log_scale).item() == pytest.approx(expected, rel=1e-12)
    assert losses.gromov_wasserstein(moved, x, log_scale).item() == pytest.approx(expected, rel=1e-12)
    assert losses.gromov_wasserstein(5 * z, x, log_scale).item() == pytest.approx(expected, rel=1e-12)  # s absorbs it
    assert losses.gromov_wasserstein(z[order], x, log_scale).item() != pytest.approx(expected, rel=1e-3)


def test_gw_depends_on_a_turned_code_only_through_s():
    """Distances do not see the rotation; the mean of per-axis deviations, as the paper has it, does."""
    z, x = gaussian(10, 4, seed=1) * torch.tensor([3.0, 1, 1, 1], dtype=DOUBLE), gaussian(10, 25, seed=2)
    turned = z @ orthogonal(4, 4, seed=3)
    log_scale = torch.tensor(0.3, dtype=DOUBLE)
    corrected = log_scale + (turned.std(0).mean() / z.std(0).mean()).log()
    expected = losses.gromov_wasserstein(z, x, log_scale).item()
    assert losses.gromov_wasserstein(turned, x, corrected).item() == pytest.approx(expected, rel=1e-12)


def test_gw_of_two_points_by_hand():
    """s = sqrt(2), d_Z = 2, d_X = 5: the two off-diagonal terms over four, the zero diagonal included."""
    z, x = torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    value = losses.gromov_wasserstein(z, x, torch.tensor(math.log(2.0)))
    assert value.item() == pytest.approx((5 - 2 * 2 / math.sqrt(2)) / 2, rel=1e-6)


def test_gw_weighs_a_pair_by_both_its_samples():
    """Whole numbers of mean 1 as weights are copies of the samples, but for s, which counts each once."""
    z, x = gaussian(4, 3, seed=11), gaussian(4, 1, 4, 4, seed=12)
    weights, copies = torch.tensor([2.0, 0.0, 1.0, 1.0], dtype=DOUBLE), torch.tensor([0, 0, 2, 3])
    log_scale = torch.tensor(0.8, dtype=DOUBLE)
    corrected = log_scale + (z[copies].std(0).mean() / z.std(0).mean()).log()
    expected = losses.gromov_wasserstein(z[copies], x[copies], corrected).item()
    assert losses.gromov_wasserstein(z, x, log_scale, weights).item() == pytest.approx(expected, rel=1e-12)
    ones = torch.ones(4, dtype=DOUBLE)
    assert losses.gromov_wasserstein(z, x, log_scale, ones) == losses.gromov_wasserstein(z, x, log_scale)


def test_gw_of_a_single_sample_is_zero():
    z, x = gaussian(1, 4).requires_grad_(), gaussian(1, 9).requires_grad_()
    value = losses.gromov_wasserstein(z, x, torch.tensor(0.9, dtype=DOUBLE))
    value.backward()
    assert value.item() == 0
    assert torch.isfinite(z.grad).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("duplicates", ["codes", "pictures", "both", "all equal", "nearly equal"])
def test_gw_gradient_is_finite_with_duplicated_points(duplicates, dtype):
    z, x = gaussian(8, 4, seed=5, dtype=dtype), gaussian(8, 1, 8, 8, seed=6, dtype=dtype)
    if duplicates in ("codes", "both"):
        z[4:] = z[:4]
    if duplicates in ("pictures", "both"):
        x[4:] = x[:4]
    if duplicates in ("all equal", "nearly equal"):
        z, x = z[:1].repeat(8, 1), x[:1].repeat(8, 1, 1, 1)
    if duplicates == "nearly equal":
        z, x = z + 1e-7 * gaussian(8, 4, seed=7, dtype=dtype), x + 1e-7 * gaussian(8, 1, 8, 8, seed=8, dtype=dtype)
    leaves = [z.requires_grad_(), x.requires_grad_(), torch.tensor(0.9, dtype=dtype, requires_grad=True)]
    losses.gromov_wasserstein(*leaves).backward()
    assert all(torch.isfinite(leaf.grad).all() for leaf in leaves)
    if duplicates in ("codes", "pictures", "both"):
        assert all(leaf.grad.abs().max() > 1e-3 for leaf in leaves)  # the distinct pairs still teach


def test_gw_gradient_agrees_with_finite_differences():
    z, x = gaussian(6, 3, seed=9), gaussian(6, 1, 3, 3, seed=10)
    z[1], x[2] = z[0] + 3e-4, x[3] + 3e-4  # closer than single precision resolves, not than double does
    leaves = (z.requires_grad_(), x.requires_grad_(), torch.tensor(0.4, dtype=DOUBLE, requires_grad=True))
    assert torch.autograd.gradcheck(losses.gromov_wasserstein, leaves, eps=1e-7, atol=1e-5)


class LargestTensor(TorchDispatchMode):
    """Elements of the largest tensor that any operation inside the block returns, its backward included."""

    def __init__(self):
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.elements = max([self.elements, *sizes])
        return result


def test_gw_makes_no_tensor_of_batch_by_batch_by_pixels():
    batch, z_dim, shape = 32, 8, (3, 16, 16)
    pixels = math.prod(shape)
    z = gaussian(batch, z_dim, dtype=SINGLE).requires_grad_()
    x = gaussian(batch, *shape, dtype=SINGLE).requires_grad_()
    with LargestTensor() as naive:
        (x.flatten(1)[:, None] - x.flatten(1)[None]).norm(dim=2)
    assert naive.elements == batch * batch * pixels  # the instrument sees what is forbidden
    with LargestTensor() as largest:
        losses.gromov_wasserstein(z, x, torch.tensor(0.0)).backward()
    assert largest.elements <= max(batch * batch, batch * pixels)


# --- reconstruction, entropy, KL --------------------------------------------------------------------------------------


def test_reconstruction_sums_pixels_and_averages_pictures():
    x, y = gaussian(5, 3, 4, 4, seed=1), gaussian(5, 3, 4, 4, seed=2)
    expected = np.mean([0.5 * np.sum((a - b) ** 2) for a, b in zip(x.numpy(), y.numpy(), strict=True)])
    assert losses.reconstruction(x, y).item() == pytest.approx(expected, rel=1e-12)
    likelihood = Normal(y, 1.0).log_prob(x).flatten(1).sum(1).mean() + 24 * math.log(2 * math.pi)
    assert losses.reconstruction(x, y).item() == pytest.approx(-likelihood.item(), rel=1e-12)


def test_entropy_regulariser_is_the_negative_entropy_up_to_a_constant():
    log_var = gaussian(6, 5, seed=3)
    entropy = Normal(torch.zeros_like(log_var), torch.exp(0.5 * log_var)).entropy().sum(1).mean()
    expected = -2 * entropy + 5 * math.log(2 * math.pi * math.e)
    assert losses.entropy_regulariser(log_var).item() == pytest.approx(expected.item(), rel=1e-12)
    assert losses.entropy_regulariser(log_var - 1) > losses.entropy_regulariser(log_var)  # a collapsing q is punished


def test_kl_matches_torch_distributions():
    mu, log_var = gaussian(7, 4, seed=4), gaussian(7, 4, seed=5)
    q, p = Normal(mu, torch.exp(0.5 * log_var)), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    expected = kl_divergence(q, p).sum(1).mean().item()
    assert losses.kl_to_standard_normal(mu, log_var).item() == pytest.approx(expected, rel=1e-12)
    assert losses.kl_to_standard_normal(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 0


# --- critic -----------------------------------------------------------------------------------------------------------


def test_potential_gap_is_model_minus_data_and_drift_is_symmetric():
    model, data = torch.tensor([3.0, 5.0]), torch.tensor([1.0, -2.0])
    assert losses.potential_gap(model, data).item() == 4.5
    assert losses.potential_gap(model, data, torch.tensor([0.5, 1.5])).item() == 5
    assert losses.drift(model, data).item() == 17 + 2.5


def linear_critic(norm_x: float, norm_z: float, pixels: int = 12, z_dim: int = 5):
    a = torch.nn.functional.normalize(gaussian(pixels, seed=1), dim=0) * norm_x
    b = torch.nn.functional.normalize(gaussian(z_dim, seed=2), dim=0) * norm_z
    return lambda x, z: x.flatten(1) @ a + z @ b + 0.7


@pytest.mark.parametrize(
    ("norm_x", "norm_z", "penalty"),
    [(3, 0, 4), (0, 3, 4), (1, 2 * math.sqrt(2), 4), (1, 0, 0), (0.6, 0.8, 0), (0.3, 0.4, 0.25)],
)
def test_gradient_penalty_takes_the_joint_norm_over_picture_and_code(norm_x, norm_z, penalty):
    pairs = [(gaussian(9, 3, 2, 2, seed=seed), gaussian(9, 5, seed=seed + 1)) for seed in (3, 5)]
    found = losses.gradient_penalty(linear_critic(norm_x, norm_z), *pairs)
    assert found.item() == pytest.approx(penalty, abs=1e-5)


def test_gradient_penalty_is_averaged_over_pictures_not_over_the_batch_gradient():
    """f = |z|^2 / 2 has the gradient z: with both ends equal the penalty is mean (|z_i| - 1)^2."""
    x, z = torch.zeros(4, 1, 2, 2), torch.tensor([[0.0, 1.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.5]])
    found = losses.gradient_penalty(lambda x, z: z.square().sum(1) / 2 + 0 * x.sum((1, 2, 3)), (x, z), (x, z))
    assert found.item() == pytest.approx((0 + 1 + 4 + 0.25) / 4, rel=1e-5)


def test_gradient_penalty_looks_along_the_straight_lines():
    n = 2000
    model = (torch.zeros(n, 1, 2, 2), torch.full((n, 3), 10.0))
    data = (torch.ones(n, 1, 2, 2), torch.full((n, 3), 14.0))
    seen = {}

    def critic(x, z):
        seen["x"], seen["z"] = x.detach(), z.detach()
        return x.sum((1, 2, 3)) + z.sum(1)

    torch.manual_seed(0)
    losses.gradient_penalty(critic, model, data)
    along = seen["x"].flatten(1)[:, 0]
    assert torch.allclose(seen["x"], along.view(-1, 1, 1, 1).expand_as(seen["x"]))
    assert torch.allclose(seen["z"], (10 + 4 * along).unsqueeze(1).expand_as(seen["z"]), atol=1e-5)
    quantiles = along.quantile(torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95]))
    assert quantiles.tolist() == pytest.approx([0.05, 0.25, 0.5, 0.75, 0.95], abs=0.04)


def test_gradient_penalty_teaches_the_critic_its_norm():
    """d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|, through the gradient of the gradient."""
    w = torch.tensor([3.0, 0.0, 4.0], requires_grad=True)
    x = torch.zeros(6, 1, 1, 1)
    pairs = [(x, torch.randn(6, 3, generator=torch.Generator().manual_seed(seed))) for seed in (0, 1)]
    losses.gradient_penalty(lambda x, z: z @ w + 0 * x.sum((1, 2, 3)), *pairs).backward()
    assert w.grad.tolist() == pytest.approx([8 * 0.6, 0, 8 * 0.8], rel=1e-5)


def test_gradient_penalty_of_a_constant_critic_has_a_finite_gradient():
    w = torch.zeros(3, requires_grad=True)
    x, z = torch.zeros(6, 1, 1, 1), gaussian(6, 3, dtype=SINGLE)
    value = losses.gradient_penalty(lambda x, z: z @ w + 0 * x.sum((1, 2, 3)), (x, z), (x, z))
    value.backward()
    assert value.item() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(w.grad).all()
