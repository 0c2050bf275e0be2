"""Settings of the published GWAE code (github.com/ganmodokix/gwae, settings/*.yaml) as a configuration.

Only the text of the file is read; docs/from-gwae.md has the table of all settings, what differs, and why.
"""

import re
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from trainer import config
from trainer.errors import UserError
from trainer.system import pickles

EPOCHS = 1000
"""At most, where the published file says `until_convergence` alone."""
DRIFT = 1e-4
"""Of the published critic; it stands inside the gradient penalty there, so coef_gp multiplies it."""
SIDE, CHANNELS = 64, 3
"""Every data set has this form in the published code, digits too."""

DATASETS = {
    "celeba": "celeba", "mnist": "mnist", "fashionmnist": "fashion-mnist", "omniglot": "omniglot",
    "shapes3d": "shapes3d",
}  # fmt: skip
TRAINING = {"celeba": 162_770, "mnist": 54_000, "fashionmnist": 54_000, "shapes3d": 384_000}
"""Pictures of the published training part: an epoch, in which it counts, divided by the batch size is a validation."""
ELSEWHERE = frozenset((
    "cars", "celeba_small", "cifar10", "cub_200_2011", "fake", "getchu", "kmnist", "lsun_bedroom", "stl10", "svhn",
    "widerface", "dsprites", "mpi3d_real", "smallnorb", "teapot", "afhq_v2_cat", "afhq_v2_dog", "afhq_v2_wild", "ffhq",
    "danbooru",
))  # fmt: skip
"""Data sets that the published code knows by name and this trainer does not; any other name is a folder there."""
PRIORS = {"neural": "np", "factorized_neural": "fnp", "gm": "gmp", "factorized_normal": "normal"}
NETWORKS = "Its networks have batch normalisation there; here they have none, as the published GWAE."


class Hyperparameter(NamedTuple):
    """Where a number of `hyperparameters` goes, and what becomes of it on the way."""

    key: str
    kind: Callable[[float], Any] = float
    factor: float = 1.0


class Model(NamedTuple):
    """A published model: the settings it stands for, its hyperparameters, and what differs in a sentence."""

    settings: Mapping[str, Any]
    hyperparameters: Mapping[str, Hyperparameter]
    notes: tuple[str, ...] = ()


_SHARED = {"lr": Hyperparameter("optim.lr"), "z_dim": Hyperparameter("model.z_dim", int)}
_ADAM = {"optim.name": "adam", "prior.kind": "normal"}
_HALF = "Its squared error has no factor 1/2 there, so both other weights are halved here: the same optimum."
MODELS = {
    "gwae": Model(
        {"model.kind": "gwae", "optim.name": "rmsprop"},
        _SHARED
        | {
            "coef_w": Hyperparameter("objective.lambda_w"),
            "coef_d": Hyperparameter("objective.lambda_d"),
            "coef_qentropy": Hyperparameter("objective.lambda_h"),
            "lr_disc": Hyperparameter("optim.critic_lr"),
            "coef_gp": Hyperparameter("objective.gradient_penalty"),
            "times_d_training": Hyperparameter("optim.critic_steps", int),
            "num_components": Hyperparameter("prior.components", int),
        },
    ),
    "vae": Model(_ADAM | {"model.kind": "vae"}, _SHARED, (NETWORKS,)),
    "bvae": Model(_ADAM | {"model.kind": "vae"}, _SHARED | {"beta": Hyperparameter("objective.beta")}, (NETWORKS,)),
    "wae": Model(
        _ADAM | {"model.kind": "wae-mmd"},
        _SHARED,
        (
            "hyperparameters.alpha and .lambda have no counterpart: that model is an InfoVAE, with a share of the KL "
            "divergence and another kernel; wae-mmd here is that of Tolstikhin et al. with objective.lambda_mmd = 10.",
            NETWORKS,
        ),
    ),
    "dagmm": Model(
        {"model.kind": "dagmm", "optim.name": "adam", "prior.kind": "gmp", "dagmm.width": 256, "dagmm.dropout": 0.0},
        _SHARED
        | {
            "num_components": Hyperparameter("prior.components", int),
            "coef_energy": Hyperparameter("dagmm.energy", float, 0.5),
            "coef_prior": Hyperparameter("dagmm.covariance", float, 0.5),
        },
        (_HALF, NETWORKS),
    ),
}
_NOTED = {"wae": {"alpha", "lambda"}}
"""Hyperparameters that the sentences of a model speak of."""
_FLAGS = {
    "merged_condition": (True, "the model without a critic"),
    "batchnorm": (False, "batch normalisation"),
    "resblock": (False, "residual blocks"),
    "latent_bn": (False, "normalised codes"),
    "learned_similarity": (False, "the learned similarity"),
    "mixed_potential": (False, "the mixed potential"),
}
"""Switches of the published GWAE that hold in one position only, and what the other one would be."""
_KNOWN = frozenset((
    "model_name", "hyperparameters", "dataset", "logger_path", "batch_size", "epochs", "until_convergence", "patience",
    "cuda_sync", "very_verbose",
))  # fmt: skip
_WITHOUT = {
    "cuda_sync": "cuda_sync has no counterpart: it only empties the GPU's cache after each epoch.",
    "very_verbose": "very_verbose has no counterpart: reconstructions, samples and traversals are always recorded.",
}


def load(path: str | Path, assignments: list[str] | None = None) -> tuple[config.Config, list[str]]:
    """Return the configuration of a published settings file, and a sentence for each setting that has no counterpart.

    Args:
        assignments: `section.key=value` changes of the configuration, as for a recipe.

    Raises: UserError if the file is none of the published form, or asks for what this trainer does not have.
    """
    pickles.refuse(Path(path))
    notes: list[str] = []
    own_data = any(text.partition("=")[0].strip() == "data.name" for text in assignments or [])
    values = _Translation(config.read_file(path), str(path), notes, own_data).values
    return config.from_dict(values, str(path), assignments), notes


class _Translation:
    """The sections of a configuration from a published file; `values` are the nested result."""

    def __init__(self, given: Any, source: str, notes: list[str], own_data: bool):
        self.source, self.notes, self.own_data = source, notes, own_data
        if not isinstance(given, dict) or not isinstance(given.get("hyperparameters"), dict):
            raise UserError(f"{source}: no published settings; they have model_name, hyperparameters and dataset.")
        if unknown := sorted(str(key) for key in given if key not in _KNOWN):
            raise UserError(f"{source}: unknown setting '{unknown[0][:80]}'; remove it.")
        self.given, self.hyperparameters = given, given["hyperparameters"]
        self.values: dict[str, Any] = {"name": self._name()}
        self._model()
        self._data()
        self._schedule()
        notes += [sentence for key, sentence in _WITHOUT.items() if key in given]

    def _set(self, key: str, value: Any) -> None:
        section, _, leaf = key.partition(".")
        self.values.setdefault(section, {})[leaf] = value

    def _number(self, values: Mapping[str, Any], key: str, kind: Callable[[float], Any] = float) -> Any:
        """Return a number; the published files write 1e-4, which YAML takes for text and their code for a number."""
        given = values[key]
        try:
            number = float(given) if not isinstance(given, bool) and len(str(given)) < 40 else None
            if number is not None and (kind is float or number == int(number)):
                return kind(number)
        except (TypeError, ValueError, OverflowError):
            pass
        raise UserError(f"{self.source}: {key}={config.brief(given)} is no {'' if kind is float else 'whole '}number.")

    def _text(self, key: str) -> str:
        given = self.given.get(key)
        if given is not None and not isinstance(given, str):
            raise UserError(f"{self.source}: {key}={config.brief(given)} is not text; correct it there.")
        return given or ""

    def _name(self) -> str:
        """Return the name of the run: the last part of logger_path."""
        last = Path(self._text("logger_path")).name
        return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:64] or "published"

    def _model(self) -> None:
        name = self._text("model_name")
        if name not in MODELS:
            raise UserError(
                f"{self.source}: model_name={config.brief(name)} has no counterpart; there are {', '.join(MODELS)}."
            )
        model = MODELS[name]
        for key, value in model.settings.items():
            self._set(key, value)
        special = {*_FLAGS, "sampler_type", "distance_coef_initial"} if name == "gwae" else set()
        for key in self.hyperparameters:
            if key in model.hyperparameters:
                place = model.hyperparameters[key]
                number = self._number(self.hyperparameters, key, place.kind)
                self._set(place.key, number * place.factor if place.kind is float else number)
            elif key not in special | _NOTED.get(name, set()):
                raise UserError(
                    f"{self.source}: unknown setting 'hyperparameters.{str(key)[:60]}' of {name}; remove it."
                )
        if name == "gwae":
            self._gwae()
        self.notes += model.notes

    def _gwae(self) -> None:
        for key, (held, other) in _FLAGS.items():
            if self.hyperparameters.get(key, held) is not held:
                raise UserError(
                    f"{self.source}: hyperparameters.{key} has no counterpart: {other} is not part of this trainer; "
                    f"set it to {str(held).lower()} there to train without."
                )
        sampler = self.hyperparameters.get("sampler_type", "neural")
        if not isinstance(sampler, str) or sampler not in PRIORS:
            raise UserError(
                f"{self.source}: hyperparameters.sampler_type={config.brief(sampler)} has no counterpart; there are "
                f"{', '.join(PRIORS)}."
            )
        self._set("prior.kind", PRIORS[sampler])
        if "coef_gp" in self.hyperparameters:
            self._set("objective.drift", DRIFT * self._number(self.hyperparameters, "coef_gp"))
        scale = self.hyperparameters.get("distance_coef_initial", 1.0)
        if self._number({"distance_coef_initial": scale}, "distance_coef_initial") != 2.5:
            self.notes.append(
                f"hyperparameters.distance_coef_initial={scale} has no counterpart: C always starts at 2.5."
            )

    def _data(self) -> None:
        name = self._text("dataset")
        if self.own_data:
            return
        if name in DATASETS:
            self._set("data.name", DATASETS[name])
            if name == "celeba":
                self._set("data.crop", 144)
        elif not name or name in ELSEWHERE:
            raise UserError(
                f"{self.source}: dataset={config.brief(name)} has no counterpart; name a folder or zip of them: "
                "--set data.name=folder --set data.path=…"
            )
        else:
            self._set("data.name", "folder")
            self._set("data.path", name)
        self._set("data.size", SIDE)
        self._set("data.channels", CHANNELS)

    def _schedule(self) -> None:
        """Epochs there, steps here; a validation ends each epoch there."""
        if "batch_size" in self.given:
            self._set("optim.batch_size", self._number(self.given, "batch_size", int))
        batch = self.values.get("optim", {}).get("batch_size", 64)
        count = TRAINING.get(self._text("dataset"))
        epoch = ceil(count / max(1, batch)) if count and not self.own_data else 500
        if epoch == 500:
            self.notes.append("An epoch of these pictures counts as 500 steps; set optim.validate_every and max_steps.")
        self._set("optim.validate_every", epoch)
        converges = self.given.get("until_convergence", False) is True
        epochs = EPOCHS if converges or "epochs" not in self.given else self._number(self.given, "epochs", int)
        self._set("optim.max_steps", epochs * epoch)
        if converges and "patience" in self.given:
            self._set("optim.patience", self._number(self.given, "patience", int))
        elif not converges:
            self._set("optim.patience", max(1, epochs))  # nothing ends it early there
        if converges and "epochs" in self.given:
            self.notes.append("epochs has no effect beside until_convergence, there as here.")
