"""Commands on finished runs: bundle, networks (trainer/__main__.py registers them)."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.runs.folder import Run

Folder = Annotated[Path, typer.Argument(help="Run folder.")]


def bundle(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", help="New folder, for example pretrained/<name>.")],
) -> None:
    """Copy a finished run without its training state, weights in float16; evaluate the copy afterwards."""
    from trainer.manage import bundle as bundling

    packed, left_out = bundling.bundle(Run(folder), out)
    if left_out:
        typer.echo(left_out, err=True)
    typer.echo(f"{packed.path}: checkpoint {packed.hash}")


def networks(folder: Folder) -> None:
    """Write decoder.onnx and encoder.onnx, for the browser; nothing else in the folder changes."""
    from trainer.runs import onnx_files

    run = Run(folder)
    if left_out := onnx_files.write(run.path, run.load_model()):
        typer.echo(left_out, err=True)
