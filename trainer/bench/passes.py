"""What a training step costs beyond its network passes.

The step of trainer/training/loop.py is timed against the sum of the passes that no implementation of the method can
avoid, each measured alone, on inputs that are there already, in the same run. A pass is forward and, where the
method needs gradients, backward:

    critic step   encoder B, prior B and decoder B, without gradients
                  critic 2B: (g(z'), z') and (x, z), gradients of its weights
                  gradient penalty on B: forward, backward to the inputs, backward through that to the weights
                  spectral normalisation of the weights, once for both, and back through it
                  the optimiser's step
    main step     encoder B, prior B and decoder 2B (one half reconstructs, the other is generated)
                  critic with frozen weights: image branch B without gradients for x, B with the gradient of g(z);
                  latent and joint branch 2B with the gradients of the codes
                  spectral normalisation, forward; the optimiser's step

Two sums are given: of the networks alone, which the target is about, and with normalisation and optimisers.
Everything else counts as overhead: drawing batches and noise, bytes to floats, the loss terms with their pairwise
distances, clipping, checks for finite numbers, records. The critic is measured as the plain network that spectral
normalisation makes of it, so nothing is counted twice.

Measurements interleave, step and passes in turn, and medians count, so that a busy machine slows both sides alike.
With one thread the clock is the process's CPU time, which other processes disturb least; otherwise the wall's.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from tqdm import tqdm

from trainer import config
from trainer.bench.settings import CPU, synthetic
from trainer.models.gwae import GWAE
from trainer.models.networks import Critic
from trainer.runs.folder import create
from trainer.training import losses
from trainer.training.fit import Trainer

RATIO = 1.15
"""Target: a step takes at most so many times its unavoidable passes."""
NOT_NETWORKS = ("normalisation", "optimiser")

Passes = dict[str, tuple[int, Callable[[], object]]]
"""By name: how often per step, and the pass."""


def time_step(settings: config.Config, repeats: int) -> dict:
    """Return the median milliseconds of the step and of each pass (times its uses in a step), and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(create(Path(folder) / "run", settings), synthetic(settings), hardware=CPU)
        bar = tqdm(disable=True)
        work = {"step": (1, lambda: trainer._one_step(bar))} | unavoidable(trainer)
        for _, call in work.values():
            call()
            call()
        times: dict[str, list[float]] = {name: [] for name in work}
        for _ in range(repeats):
            for name, (_, call) in work.items():
                times[name].append(_milliseconds(call))
    medians = {name: work[name][0] * statistics.median(values) for name, values in times.items()}
    step = medians.pop("step")
    networks = sum(value for name, value in medians.items() if not name.endswith(NOT_NETWORKS))
    total = sum(medians.values())
    return {
        "step_ms": step,
        "passes_ms": medians,
        "networks_ms": networks,
        "sum_ms": total,
        "ratio": step / networks,
        "ratio_with_optimisers": step / total,
    }


def _milliseconds(call: Callable[[], object]) -> float:
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    call()
    return 1e3 * (clock() - started)


def unavoidable(trainer: Trainer) -> Passes:
    """Return the passes of one step, as the module's text lists them, on a copy of the trainer's networks."""
    model, optim = deepcopy(trainer.model), trainer.optim
    steps, n = optim.critic_steps, optim.batch_size
    plain = plain_critic(model, trainer.settings)
    x = trainer.train_set.float_batch(torch.arange(n)).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        z = model.encode(x)[0]
        generated = model.decode(z)
    x2, z2 = torch.cat([generated, x]), torch.cat([z, z])
    frozen = plain_critic(model, trainer.settings).requires_grad_(False)
    features = plain.image(x).detach()

    def no_gradients(call: Callable[[], object]) -> Callable[[], object]:
        return torch.no_grad()(call)

    def critic_for_codes() -> None:
        pictures, codes = generated.detach().requires_grad_(), z2.clone().requires_grad_()
        frozen.potential(torch.cat([frozen.image(pictures), features]), codes).sum().backward()

    return {
        "critic: encoder": (steps, no_gradients(lambda: model.encode(x))),
        "critic: prior": (steps, no_gradients(lambda: model.sample_prior(n))),
        "critic: decoder": (steps, no_gradients(lambda: model.decode(z))),
        "critic: critic": (steps, lambda: _backward(plain, plain(x2, z2).sum())),
        "critic: gradient penalty": (
            steps,
            lambda: _backward(plain, losses.gradient_penalty(plain, (generated, z), (x, z))),
        ),
        "critic: normalisation": (steps, normalisation(model.critic, backward=True)),
        "critic: optimiser": (steps, optimiser_step(trainer, "critic")),
        "main: encoder": (1, lambda: _backward(model.encoder, sum(part.sum() for part in model.encode(x)))),
        "main: prior": (1, lambda: _backward(model.prior, _prior_terms(trainer, model, z))),
        "main: decoder": (1, lambda: _backward(model.decoder, model.decode(z2.detach().requires_grad_()).sum())),
        "main: critic, pictures": (1, no_gradients(lambda: frozen.image(x))),
        "main: critic, codes": (1, critic_for_codes),
        "main: normalisation": (1, normalisation(model.critic, backward=False)),
        "main: optimiser": (1, optimiser_step(trainer, "main")),
    }


def _backward(module: nn.Module, scalar: Tensor) -> None:
    module.zero_grad(set_to_none=True)
    scalar.backward()


def _prior_terms(trainer: Trainer, model: nn.Module, z: Tensor) -> Tensor:
    """A sample, and the density of the codes where the objective asks for it."""
    total = model.sample_prior(len(z)).sum()
    return total + model.prior.cross_entropy(z) if trainer.settings.objective.lambda_p else total


def plain_critic(model: GWAE, settings: config.Config) -> Critic:
    """Return the model's critic with its normalised weights as ordinary ones."""
    plain = Critic(model.image_shape, model.z_dim, settings.model.critic_width)
    for module in list(plain.modules()):
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")
    weighted = [module for module in model.critic.modules() if parametrize.is_parametrized(module)]
    for ours, theirs in zip([m for m in plain.modules() if hasattr(m, "weight")], weighted, strict=True):
        ours.load_state_dict({"weight": theirs.weight.detach(), "bias": theirs.bias.detach()})
    return plain.to(memory_format=torch.channels_last)


def normalisation(critic: Critic, backward: bool) -> Callable[[], None]:
    """Normalise every weight once, and with `backward` go back to the original weights."""
    critic = deepcopy(critic).requires_grad_(backward).train(backward)
    layers = [module for module in critic.modules() if parametrize.is_parametrized(module)]
    ones = [torch.ones_like(layer.weight) for layer in layers]

    def call() -> None:
        critic.zero_grad(set_to_none=True)
        weights = [layer.weight for layer in layers]
        if backward:
            torch.autograd.backward(weights, ones)

    return call


def optimiser_step(trainer: Trainer, player: str) -> Callable[[], object]:
    """Return the function that takes the optimiser's step on a copy of its weights, all with gradients."""
    groups = [
        {
            **{name: value for name, value in group.items() if name != "params"},
            "params": [nn.Parameter(parameter.detach().clone()) for parameter in group["params"]],
        }
        for group in trainer.players.optimizers[player].param_groups
    ]
    for group in groups:
        for parameter in group["params"]:
            parameter.grad = torch.full_like(parameter, 1e-3)
    return type(trainer.players.optimizers[player])(groups).step


def table(results: Mapping[str, dict], threads: int) -> str:
    """Return the results of `time_step` by setting, as text."""
    lines = []
    for name, result in results.items():
        lines += [f"{name} ({threads} thread{'s' * (threads > 1)})"]
        lines += [f"  {part:<26}{value:9.1f} ms" for part, value in result["passes_ms"].items()]
        for label, value in (("network passes", "networks_ms"), ("all of the above", "sum_ms"), ("step", "step_ms")):
            lines += [f"  {label:<26}{result[value]:9.1f} ms"]
        lines += [
            f"  {'step / network passes':<26}{result['ratio']:9.3f}     target at most {RATIO}",
            f"  {'step / all of the above':<26}{result['ratio_with_optimisers']:9.3f}",
        ]
    return "\n".join(lines)
