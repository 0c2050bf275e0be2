"""Trainings that are killed at a chosen point: `python -m tests.dying POINT=RUN ...`, a process for each.

Each is what trainer/jobs/queue.py starts (trainer.jobs.train.work), and kills itself by SIGKILL, which nothing can
catch: no last word, no tidying up. They are forked from one process that has imported what takes seconds to import.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from trainer.data import decode
from trainer.jobs import train
from trainer.training import checkpoint, fit

assert fit  # imported for its weight: the processes below start with it


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner: object, name: str, counts: Callable[..., bool], number: int, act: Callable[..., None]) -> None:
    """Call `act` instead of the `number`-th call of `owner.name` for which `counts` holds."""
    original, calls = getattr(owner, name), []

    def replacement(*arguments, **options):
        calls.extend([1] * counts(*arguments))
        if counts(*arguments) and len(calls) == number:
            act(original, *arguments, **options)
        return original(*arguments, **options)

    setattr(owner, name, replacement)


def half_written(save: Callable, tensors: dict, path: Path, metadata: dict) -> None:
    save(tensors, path, metadata=metadata)
    os.truncate(path, path.stat().st_size // 2)
    die()


def is_named(name: str) -> Callable[..., bool]:
    return lambda _, target: Path(target).name == name


def says_finished(source: object, target: object) -> bool:
    return is_named("status.json")(source, target) and '"finished"' in Path(source).read_text(encoding="utf-8")


def any_call(*_: object) -> bool:
    return True


def before(*_: object, **__: object) -> None:
    die()


def after(replace: Callable, *arguments: object) -> None:
    replace(*arguments)
    die()


POINTS = {
    "while a picture is decoded": (decode, "read_picture", any_call, 5, before),
    "before the first model": (os, "replace", is_named("model.safetensors"), 1, before),
    "between the first model and its checkpoint": (os, "replace", is_named("model.safetensors"), 1, after),
    "in the middle of a checkpoint": (checkpoint, "save_file", any_call, 2, half_written),
    "before a checkpoint gets its name": (os, "replace", is_named("checkpoint.safetensors"), 2, before),
    "after a checkpoint got its name": (os, "replace", is_named("checkpoint.safetensors"), 2, after),
    "between a model and its checkpoint": (os, "replace", is_named("model.safetensors"), 2, after),
    "in the middle of the history": (os, "replace", is_named("history.csv"), 2, before),
    "before its last word": (os, "replace", says_finished, 1, before),
}


def main(arguments: list[str]) -> None:
    for point, folder in (argument.split("=", 1) for argument in arguments):
        if not (child := os.fork()):
            at_call(*POINTS[point])
            os._exit(train.work(Path(folder)))
        print(point, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sep="=", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
