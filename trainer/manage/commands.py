"""Commands on finished runs: bundle, networks, push, pull (trainer/__main__.py registers them)."""

from pathlib import Path
from typing import Annotated

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
