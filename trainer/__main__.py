"""The command line: `python -m trainer fit | resume | evaluate | study | score | push | pull | list | bench`.

Progress goes to standard error, results to standard output. Exit status 0: done. 2: bad input, explained in one
line on standard error. Anything else is a fault of the program and comes with a traceback.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.exceptions import TyperException

from trainer import config
from trainer.errors import EchoError, StoppedError, UserError
from trainer.manage import commands
from trainer.runs import layout
from trainer.runs.folder import Run, create, discard_unstarted, find, unreadable
from trainer.system import ROOT, files, pickles

if TYPE_CHECKING:
    from trainer.training.fit import Ended

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Where the data sets are; default $GWAE_DATA, then ./data.")
]
MaxMinutes = Annotated[
    float | None, typer.Option("--max-minutes", min=0.0, help="Stop with a checkpoint after this time.")
]
Accelerator = Annotated[str, typer.Option("--accelerator", help="auto, cpu or cuda.")]
Devices = Annotated[int, typer.Option("--devices", min=1, help="Processes a machine (GPUs); they share each batch.")]
Nodes = Annotated[int, typer.Option("--num-nodes", min=1, help="Machines; see docs/scaling.md.")]
Strategy = Annotated[Literal["auto", "ddp"], typer.Option("--strategy", help="How processes train together.")]
Precision = Annotated[
    Literal["32-true", "bf16-mixed", "bf16-forward"],
    typer.Option("--precision", help="bf16-mixed: networks in bfloat16; bf16-forward: without gradients, if faster."),
]
Compiled = Annotated[bool, typer.Option("--compile", help="Encoder and decoder through torch.compile.")]
Graphs = Annotated[bool, typer.Option("--graphs", help="The main step as a CUDA graph, on one GPU.")]
Logger = Annotated[
    Literal["none", "tensorboard"],
    typer.Option("--logger", help="tensorboard: event files in the run folder, training/tensorboard."),
]
Fast = Annotated[bool, typer.Option("--fast", help="Disentanglement from a small sample, stored beside the full one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]


SECONDS_PER_LINE = 30
_said: dict = {}


def _on_stderr(what: str, done: int, total: int) -> None:
    """Report progress on one line on standard error, rewritten in place."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{what} {done}/{total}" if done < total else "\r\033[K")
        sys.stderr.flush()
    elif done < total and (_said.get("what") != what or time.monotonic() - _said["at"] > SECONDS_PER_LINE):
        sys.stderr.write(f"{what} {done}/{total}\n" if done else f"{what}\n")  # a file or a pipe keeps every line
        _said.update(what=what, at=time.monotonic())


def _train(
    settings: config.Config,
    folder: Path,
    data_root: Path | None,
    max_minutes: float | None,
    options: tuple,  # the fields of training.hardware.Hardware, in their order
    logger: str,
    is_new: bool,
) -> None:
    """Train in a new folder or in that of a run; of several processes the leading one creates it and reports."""
    from trainer.training import distributed, fit, hardware, loggers

    wanted = hardware.Hardware(*options)
    fabric = hardware.launch(wanted, settings.model.kind == "gwae", loggers.of_kind(logger, folder))
    share = distributed.Share(fabric)
    with hardware.leaving(fabric), loggers.closing(fabric):
        run = share.first(lambda: create(folder, settings)) if is_new else None
        run = run or Run(folder)
        try:
            ended = fit.fit(run, data_root, max_minutes, hardware=wanted, fabric=fabric)
        except UserError:
            if is_new and share.leads:
                discard_unstarted(run)  # after missing data, for example: the same command can be repeated
            raise
        except StoppedError:
            if share.leads:
                typer.echo(f"{run.path}: stopped while reading the pictures", err=True)
            return
        if share.leads:
            typer.echo(_summary(run, ended))


def _settings(recipe: Path | None, published: Path | None, assignments: list[str] | None) -> config.Config:
    """Return the configuration of a recipe or of a published file; what the latter has alone is said."""
    if (recipe is None) == (published is None):
        raise UserError("fit: name one file, a recipe or --published; trainer/configs holds the ready recipes.")
    if recipe is not None:
        pickles.refuse(recipe)
        return config.load(recipe, assignments)
    from trainer.exchange import published as published_code

    settings, notes = published_code.load(published, assignments)
    for sentence in notes:
        typer.echo(sentence, err=True)
    return settings


def _summary(run: Run, ended: Ended) -> str:
    if ended.trained:
        return f"{run.path}: {ended.reason} at step {ended.step}, checkpoint {run.hash}"
    key = "max_steps" if ended.reason == "finished" else "patience"
    return (
        f"{run.path}: had already ended ({ended.reason}) at step {ended.step}, nothing to do; "
        f"raise optim.{key} in config.yaml to train on"
    )


@app.command()
def fit(
    recipe: Annotated[Path | None, typer.Argument(help="YAML recipe; trainer/configs holds ready ones.")] = None,
    published: Annotated[
        Path | None, typer.Option("--published", help="Settings of the published GWAE code, in place of a recipe.")
    ] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, repeatable.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run folder; default runs/<name>.")] = None,
    data_root: DataRoot = None,
    max_minutes: MaxMinutes = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    num_nodes: Nodes = 1,
    strategy: Strategy = "auto",
    precision: Precision = "32-true",
    compiled: Compiled = False,
    graphs: Graphs = False,
    logger: Logger = "none",
) -> None:
    """Train a new model into a new run folder."""
    options = (accelerator, devices, num_nodes, strategy, precision, compiled, graphs)
    from trainer.data.survey import absolute

    settings = absolute(_settings(recipe, published, assignments), data_root)
    _train(settings, out or Path("runs") / settings.name, data_root, max_minutes, options, logger, is_new=True)


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    data_root: DataRoot = None,
    max_minutes: MaxMinutes = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    num_nodes: Nodes = 1,
    strategy: Strategy = "auto",
    precision: Precision = "32-true",
    compiled: Compiled = False,
    graphs: Graphs = False,
    logger: Logger = "none",
    changed_data: Annotated[
        bool, typer.Option("--changed-data", help="Go on although the pictures are others than before.")
    ] = False,
) -> None:
    """Continue a training from its last checkpoint, also on other hardware."""
    options = (accelerator, devices, num_nodes, strategy, precision, compiled, graphs)
    if changed_data:
        files.write_text(Run(folder).path / layout.CHANGED_DATA, "accepted\n")
    _train(Run(folder).config, folder, data_root, max_minutes, options, logger, is_new=False)


Background = Annotated[
    Path | None, typer.Option("--background", help="Run of a background model, for likelihood ratios.")
]


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    only: Annotated[str | None, typer.Option("--only", help="Comma-separated groups, e.g. reconstruction.")] = None,
    data_root: DataRoot = None,
    fast: Fast = False,
    outliers: Annotated[
        Path | None, typer.Option("--outliers", help="Folder or zip of your own pictures, one more ood pair.")
    ] = None,
    background: Background = None,
    network: Annotated[
        str | None, typer.Option("--network", help="Comma-separated feature networks of the group generation.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on the test set; fills metrics.json, codes.parquet, sprite, networks and card."""
    from trainer.evaluation import evaluate as evaluation

    groups = [name.strip() for name in only.split(",")] if only else None
    networks = tuple(name.strip() for name in network.split(",")) if network else ()
    given = {"fast": fast, "outliers": outliers, "background": background, "networks": networks}
    metrics = evaluation.evaluate(Run(folder), data_root, groups, _on_stderr, **given)
    if as_json:
        typer.echo(json.dumps([asdict(metric) for metric in metrics], indent=1))
        return
    for metric in metrics:
        interval = "" if metric.low is None else f" [{metric.low:.4g}, {metric.high:.4g}]"
        typer.echo(f"{metric.group}  {metric.name}  {metric.value:.4f} {metric.unit}{interval}  n={metric.n}")


@app.command()
def seeds(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Evaluated runs that differ in their seed.")],
) -> None:
    """Mean and range of each number over trainings of one recipe; stored with those of the first run."""
    from trainer.evaluation.seeds import summarise

    for metric in summarise([Run(folder) for folder in folders]):
        typer.echo(f"{metric.name}  {metric.value:.4f}  {metric.interval}")


@app.command()
def study(
    path: Annotated[Path, typer.Argument(metavar="STUDY", help="YAML study; trainer/configs/studies holds examples.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the study; default runs/<name>.")] = None,
    data_root: DataRoot = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=256, help="Trainings at a time; default one per GPU, else one.")
    ] = None,
    only_table: Annotated[
        bool, typer.Option("--table", help="Make the table again from the stored numbers; trains nothing.")
    ] = False,
) -> None:
    """Train variants of a recipe with several seeds, measure them, and print one table; the same command continues."""
    from trainer.study import plan, table
    from trainer.study import run as studies

    wanted = plan.load(path)
    folder = out or Path("runs") / wanted.name
    made = (
        table.write(wanted, path, folder)
        if only_table
        else studies.run(wanted, path, folder, data_root, jobs, _on_stderr)
    )
    if made.missing:
        typer.echo(f"{folder}: not measured: {', '.join(made.missing)}", err=True)
    typer.echo(made.markdown, nl=False)


for _command in (commands.bundle, commands.networks, commands.push, commands.pull, commands.bench):
    app.command()(_command)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    form: Annotated[
        Literal["onnx", "csv", "parquet"],
        typer.Option("--format", help="onnx: encoder and decoder; csv, parquet: test codes and their map."),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="Folder; default exports/<name>.")] = None,
) -> None:
    """Write a model's networks, or its codes and their map, for other tools."""
    from trainer.exchange import export as exporting

    run = Run(folder)
    for path in exporting.export(run, form, out or Path("exports") / run.path.resolve().name):
        typer.echo(path)


@app.command("map")
def map_codes(
    folder: Annotated[Path, typer.Argument(help="Evaluated run folder.")],
    settings: Annotated[str, typer.Option("--settings", help='Changes as JSON: {"neighbours": 30}.')] = "{}",
    out: Annotated[Path | None, typer.Option("--out", help="File; default in the run folder.")] = None,
) -> None:
    """Lay the test codes out in the plane (UMAP) and store the map."""
    from trainer.jobs.map import target
    from trainer.latent import map, map_file

    wanted, run = map_file.parse_settings(settings), Run(folder)
    path = out or target(run.path, run.hash, wanted)
    made = map.of_run(run, wanted, _on_stderr)
    map_file.write(made, path)
    trust = made.meta["trustworthiness"]
    typer.echo(f"{path}: {len(made.frame):,} points, trustworthiness {trust if trust is None else round(trust, 4)}")


@app.command()
def disentangle(
    folder: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path | None, typer.Option("--out", help="File; default in the run folder.")] = None,
    data_root: DataRoot = None,
    fast: Fast = False,
    other: Annotated[
        str, typer.Option("--data", help="Another data set of the same factors, e.g. shapes3d; a record of its own.")
    ] = "",
) -> None:
    """Measure disentanglement alone and store its record; nothing else in the folder changes."""
    from trainer.evaluation.disentanglement import group, record

    run, protocol = Run(folder), "fast" if fast else "full"
    other = "" if other == run.config.data.name else other
    group.on_data(run.config, other)  # refuses an unknown one before a file is named after it
    path = out or run.path / layout.disentanglement(protocol, other)
    measured = group.of_run(run, protocol, data_root, _on_stderr, other=other)
    record.write(measured, path)
    typer.echo(f"{measured.data}, {measured.split}, {protocol} protocol: {path}", err=True)
    for metric in record.metrics(measured):
        typer.echo(f"{metric.name}  {metric.value:.4f}  n={metric.n}")


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(help="Evaluated run folder.")],
    paths: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, folders or zips of pictures.")],
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the whole table to this file.")] = None,
    fpr: Annotated[
        float, typer.Option("--fpr", help="Share of ordinary pictures that may be flagged as outliers.")
    ] = 0.05,
    invert: Annotated[bool, typer.Option("--invert", help="Swap black and white, change nothing else.")] = False,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="No choice of polarity, contrast and place for each picture.")
    ] = False,
    form: Annotated[Literal["text", "csv", "json"], typer.Option("--format", help="What is printed.")] = "text",
    background: Background = None,
) -> None:
    """Out-of-distribution scores of pictures, with percentile and verdict; the page's and those of the literature."""
    from trainer.ood import command

    typer.echo(command.score(Run(folder), paths, csv, fpr, invert, form, as_it_is, background), nl=False)


@app.command("list")
def list_runs(
    roots: Annotated[list[Path] | None, typer.Argument(help="Folders that hold run folders.")] = None,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="Read all their files and name the damaged ones.")] = False,
) -> None:
    """List the models in pretrained/ and runs/; folders that cannot be opened are named on standard error."""
    bundled = Path("pretrained")
    places = roots or [bundled if bundled.is_dir() else ROOT / bundled, Path("runs")]
    runs = find(*places)
    rows = [
        {
            "path": str(run.path),
            "checkpoint": run.hash if run.is_trained else None,
            "model": run.config.model.kind,
            "prior": run.config.prior.kind,
            "data": run.config.data.name,
        }
        for run in runs
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for sentence in [*unreadable(*places), *(_flaws(runs) if check else ())]:
        typer.echo(sentence, err=True)
    for row in rows:
        typer.echo("  ".join(str(value or "untrained") for value in row.values()))


def _flaws(runs: list[Run]) -> list[str]:
    from trainer.manage import flaws  # takes pandas and a second, which listing alone does not need

    return [f"{run.path}: {sentence}" for run in runs for sentence in flaws.of_run(run).values()]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status, after one line on standard error where it is 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(args=arguments or ["--help"], prog_name="python -m trainer", standalone_mode=False)
    except EchoError:
        from trainer.training.hardware import is_follower

        return 0 if is_follower() else 2  # a failing follower would end the leading process before its report
    except (UserError, TyperException) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        typer.echo(" ".join(message.split("\n")), err=True)
        return 2
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
