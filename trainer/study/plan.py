"""What a study asks for: a YAML file of a recipe, named variants of it, and seeds.

name: gmp-mnist
recipe: mnist-gmp                 # a ready recipe, or a YAML file beside this one
control: vae                      # the variant from which the others are subtracted
seeds: [0, 1, 2]
groups: [reconstruction, clustering, geometry]
variants:
  joint: {}
  no-gw: {set: [objective.lambda_gw=0]}
  vae: {recipe: mnist-vae-matched, about: "the same beta, no prior to learn"}
"""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints, ValidationError, model_validator

from trainer import config
from trainer.data.survey import absolute
from trainer.errors import UserError

EXAMPLES = config.RECIPES / "studies"
"""Where the studies of docs/results.md are."""
MAX_RUNS = 300
FAST = ", fast"
"""What the fast protocol of disentanglement adds to the name of its group."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, le=config.MAX_SEED)]
Settings = Annotated[list[Short], Field(max_length=50)]
Precision = Literal["32-true", "bf16-mixed"]


class Variant(config.Section):
    """One column of the table: a recipe and what is changed in it."""

    recipe: Short | None = Field(None, description="Another recipe than that of the study.")
    set: Settings = Field([], description="Changes as on the command line, section.key=value.")
    about: Annotated[str, StringConstraints(max_length=200)] = Field("", description="What it is, in the table.")
    precision: Precision | None = Field(None, description="Of its trainings; default that of the study.")


class Plan(config.Section):
    """A study: each variant is trained once with each seed."""

    name: Name = Field(description="Of the study and of its folder in runs/.")
    about: Annotated[str, StringConstraints(max_length=1000)] = Field("", description="What it asks, above the table.")
    recipe: Short = Field(description="A ready recipe, or the path of a YAML file from that of the study.")
    set: Settings = Field([], description="Changes of every variant; those of the variant come after them.")
    control: Name = Field(description="The variant that the others are compared with, seed by seed.")
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=50)] = Field([0, 1, 2], description="Seeds.")
    groups: Annotated[list[Short], Field(min_length=1, max_length=20)] = Field(
        ["reconstruction"], description="What is measured: groups of `evaluate --only`."
    )
    fast: bool = Field(False, description="Disentanglement by its fast protocol.")
    precision: Precision = Field(
        "32-true",
        description="Of trainings whose variant names none; bf16-mixed halves their time on bfloat16 processors.",
    )
    numbers: Annotated[list[Short], Field(max_length=100)] = Field(
        [], description="Rows of the printed table; default all numbers. The stored table always has all."
    )
    variants: Annotated[dict[Name, Variant], Field(min_length=1, max_length=50)] = Field(description="By name.")

    @model_validator(mode="after")
    def _consistent(self) -> "Plan":
        if self.control not in self.variants:
            raise ValueError(f"control: '{self.control}' is none of the variants {', '.join(self.variants)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: one stands twice")
        if len(self.seeds) * len(self.variants) > MAX_RUNS:
            raise ValueError(f"more than {MAX_RUNS} trainings; ask for fewer variants or seeds")
        return self

    @property
    def measured(self) -> list[str]:
        """Groups as they stand in metrics: the fast protocol has a group of its own."""
        return [group + FAST if self.fast and group == "disentanglement" else group for group in self.groups]

    def precision_of(self, variant: str) -> Precision:
        """Return the precision of a variant's trainings."""
        return self.variants[variant].precision or self.precision


class Training(NamedTuple):
    """One training of a study."""

    variant: str
    seed: int
    settings: config.Config

    @property
    def name(self) -> str:
        """Name of its run folder, in that of the study."""
        return f"{self.variant}-{self.seed}"


def load(path: Path) -> Plan:
    """Return the study of a YAML file.

    Raises: UserError with one sentence if it is missing, is not YAML, or holds an unknown key or a wrong value.
    """
    values = config.read_file(path, "trainer/configs/studies")
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected keys such as 'recipe:' and 'variants:', found a {type(values).__name__}.")
    try:
        values["variants"] = {name: given or {} for name, given in (values.get("variants") or {}).items()}
        return Plan.model_validate(values)
    except AttributeError as error:
        raise UserError(f"{path}: variants has to be a list of 'name: {{set: [section.key=value]}}'.") from error
    except ValidationError as error:
        raise UserError(config.sentence(error, str(path))) from error


def trainings(plan: Plan, path: Path, data_root: Path | None = None) -> list[Training]:
    """Return all trainings of a study, seed by seed, so that pairs are complete early.

    Args:
        path: of the study file, beside which recipes are looked for.

    Raises: UserError if a recipe is missing, or a variant is no valid configuration.
    """
    found = []
    for seed in plan.seeds:
        for name, variant in plan.variants.items():
            given = [*plan.set, *variant.set, f"seed={seed}", f"name={name}-{seed}"]
            try:
                settings = config.load(_recipe(variant.recipe or plan.recipe, path), given)
            except UserError as error:
                raise UserError(f"{path}: variant {name}: {error}") from error
            found.append(Training(name, seed, absolute(settings, data_root)))
    return found


def _recipe(text: str, path: Path) -> Path:
    """Return the file that a study means: one beside it, else a ready recipe."""
    beside = path.parent / text
    return beside if beside.is_file() or beside.suffix in (".yaml", ".yml") else config.RECIPES / f"{text}.yaml"
