"""The players' objectives: who moves, what each term reaches, and that the critic becomes what the duality asks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn

from tests.trainings import CPU, pictures, settings
from trainer.models import build
from trainer.runs import folder
from trainer.training import losses, objectives
from trainer.training.fit import Trainer

PRIORS = ("np", "fnp", "gmp", "normal")
NO_WEIGHT = {"lambda_gw": 0, "lambda_w": 0, "lambda_d": 0, "lambda_h": 0}
WARM = {"optim": {"warmup_steps": 4}}


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def batch(n: int = 16) -> torch.Tensor:
    return pictures(n).float_batch(slice(None))


def objective(prior: str = "gmp", **sections: object) -> objectives.GWAEObjective:
    wanted = settings(prior={"kind": prior, **({"components": 3, "spread": 3.0} if prior == "gmp" else {})}, **sections)
    return objectives.build(build(wanted), wanted)


def owner(name: str) -> str:
    return name.removeprefix("model.").split(".")[0]


def changed_by(trainer: Trainer, player: str) -> set[str]:
    """Names of all parameters and buffers that an optimiser step changes by as much as one bit."""
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.players.update(player)
    return {name for name, tensor in trainer.model.state_dict().items() if not torch.equal(tensor, before[name])}


# --- who moves --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("player", ["main", "critic", "warmup"])
def test_a_step_changes_its_own_player_only(player, prior, tmp_path):
    """Buffers included: the spectral norms' vectors of the critic, the stored statistics of the prior."""
    trainer = Trainer(
        folder.create(tmp_path / "run", settings(prior={"kind": prior}, **WARM)), pictures(), hardware=CPU
    )
    names = set(trainer.model.state_dict())
    own = {
        "main": {"encoder", "decoder", "prior", "log_scale"},
        "warmup": {"encoder", "decoder"},
        "critic": {"critic"},
    }[player]
    measured = ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked")
    expected = {name for name in names if owner(name) in own and not name.endswith(measured)}
    for _ in range(2):  # the second time with moments in the optimiser
        changed = changed_by(trainer, player)
        assert {name for name in changed if owner(name) not in own} == set()
        still = {name for name in expected - changed if not may_stay(name, prior)}
        assert still == set()


def may_stay(name: str, prior: str) -> bool:
    """A constant before standardisation has no effect, and a power iteration may have converged to the last bit."""
    return name == "prior.net.6.bias" or name.endswith(("_u", "_v"))


def test_the_two_players_share_no_parameter_and_leave_none_out():
    task = objective()
    main = [id(parameter) for group in task.main_parameters() for parameter in group["params"]]
    critic = [id(parameter) for group in task.critic_parameters() for parameter in group["params"]]
    assert len(main) == len(set(main))
    assert set(main).isdisjoint(critic)
    assert set(main) | set(critic) == {id(parameter) for parameter in task.parameters()}


def test_the_prior_has_its_own_learning_rate():
    task = objective(optim={"prior_lr_scale": 0.3})
    prior = {id(parameter) for parameter in task.model.prior.parameters()}
    scales = {id(p): group["scale"] for group in task.main_parameters() for p in group["params"]}
    assert {scale for key, scale in scales.items() if key in prior} == {0.3}
    assert {scale for key, scale in scales.items() if key not in prior} == {1.0}


# --- what the main player minimises -----------------------------------------------------------------------------------


def test_the_loss_is_the_weighted_sum_of_its_terms():
    weights = {"lambda_gw": 0.7, "lambda_w": 1.3, "lambda_d": 2.1, "lambda_h": 0.05, "lambda_p": 0.4}
    terms = objective(objective=weights)(batch())
    names = {"lambda_gw": "gw", "lambda_w": "reconstruction", "lambda_d": "critic gap"}
    names |= {"lambda_h": "entropy", "lambda_p": "prior"}
    expected = sum(weights[weight] * terms[name].item() for weight, name in names.items())
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert set(terms) == {"loss", *names.values()}


def test_the_terms_are_those_of_the_batch():
    """Recomputed one by one from the same random numbers, without the shared decoder pass."""
    task = objective("normal", objective={"lambda_p": 0.1}).eval()
    x, model = batch(), task.model
    torch.manual_seed(3)
    terms = task(x)
    torch.manual_seed(3)
    mu, log_var = model.encode(x)
    z_data = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
    z_model = model.sample_prior(len(x))
    generated = model.decode(z_model)
    expected = {
        "gw": losses.gromov_wasserstein(z_model, generated, model.log_scale),
        "reconstruction": losses.reconstruction(x, model.decode(z_data)),
        "critic gap": model.critic(generated, z_model).mean() - model.critic(x, z_data).mean(),
        "entropy": losses.entropy_regulariser(log_var),
        "prior": -model.prior.log_prob(z_data).mean(),
    }
    assert {name: terms[name].item() for name in expected} == pytest.approx(
        {name: value.item() for name, value in expected.items()}, rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize(
    ("weight", "reached"),
    [
        ("lambda_gw", {"decoder", "prior", "log_scale"}),
        ("lambda_w", {"encoder", "decoder"}),
        ("lambda_d", {"encoder", "decoder", "prior"}),
        ("lambda_h", {"encoder"}),
        ("lambda_p", {"encoder", "prior"}),
    ],
)
def test_each_term_reaches_the_parts_it_is_about(weight, reached):
    task = objective(objective=NO_WEIGHT | {weight: 1})
    task.model.critic.requires_grad_(False)
    task(batch())["loss"].backward()
    moved = {owner(name) for name, p in task.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == reached


def test_a_prior_without_a_density_holds_the_codes_by_its_moments():
    task = objective("np", objective=NO_WEIGHT | {"lambda_p": 1})
    z = torch.randn(500, task.model.z_dim) * 2 + 1
    wanted = -multivariate_normal(np.zeros(z.shape[1])).logpdf(z.numpy()).mean()
    assert task.model.prior.cross_entropy(z).item() == pytest.approx(wanted, rel=1e-5)
    task.model.critic.requires_grad_(False)
    task(batch())["loss"].backward()
    moved = {owner(name) for name, p in task.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"encoder"}


@pytest.mark.parametrize("weight", ["lambda_gw", "lambda_d", "lambda_p"])
def test_each_term_about_the_prior_reaches_means_matrices_and_logits(weight):
    task = objective(objective=NO_WEIGHT | {weight: 1})
    task(batch())["loss"].backward()
    for name, parameter in task.model.prior.named_parameters():
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("weight", ["lambda_gw", "lambda_d"])
def test_terms_of_mixture_samples_carry_their_weights(weight):
    """Without them the logits would get the gradient of the standardisation alone (test_mixture_prior.py)."""
    task = objective(objective=NO_WEIGHT | {weight: 1}).eval()
    x, model, logits = batch(), task.model, task.model.prior.logits
    torch.manual_seed(3)
    found = torch.autograd.grad(task(x)["loss"], logits)[0]
    torch.manual_seed(3)
    torch.randn(len(x), model.z_dim)  # the posterior's noise
    z, shares = model.prior.sample_weighted(len(x))
    generated = model.decode(z)
    if weight == "lambda_gw":
        loss = losses.gromov_wasserstein(z, generated, model.log_scale, shares)
    else:
        loss = (shares * model.critic(generated, z)).mean()
    expected = torch.autograd.grad(loss, logits)[0]
    assert expected.abs().max() > 0
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-8)


class Bump(nn.Module):
    """A critic that is high around one code, whatever the picture."""

    def __init__(self, centre: torch.Tensor):
        super().__init__()
        self.centre = centre

    def image(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)

    def potential(self, _: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return torch.exp(-(z - self.centre).square().sum(1))


@pytest.mark.parametrize("component", range(3))
def test_the_prior_gives_up_a_component_that_the_critic_marks_as_missing_from_the_data(component):
    task = objective(objective=NO_WEIGHT | {"lambda_d": 1})
    prior = task.model.prior
    task.model.critic = Bump(prior.means()[component].detach())
    with torch.no_grad():
        prior.raw_scales.mul_(0.5)
    optimizer, x = torch.optim.SGD([prior.logits], lr=1.0), batch(64)
    for _ in range(20):
        optimizer.zero_grad()
        task(x)["loss"].backward()
        optimizer.step()
    assert prior.weights().argmin() == component
    assert prior.weights()[component] < 0.25


# --- what the critic maximises ----------------------------------------------------------------------------------------


def test_critic_loss_is_the_negative_gap_with_penalty_and_drift():
    task = objective("normal", objective={"gradient_penalty": 0, "drift": 0})
    terms = task(batch(), "critic")
    assert terms["loss"].item() == pytest.approx(-terms["potential gap"].item(), rel=1e-6)
    with torch.no_grad():
        task.model.critic.joint[-1].bias.add_(10)  # a constant in f: the gap does not see it, the drift does
    task.weights = settings(objective={"gradient_penalty": 10, "drift": 0.5}).objective
    terms = task(batch(), "critic")
    rest = terms["loss"] + terms["potential gap"] - 10 * terms["gradient penalty"]
    assert rest.item() == pytest.approx(0.5 * 2 * 10**2, rel=0.05)


def test_critic_terms_leave_no_graph_to_the_main_player():
    task = objective()
    task(batch(), "critic")["loss"].backward()
    assert {owner(name) for name, p in task.named_parameters() if p.grad is not None} == {"critic"}
    assert all(p.grad is not None for p in task.model.critic.parameters())


def test_both_players_look_at_the_gap_from_opposite_sides():
    """Critic steps raise it; then main steps on this term alone, against the fixed critic, lower it."""
    task = objective("normal", objective=NO_WEIGHT | {"lambda_d": 1, "gradient_penalty": 0.1})
    x = batch()
    critic = torch.optim.Adam(task.critic_parameters(), lr=3e-3)
    main = torch.optim.Adam([{"params": group["params"]} for group in task.main_parameters()], lr=3e-3)

    def gap() -> float:
        with torch.no_grad():
            return sum(task(x)["critic gap"].item() for _ in range(8)) / 8

    def advance(optimizer: torch.optim.Optimizer, player: str) -> None:
        for _ in range(15):
            optimizer.zero_grad()
            task(x, player)["loss"].backward()
            optimizer.step()

    start = gap()
    advance(critic, "critic")
    raised = gap()
    task.model.critic.requires_grad_(False).eval()
    advance(main, "main")
    assert raised > start + 0.02
    assert gap() < raised - 0.02


def joint_gradient_norms(task: objectives.GWAEObjective, x: torch.Tensor) -> torch.Tensor:
    """|grad_(x,z) f| at midpoints between pictures with their codes and the model's pairs, (B,)."""
    model = task.model.eval()
    with torch.no_grad():
        z_model = model.sample_prior(len(x))
        middle_x, middle_z = (x + model.decode(z_model)) / 2, (model.encode(x)[0] + z_model) / 2
    middle_x.requires_grad_()
    middle_z.requires_grad_()
    grads = torch.autograd.grad(model.critic(middle_x, middle_z).sum(), (middle_x, middle_z))
    return torch.cat([grad.flatten(1) for grad in grads], dim=1).norm(dim=1)


def trained_critic(contrast: float) -> tuple[float, float, float]:
    """Mean and spread of the gradient norm, and L_D, after 150 critic steps.

    The untrained decoder's pictures are grey; `contrast` decides how far the data are from them.
    """
    task = objective("normal", model={"critic_width": 4})
    x = 0.5 + contrast * (batch() - 0.5)
    assert joint_gradient_norms(task, x).mean() < 0.1
    task.train()
    optimizer = torch.optim.Adam(task.critic_parameters(), lr=1e-3, betas=(0.5, 0.9))
    for _ in range(150):
        optimizer.zero_grad()
        terms = task(x, "critic")
        terms["loss"].backward()
        optimizer.step()
    norms = joint_gradient_norms(task, x)
    return norms.mean().item(), norms.std().item(), terms["potential gap"].item()


def test_the_critic_gradient_norm_approaches_one():
    """One-Lipschitz with slope one along the transport, as the Kantorovich-Rubinstein duality asks of f.

    A penalty is not a constraint: with |grad f| = r the loss -r W + 10 (r - 1)^2 is least at r = 1 + W / 20.
    """
    mean, spread, gap = trained_critic(contrast=0.1)
    assert mean == pytest.approx(1, abs=0.12)
    assert mean == pytest.approx(1 + gap / mean / 20, abs=0.05)
    assert spread < 0.1


# --- ELBO -------------------------------------------------------------------------------------------------------------


def test_vae_loss_is_reconstruction_plus_beta_kl():
    wanted = settings(model={"kind": "vae"}, prior={"kind": "normal"}, objective={"beta": 3.5})
    task = objectives.build(build(wanted), wanted)
    x = batch()
    terms = task(x)
    expected = terms["reconstruction"].item() + 3.5 * terms["kl"].item()
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["kl"].item() == pytest.approx(losses.kl_to_standard_normal(*task.model.encode(x)).item(), rel=1e-6)
    terms["loss"].backward()
    assert all(parameter.grad is not None for parameter in task.parameters())


def test_warming_up_weighs_the_entropy_as_lambda_h_does():
    """reconstruction + 2 lambda_h KL has the same gradient in log sigma^2's linear part as lambda_h R_H."""
    task = objective("normal", objective={"lambda_h": 0.05}, **WARM)
    terms = task(batch(), "warmup")
    expected = terms["reconstruction"].item() + 0.1 * terms["kl"].item()
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-6)
    mu, log_var = torch.zeros(4, 3), torch.full((4, 3), -20.0)  # where exp(log_var) is nothing
    moved = log_var + 1
    kl = losses.kl_to_standard_normal(mu, moved) - losses.kl_to_standard_normal(mu, log_var)
    entropy = losses.entropy_regulariser(moved) - losses.entropy_regulariser(log_var)
    assert (2 * kl).item() == pytest.approx(entropy.item(), rel=1e-5)


# --- the warm-up's beta -----------------------------------------------------------------------------------------------


def test_beta_of_a_vae_falls_to_its_own():
    warm = {"warmup_steps": 6, "warmup_beta": 4.0}
    task = objective("normal", model={"kind": "vae"}, objective={"beta": 0.25}, optim=warm)
    for task.step, beta in ((0, 4.0), (3, 1.0), (6, 0.25), (60, 0.25)):
        torch.manual_seed(0)
        terms = task(batch(), "main")
        assert terms["loss"].item() == pytest.approx((terms["reconstruction"] + beta * terms["kl"]).item(), rel=1e-5)


def test_beta_of_the_warm_up_falls_geometrically_to_the_weight_of_the_entropy():
    task = objective("fnp", objective={"lambda_h": 0.125}, optim={"warmup_steps": 6, "warmup_beta": 4.0})
    found = []
    for task.step in (0, 3, 6, 60):
        found.append(task.warmup_beta)
    assert found == pytest.approx([4.0, 1.0, 0.25, 0.25])
    constant = objective("fnp", objective={"lambda_h": 0.125}, optim={"warmup_steps": 6})
    assert constant.warmup_beta == pytest.approx(0.25)
    torch.manual_seed(0)
    task.step = 3
    terms = task(batch(), "warmup")
    assert terms["loss"].item() == pytest.approx((terms["reconstruction"] + terms["kl"]).item(), rel=1e-5)


def test_the_loop_tells_the_objective_where_it_stands(tmp_path):
    wanted = settings(optim={"warmup_steps": 3, "warmup_beta": 4.0, "max_steps": 5})
    trainer = Trainer(folder.create(tmp_path / "run", wanted), pictures(), hardware=CPU)
    seen = []
    elbo = objectives.gwae.negative_elbo

    def noted(model, x, beta):
        seen.append(beta)
        return elbo(model, x, beta)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objectives.gwae, "negative_elbo", noted)
        trainer.fit(progress=False)
    end = 2 * wanted.objective.lambda_h
    assert seen[:3] == pytest.approx([4.0, 4.0 ** (2 / 3) * end ** (1 / 3), 4.0 ** (1 / 3) * end ** (2 / 3)])
