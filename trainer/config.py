"""One frozen schema for the command line, YAML recipes, the Train page and the run folder.

Unknown keys are errors. Every default carries its reason; the published values are those of the CelebA
setting of Nakagawa et al., *Gromov-Wasserstein Autoencoders*, ICLR 2023 (appendix on experiments).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from trainer.errors import UserError
from trainer.system.yaml_text import MAX_BYTES, read_yaml

Dataset = Literal["mnist", "fashion-mnist", "omniglot", "shapes3d", "shapes3d-rendered", "celeba", "folder"]
ModelKind = Literal["gwae", "vae", "wae-mmd", "dagmm"]
PriorKind = Literal["np", "fnp", "gmp", "normal"]
Placement = Literal["em", "neighbours"]


RECIPES = Path(__file__).parent / "configs"
"""The ready recipes, one YAML file each."""
SHOWN = 80  # characters of a wrong value that an error message repeats
MAX_PATH, MAX_PATH_PART = 4096, 255
MAX_STEPS, MAX_SEED, MAX_WEIGHT = 10**9, 2**32 - 1, 1e6


# --- the schema -------------------------------------------------------------------------------------------------------


class Section(BaseModel):
    """Named settings: unknown ones are errors, and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataConfig(Section):
    """The pictures and the form in which the model takes them."""

    name: Dataset = Field("mnist", description="Data set; 'folder' takes any folder or zip of pictures.")
    path: str | None = Field(
        None, max_length=MAX_PATH, description="Folder or zip of pictures, for data 'folder' only."
    )
    size: Literal[32, 64] = Field(32, description="Height and width of the model's input, in pixels.")
    channels: Literal[1, 3] = Field(1, description="1 for grey, 3 for colour.")
    crop: int | None = Field(
        None,
        ge=16,
        le=8192,
        description="Side of the centred square cut out of each file, in pixels; default 148 for CelebA, as usual, "
        "and the largest square for a folder or zip.",
    )
    validation: float = Field(0.1, gt=0, lt=0.5, description="Share of the training pictures held out for validation.")
    mirror: bool = Field(False, description="Mirror every second training picture, drawn by chance, left to right.")
    shift: int = Field(
        0, ge=0, le=8, description="Move each training picture by up to so many pixels, at random; repeat its border."
    )
    mutation: float = Field(
        0,
        ge=0,
        lt=1,
        description="Share of the pixels of each training picture that random values replace: for a background model "
        "(trainer/ood/detectors/ratio.py).",
    )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the model's input."""
        return self.channels, self.size, self.size

    @model_validator(mode="after")
    def _path_belongs_to_folder(self) -> DataConfig:
        if (self.name == "folder") != (self.path is not None):
            raise ValueError("data.path is needed for data.name=folder, and only for it")
        parts = (self.path or "").replace("\\", "/").split("/")
        if any(len(part.encode("utf-8", "replace")) > MAX_PATH_PART or not part.isprintable() for part in parts):
            raise ValueError("data.path is no path: a part of it is too long, or holds control characters")
        if self.crop is not None and self.name not in ("celeba", "folder"):
            raise ValueError("data.crop belongs to data.name=celeba and data.name=folder only")
        if self.crop is not None and self.name == "celeba" and self.crop > 178:
            raise ValueError("data.crop is at most 178 for data.name=celeba, whose files are 178 pixels wide")
        return self


class ModelConfig(Section):
    """The networks that all models share (trainer/models/networks.py)."""

    kind: ModelKind = Field(
        "gwae", description="gwae; on the same networks vae and wae-mmd as controls, dagmm as a detector."
    )
    z_dim: int = Field(16, ge=1, le=512, description="Number of latent axes (published: 64 on CelebA).")
    width: int = Field(32, ge=4, le=128, description="Channels of the first convolution; each stage doubles them.")
    critic_width: int = Field(8, ge=2, le=128, description="Channels of the critic's first convolution.")
    inverse_sigmoid: bool = Field(True, description="Map pixels through the inverse sigmoid first, as published.")


class PriorConfig(Section):
    """The trainable prior pi(z); the meta-prior of the paper, section 3.3."""

    kind: PriorKind = Field("np", description="np: neural, fnp: factorised, gmp: Gaussian mixture, normal: N(0, I).")
    components: int = Field(10, ge=2, le=200, description="Number of mixture components (gmp).")
    spread: float = Field(1.0, gt=0, le=MAX_WEIGHT, description="Standard deviation of the initial means (gmp).")
    warm_start: bool = Field(False, description="Place the mixture on the codes after the warm-up, without labels.")
    placement: Placement = Field(
        "em",
        description="Of the warm start: em fits Gaussians; neighbours first draws together what is connected (UMAP), a "
        "minute that finds digits better. The default keeps the meaning of earlier recipes.",
    )
    fit_steps: int = Field(
        0,
        ge=0,
        le=MAX_STEPS,
        description="Steps after all others that fit a neural prior (np) alone to the codes; some thousands take "
        "about a minute. Its samples are then where the codes are; not in the paper, off by default.",
    )


class ObjectiveConfig(Section):
    """Weights of L = lambda_gw L_GW + lambda_w L_W + lambda_d L_D + lambda_h R_H (paper, section 3)."""

    lambda_gw: float = Field(1.0, ge=0, le=MAX_WEIGHT, description="Gromov-Wasserstein term.")
    lambda_w: float = Field(1.0, ge=0, le=MAX_WEIGHT, description="Reconstruction.")
    lambda_d: float = Field(1.0, ge=0, le=MAX_WEIGHT, description="Merged sufficient condition, through the critic.")
    lambda_h: float = Field(0.03, ge=0, le=MAX_WEIGHT, description="Entropy regulariser.")
    lambda_p: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Cross-entropy -E_q[log pi(z)] of the codes under the prior, for np under the Gaussian of its "
        "moments; not in the paper, off by default.",
    )
    lambda_c: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Squared error of the contours that a second decoder draws from the code while training (vae, "
        "gwae): size and form of objects then weigh more beside colours; not in the paper, off by default.",
    )
    gradient_penalty: float = Field(
        10.0, ge=0, le=MAX_WEIGHT, description="Weight of the critic's one-centred gradient penalty."
    )
    drift: float = Field(
        1e-4, ge=0, le=MAX_WEIGHT, description="Weight of the critic's squared output, which keeps it centred."
    )
    beta: float = Field(1.0, ge=0, le=MAX_WEIGHT, description="Weight of the KL divergence (vae; 1 is the ELBO).")
    lambda_mmd: float = Field(
        10.0, ge=0, le=MAX_WEIGHT, description="Weight of the discrepancy of codes and prior (wae-mmd; published: 10)."
    )


class DagmmConfig(Section):
    """Settings of DAGMM (Zong et al., ICLR 2018, sections 3 and 4); prior.components is its number of components."""

    width: int = Field(32, ge=2, le=1024, description="Hidden units of the estimation network.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Dropout in the estimation network, as published.")
    energy: float = Field(0.1, ge=0, le=MAX_WEIGHT, description="Weight lambda_1 of the mean energy, as published.")
    covariance: float = Field(
        0.005, ge=0, le=MAX_WEIGHT, description="Weight lambda_2 of sum 1 / diag(Sigma), as published."
    )
    jitter: float = Field(
        1e-4, ge=0, le=MAX_WEIGHT, description="Added to each covariance's diagonal: it becomes singular otherwise."
    )


class OptimConfig(Section):
    """Optimisers, length of the training, and when to stop."""

    name: Literal["adam", "rmsprop"] = Field(
        "adam", description="Adam at 3e-4 is stable and fast here; published: rmsprop at 1e-4."
    )
    lr: float = Field(3e-4, gt=0, le=MAX_WEIGHT, description="Learning rate of encoder, decoder and prior.")
    critic_lr: float = Field(3e-4, gt=0, le=MAX_WEIGHT, description="Learning rate of the critic.")
    prior_lr_scale: float = Field(1.0, gt=0, le=MAX_WEIGHT, description="Factor on the prior's learning rate.")
    batch_size: int = Field(64, ge=2, le=4096, description="Pictures per step.")
    critic_steps: int = Field(5, ge=1, le=20, description="Critic steps per main step.")
    critic_batches: Literal["shared", "fresh"] = Field(
        "fresh",
        description="fresh: new pictures for every critic step; shared: those of the main step, encoded once, their "
        "codes drawn anew each time: as published, and less work.",
    )
    warmup_steps: int = Field(
        0,
        ge=0,
        le=MAX_STEPS,
        description="First steps trained as a VAE with beta = 2 lambda_h, before the prior and critic join.",
    )
    warmup_beta: float | None = Field(
        None,
        gt=0,
        le=MAX_WEIGHT,
        description="Beta at the first step of the warm-up, falling geometrically to 2 lambda_h, of a VAE to "
        "objective.beta, where it is by default. A high one lets few factors through at first, each onto an axis of "
        "its own.",
    )
    refine_steps: int = Field(
        0,
        ge=0,
        le=MAX_STEPS,
        description="Last steps that train the critic alone; the average of its weights then scores pictures.",
    )
    max_steps: int = Field(
        20_000, ge=1, le=MAX_STEPS, description="Steps at most, those of warm-up and refinement included."
    )
    decay: bool = Field(
        False, description="Cosine decay of all learning rates to a tenth, up to where the refinement begins."
    )
    grad_clip: float = Field(100.0, gt=0, le=1e30, description="Norm to which the main gradient is clipped.")
    validate_every: int = Field(500, ge=1, le=MAX_STEPS, description="Main steps between validations and checkpoints.")
    patience: int = Field(10, ge=1, le=MAX_STEPS, description="Validations without improvement before stopping early.")
    keep: Literal["best", "last"] = Field("best", description="Which checkpoint becomes model.safetensors.")


class Config(Section):
    """All settings of a run; `config.yaml` of a run folder holds exactly this."""

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the run folder.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of split, initial weights, batches and noise.")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    prior: PriorConfig = PriorConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    dagmm: DagmmConfig = DagmmConfig()
    optim: OptimConfig = OptimConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.model.kind in ("vae", "wae-mmd") and self.prior.kind != "normal":
            raise ValueError(f"model.kind={self.model.kind} has the prior 'normal'; set prior.kind=normal")
        if self.model.kind == "dagmm" and (self.prior.kind != "gmp" or self.prior.warm_start):
            raise ValueError("model.kind=dagmm is a mixture of its own; set prior.kind=gmp and prior.warm_start=false")
        if self.prior.warm_start and (self.prior.kind != "gmp" or self.optim.warmup_steps == 0):
            raise ValueError("prior.warm_start needs prior.kind=gmp and optim.warmup_steps above 0")
        if self.prior.fit_steps and (self.prior.kind != "np" or self.optim.keep != "last"):
            raise ValueError("prior.fit_steps needs prior.kind=np and optim.keep=last")
        if self.optim.refine_steps and (self.model.kind != "gwae" or self.optim.keep != "last"):
            raise ValueError("optim.refine_steps needs model.kind=gwae, which has a critic, and optim.keep=last")
        if self.optim.refine_steps >= self.optim.max_steps:
            raise ValueError("optim.refine_steps has to be smaller than optim.max_steps")
        return self

    def to_yaml(self) -> str:
        """Return the whole configuration, defaults included, as YAML text."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False)


def setting(key: str, value: Any) -> Any:
    """Return the value of one setting ("optim.lr") as the schema takes it.

    Raises: ValueError if there is no such setting, or the value is not valid by itself.
    """
    section, _, leaf = key.rpartition(".")
    kind = Config if not section else getattr(Config.model_fields.get(section), "annotation", None)
    field = getattr(kind, "model_fields", {}).get(leaf)
    if field is None or isinstance(field.default, BaseModel):
        raise ValueError(f"{key} is no setting")
    adapter = TypeAdapter(Annotated[field.annotation, field], config=ConfigDict(allow_inf_nan=False))
    return adapter.validate_python(value)


def _shown(text: str) -> str:
    """Return text for a message, cut where it is long, without what a terminal would act upon."""
    short = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in short)


def brief(value: Any) -> str:
    """Return repr(value) where it is short, else the name of its type, in constant time."""
    small = isinstance(value, bool | float | None) or (isinstance(value, int) and value.bit_length() < 200)
    small = small or (isinstance(value, str) and len(value) <= SHOWN)
    if isinstance(value, list | tuple | dict) and len(value) <= SHOWN // 4:
        small = not any(
            isinstance(each, list | tuple | dict | set) or brief(each) == type(each).__name__ for each in value
        )
        small = small and (not isinstance(value, dict) or all(isinstance(each, str | float) for each in value.values()))
    text = repr(value) if small else type(value).__name__
    return text if len(text) <= SHOWN else type(value).__name__


def sentence(error: ValidationError, source: str) -> str:
    """Return the first problem of a pydantic error as a sentence that names the key and the valid values."""
    first = error.errors()[0]
    key = _shown(".".join(str(part) for part in first["loc"])) or "the configuration"
    given = brief(first["input"])
    wanted = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "extra_forbidden":
        return f"{source}: unknown key '{key}'; remove it or correct its spelling."
    if first["type"] == "value_error":
        return f"{source}: {first['ctx']['error']}."
    return f"{source}: {key}={given} is not valid: {wanted}."


def from_dict(values: Any, source: str = "config", assignments: list[str] | None = None) -> Config:
    """Return the configuration of nested values, changed by assignments; an empty section has its defaults.

    Raises: UserError naming `source`, the key and the allowed values.
    """
    if not isinstance(values, dict):
        raise UserError(f"{source}: expected sections such as 'data:' and 'model:', found a {type(values).__name__}.")
    for assignment in assignments or []:
        _assign(values, assignment)
    try:
        return Config.model_validate({key: value for key, value in values.items() if value is not None})
    except ValidationError as error:
        raise UserError(sentence(error, source)) from error


def _value(key: str, text: str) -> Any:
    """Return the value of `key` that a command line gives: the text itself where text is wanted, else read as YAML."""
    section, _, leaf = key.rpartition(".")
    kind = Config.model_fields[section].annotation if section in Config.model_fields else Config
    field = getattr(kind, "model_fields", {}).get(leaf) if not section or kind is not Config else None
    choices = () if field is None else (field.annotation, *get_args(field.annotation))
    if str in choices and not (type(None) in choices and text in ("", "null", "~")):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        return text[1:-1] if quoted else text
    return read_yaml(text)


def _assign(values: dict[str, Any], assignment: str) -> None:
    """Apply one `section.key=value` in place."""
    key, separator, text = assignment.partition("=")
    if not separator or not all(key.strip().split(".")):
        raise UserError(f"--set {_shown(assignment)}: write it as section.key=value, for example optim.max_steps=1000.")
    try:
        value = _value(key.strip(), text)
    except ValueError as error:
        raise UserError(f"--set {_shown(assignment)}: what follows '=' is not YAML; put text into quotes.") from error
    *sections, leaf = key.strip().split(".")
    for section in sections:
        if values.get(section) is None:
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            raise UserError(
                f"--set {_shown(assignment)}: '{section}' is a value, not a section; set it without '.{leaf}'."
            )
    values[leaf] = value


def read_file(path: str | Path, examples: str = "trainer/configs") -> Any:
    """Return what a YAML file holds. Raises: UserError, naming `examples`, if it is missing, empty or not YAML."""
    try:
        with open(path, "rb") as file:
            values = read_yaml(file.read(MAX_BYTES + 1).decode("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; {examples} holds the ready recipes.") from error
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        raise UserError(f"{path}: cannot be read as YAML text ({reason}); correct it there.") from error
    if values is None:
        raise UserError(f"{path}: is empty; start from a recipe in {examples}.")
    return values


def load(path: str | Path, assignments: list[str] | None = None) -> Config:
    """Return the configuration of a YAML recipe, changed by `section.key=value` assignments.

    Raises: UserError if the file is missing, is not YAML, or holds an unknown key or a wrong value.
    """
    return from_dict(read_file(path), str(path), assignments)
