"""Commands on finished runs: bundle, networks, push, pull; and bench (trainer/__main__.py registers them)."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from trainer.runs.folder import Run

Folder = Annotated[Path, typer.Argument(help="Run folder.")]
Everything = Annotated[
    bool, typer.Option("--everything", help="Also codes, map, pictures and decoder, beside text and safetensors.")
]


def bundle(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", help="New folder, for example pretrained/<name>.")],
) -> None:
    """Copy a finished run without its training state, weights in float16; evaluate the copy afterwards."""
    from trainer.manage import bundle as bundling

    packed = bundling.bundle(Run(folder), out)
    typer.echo(f"{packed.path}: checkpoint {packed.hash}")


def networks(folder: Folder) -> None:
    """Write decoder.onnx and encoder.onnx, for the browser; nothing else in the folder changes."""
    from trainer.runs import onnx_files

    run = Run(folder)
    onnx_files.write(run.path, run.load_model())


def push(
    folder: Folder,
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository on the hub; made if it is new.")],
    public: Annotated[
        bool, typer.Option("--public", help="A new repository is for everybody; default private.")
    ] = False,
    everything: Everything = False,
) -> None:
    """Send a model and its card to a model hub (Hugging Face, or HF_ENDPOINT); log in with 'hf auth login'."""
    from trainer.manage import hub

    typer.echo(hub.push(Run(folder), repo, public, everything))


def pull(
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository on the hub.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that holds run folders.")] = Path("runs"),
    revision: Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit.")] = None,
    everything: Everything = False,
) -> None:
    """Fetch a model from a model hub, checked like a stranger's: nothing in it is run, nothing damaged is kept."""
    from trainer.manage import hub

    typer.echo(hub.pull(repo, out, revision, everything))


def bench(
    repeats: Annotated[
        int, typer.Option("--repeats", min=3, help="Interleaved measurements; the result is their median.")
    ] = 15,
    all_models: Annotated[bool, typer.Option(help="Every model and size as well, which takes minutes.")] = True,
    accelerator: Annotated[
        Literal["cpu", "cuda"] | None,
        typer.Option("--accelerator", help="Of every bundled recipe there instead: steps a second, memory, time."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False,
) -> None:
    """Time a training step relative to its network passes; measure speed and memory of every model."""
    from trainer import bench as benchmark
    from trainer.bench import recipes

    if accelerator is None:
        results, table = benchmark.measure(repeats, all_models), benchmark.table
    else:
        results, table = recipes.measure(accelerator, repeats), recipes.table
    typer.echo(json.dumps(results, indent=1) if as_json else table(results))
