"""The table of a study, from the stored numbers of its runs alone: `study.json` and `study.md` in its folder.

A study that docs/results.md reports has a copy of its study.json beside its YAML (`reported`), for the pages to show
the spread of a bundled model's numbers over trainings.

study.json holds for every variant a list of Metric records (trainer.runs.folder): mean and range over seeds (group
"seeds"), and the mean difference from the control with its bootstrap interval (group "differences").
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from trainer.config import Config
from trainer.errors import UserError
from trainer.evaluation import seeds
from trainer.runs import validation
from trainer.runs.folder import Metric, Run
from trainer.study.plan import EXAMPLES, Plan, trainings
from trainer.system import ROOT, files

JSON, MARKDOWN = "study.json", "study.md"


class Column(validation.Schema):
    """Numbers of a variant: `runs` are the names of its measured trainings, `means` and `differences` by number.

    `recipe` is the fingerprint of what they share.
    """

    about: validation.Text
    recipe: validation.Hash = ""
    runs: Annotated[list[validation.Word], Field(max_length=50)]
    means: Annotated[dict[validation.Word, validation.MetricSchema], Field(max_length=5000)]
    differences: Annotated[dict[validation.Word, validation.MetricSchema], Field(max_length=5000)]


class _Stored(validation.Schema):
    """study.json."""

    name: validation.Word
    about: validation.Text
    control: validation.Word
    command: validation.Text
    rows: Annotated[list[validation.Word], Field(max_length=5000)]
    variants: Annotated[dict[validation.Word, Column], Field(max_length=50)]


@dataclass(frozen=True)
class Table:
    """All numbers of a study.

    Attributes:
        rows: names of the numbers that are printed.
        columns: for every variant its means and differences by number.
        missing: names of the runs that are not measured.
    """

    stored: _Stored
    missing: tuple[str, ...] = ()

    @property
    def markdown(self) -> str:
        """Return the table as Markdown: what was asked, means and ranges, differences from the control."""
        study = self.stored
        head = [f"# {study.name}", study.about, f"`{study.command}`", _trainings(study)]
        means = _rows(study, study.variants, "means")
        others = {name: column for name, column in study.variants.items() if name != study.control}
        differences = _rows(study, others, "differences")
        parts = [*head, "Mean (smallest to largest training).", means]
        if differences:
            parts += [f"Minus {study.control}, same seed: mean [95 % bootstrap interval over seeds].", differences]
        return "\n\n".join(part for part in parts if part) + "\n"


def fingerprint(settings: Config) -> str:
    """Return the hash of all settings but name and seed, as far as they are not the defaults."""
    settled = settings.model_dump(exclude={"name", "seed"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()[:12]


def reported() -> dict[str, Path]:
    """Return the tables that come with the project, by the name of the study."""
    return {path.stem: path for path in sorted(EXAMPLES.glob("*.json"))}


def make(plan: Plan, path: Path, folder: Path) -> Table:
    """Return the table of the runs in a study's folder; nothing is trained or written.

    Raises: UserError if none of them is measured, or trainings of a variant differ in more than their seed.
    """
    numbers: dict[str, dict[int, dict[str, Metric]]] = {name: {} for name in plan.variants}
    missing = []
    for each in trainings(plan, path):
        own = _numbers(folder / each.name, plan.measured)
        if own:
            numbers[each.variant][each.seed] = own
        else:
            missing.append(each.name)
    if not any(numbers.values()):
        raise UserError(
            f"{folder}: no training of this study is measured; run it with 'python -m trainer study {path}'."
        )
    columns = {name: _column(plan, name, numbers, folder) for name in plan.variants if numbers[name]}
    rows = plan.numbers or list(dict.fromkeys(row for column in columns.values() for row in column["means"]))
    about = {
        "name": plan.name,
        "about": (plan.about + _precisions(plan)).strip(),
        "control": plan.control,
        "rows": rows,
    }
    about |= {"variants": columns, "command": _command(plan, path, folder)}
    return Table(validation.checked(_Stored, about), tuple(missing))


def _command(plan: Plan, path: Path, folder: Path) -> str:
    """Return the command that makes the study again, from the root of the checkout where its file is in there."""
    named = path.resolve().relative_to(ROOT) if path.resolve().is_relative_to(ROOT) else path
    return f"python -m trainer study {named}" + ("" if folder.name == plan.name else f" --out {folder}")


def _precisions(plan: Plan) -> str:
    """Return a sentence on the precision of the trainings, empty if it is float32 for all."""
    by_precision: dict[str, list[str]] = {}
    for name in plan.variants:
        by_precision.setdefault(plan.precision_of(name), []).append(name)
    if list(by_precision) == ["32-true"]:
        return ""
    if len(by_precision) == 1:
        return f" Trained with --precision {next(iter(by_precision))}."
    each = [f"{how}: {', '.join(names)}" for how, names in by_precision.items()]
    return f" Trained with --precision {'; '.join(each)}."[:900]


def write(plan: Plan, path: Path, folder: Path) -> Table:
    """Write study.json and study.md and return the table. Raises: UserError as make, or if the folder is read-only."""
    made = make(plan, path, folder)
    files.write_text(folder / JSON, json.dumps(made.stored.model_dump(), indent=1) + "\n")
    files.write_text(folder / MARKDOWN, made.markdown)
    return made


def read(path: Path) -> Table:
    """Return the table that a study.json holds. Raises: UserError if there is none, or it is damaged."""
    with files.reading(path, "this study has no table yet", "make it with 'python -m trainer study --table'"):
        return Table(validation.read_json(path, _Stored))


def _numbers(folder: Path, groups: list[str]) -> dict[str, Metric]:
    """Return the numbers of a run, by name; none if it is absent, damaged or not measured in every group."""
    try:
        run = Run(folder)
        found = seeds.measured(run, groups)
    except UserError:
        return {}
    return found if set(groups) <= {metric.group for metric in found.values()} else {}


def _column(plan: Plan, name: str, numbers: dict[str, dict[int, dict[str, Metric]]], folder: Path) -> dict:
    """Return the record of a variant; its differences are over the seeds that it and the control have."""
    own, control = numbers[name], numbers[plan.control]
    means = {row: seeds.over_seeds(each) for row, each in seeds.shared(list(own.values())).items()}
    both = [seed for seed in own if seed in control]
    pairs = seeds.shared([own[seed] for seed in both] + [control[seed] for seed in both]) if both else {}
    differences = (
        {}
        if name == plan.control
        else {row: seeds.difference(each[: len(both)], each[len(both) :], plan.control) for row, each in pairs.items()}
    )
    records = [{row: asdict(metric) for row, metric in part.items()} for part in (means, differences)]
    runs = [f"{name}-{seed}" for seed in own]
    recipes = {fingerprint(Run(folder / run).config) for run in runs}
    if len(recipes) > 1:
        raise UserError(f"{folder}: the trainings of {name} differ in more than their seed; train them again.")
    about = {"about": plan.variants[name].about, "recipe": recipes.pop(), "runs": runs}
    return about | {"means": records[0], "differences": records[1]}


def _trainings(study: _Stored) -> str:
    """Return the variants in words: what each is, and how many trainings."""
    return "\n".join(
        f"* **{name}**{' (control)' if name == study.control else ''}: "
        + (f"{column.about}; " if column.about else "")
        + f"{len(column.runs)} training{'s' if len(column.runs) > 1 else ''} ({', '.join(column.runs)})"
        for name, column in study.variants.items()
    )


def _rows(study: _Stored, columns: dict[str, Column], part: str) -> str:
    """Return a Markdown table with a row per number, a column per variant; empty where no variant has a number."""
    if not any(getattr(column, part) for column in columns.values()):
        return ""
    lines = ["| " + " | ".join(["", *columns]) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in study.rows:
        cells = [getattr(column, part).get(row) for column in columns.values()]
        known = next((metric for metric in cells if metric), None)
        head = row if known is None else f"{row}{f', {known.unit}' if known.unit else ''} (n = {known.n:,})"
        lines.append("| " + " | ".join([head, *(cell(metric, part) for metric in cells)]) + " |")
    return "\n".join(lines)


def cell(metric: validation.MetricSchema | None, part: str) -> str:
    """Return a number of "means" with its range, or of "differences" with its sign and interval."""
    if metric is None:
        return "–"
    ends = "" if metric.low is None else f"{metric.low:.4g} to {metric.high:.4g}"
    if part == "means":
        return f"{metric.value:.4g} ({ends})"
    return f"{metric.value:+.4g}" + (f" [{ends}]" if ends else "")
