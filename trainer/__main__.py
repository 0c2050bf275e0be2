"""The command line: `python -m trainer fit | resume | evaluate | list`.

Progress goes to standard error, results to standard output; exit status 2 means bad input, told in one line.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trainer import config
from trainer import run as runs
from trainer.errors import UserError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Where the data sets are; default $GWAE_DATA, then ./data.")
]
MaxMinutes = Annotated[
    float | None, typer.Option("--max-minutes", min=0.0, help="Stop with a checkpoint after this time.")
]
Accelerator = Annotated[str, typer.Option("--accelerator", help="auto, cpu or cuda.")]
Devices = Annotated[int, typer.Option("--devices", min=1, help="Number of devices.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]


@contextmanager
def _one_line_errors():
    """Turn a UserError into one line on standard error and exit status 2."""
    try:
        yield
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _train(run: runs.Run, data_root: Path | None, max_minutes: float | None, accelerator: str, devices: int) -> None:
    from trainer import fit as fitting

    ended = fitting.fit(run, data_root, max_minutes, accelerator=accelerator, devices=devices)
    history = run.history
    step = int(history["step"].iloc[-1]) if len(history) else 0
    typer.echo(f"{run.path}: {ended} at step {step}, checkpoint {run.hash}")


@app.command()
def fit(
    recipe: Annotated[Path, typer.Argument(help="YAML recipe; trainer/configs holds ready ones.")],
    assignments: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, repeatable.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; default runs/<name>.")] = None,
    data_root: DataRoot = None,
    max_minutes: MaxMinutes = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
) -> None:
    """Train a new model into a new run folder."""
    with _one_line_errors():
        settings = config.load(recipe, assignments)
        run = runs.create(out or Path("runs") / settings.name, settings)
        _train(run, data_root, max_minutes, accelerator, devices)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    data_root: DataRoot = None,
    max_minutes: MaxMinutes = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
) -> None:
    """Continue a training from its last checkpoint."""
    with _one_line_errors():
        _train(runs.Run(folder), data_root, max_minutes, accelerator, devices)


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    only: Annotated[str | None, typer.Option("--only", help="Comma-separated groups, e.g. reconstruction.")] = None,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on the test set; fills metrics.json, codes.parquet, sprite, decoder and card."""
    from trainer import evaluate as evaluation

    with _one_line_errors():
        groups = [name.strip() for name in only.split(",")] if only else None
        metrics = evaluation.evaluate(runs.Run(folder), data_root, groups, progress=evaluation.stderr_progress)
        if as_json:
            typer.echo(json.dumps([asdict(metric) for metric in metrics], indent=1))
            return
        for metric in metrics:
            interval = "" if metric.low is None else f" [{metric.low:.4g}, {metric.high:.4g}]"
            typer.echo(f"{metric.group}  {metric.name}  {metric.value:.4f} {metric.unit}{interval}  n={metric.n}")


@app.command()
def bundle(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path, typer.Option("--out", help="New folder, for example pretrained/<name>.")],
) -> None:
    """Copy a finished run without its training state, weights in float16; evaluate the copy afterwards."""
    from trainer import bundle as bundling

    with _one_line_errors():
        packed = bundling.bundle(runs.Run(folder), out)
        typer.echo(f"{packed.path}: checkpoint {packed.hash}")


@app.command("list")
def list_runs(
    roots: Annotated[list[Path] | None, typer.Argument(help="Folders that hold run folders.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models in pretrained/ and runs/."""
    with _one_line_errors():
        found = runs.find(*(roots or [Path("pretrained"), Path("runs")]))
        rows = [
            {
                "path": str(run.path),
                "checkpoint": run.hash if run.is_trained else None,
                "model": run.config.model.kind,
                "prior": run.config.prior.kind,
                "data": run.config.data.name,
            }
            for run in found
        ]
        if as_json:
            typer.echo(json.dumps(rows, indent=1))
            return
        for row in rows:
            typer.echo("  ".join(str(value or "untrained") for value in row.values()))


if __name__ == "__main__":
    sys.exit(app())
