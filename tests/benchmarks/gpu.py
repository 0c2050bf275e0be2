"""All that needs a graphics card, in one run meant for eight minutes: python -m tests.benchmarks.gpu [OUT.json]

    losses     50 steps on the card against 50 on the CPU, from the same weights, pictures and noise
    resume     a training stopped in the middle and continued against the uninterrupted one
    evaluate   reconstruction and latent numbers of a trained model
    bf16       50 steps in bf16-mixed against float32
    speed      eager, --compile and --graphs: steps a second and memory at the published setting, fresh and shared
    curve      1,000 recorded steps against 1,000 eager ones with two seeds: the recorded curve has to lie within the
               spread of the two

Targets on an H100: at least 300 steps a second; the curve as said. A part that fails is reported, the others run; each
result is written as soon as it is known. Without a card a sentence says so, and the exit status is 2.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from tqdm import tqdm

from tests.fixtures import blob_pictures
from trainer import config
from trainer.bench.settings import CPU, PUBLISHED
from trainer.data.imageset import ImageSet
from trainer.runs.folder import create
from trainer.training.fit import Trainer
from trainer.training.hardware import Hardware

CARD = Hardware(accelerator="cuda")
TARGET = 300
STEPS, CURVE, TIMED = 50, 1_000, 200
SMOOTH = 100
"""Steps averaged into a point of a curve."""

Results = dict[str, object]


class DrawnOnCPU(TorchDispatchMode):
    """Random numbers come from the CPU's generator, so that both kinds of processor get the same."""

    RANDOM = ("randn", "rand", "randint")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        wanted = kwargs.get("device")
        if func.overloadpacket.__name__ not in self.RANDOM or wanted is None:
            return func(*args, **kwargs)
        if kwargs.get("generator") is not None:  # that of the pictures: one for both
            self.pictures = getattr(self, "pictures", None) or torch.Generator().manual_seed(0)
            kwargs["generator"] = self.pictures
        return func(*args, **kwargs | {"device": torch.device("cpu")}).to(wanted)


def images(settings: config.Config, count: int = 2_000) -> ImageSet:
    """Soft blobs in the form of the settings."""
    pixels, _ = blob_pictures(count, settings.data.size, settings.data.channels)
    return ImageSet(torch.from_numpy(pixels), None, (), tuple(map(str, range(count))), "Blobs", "train")


def changed(settings: config.Config, **optim: object) -> config.Config:
    """Settings with other values of the section optim."""
    values = settings.model_dump()
    return config.from_dict(values | {"optim": values["optim"] | optim})


def trainer(settings: config.Config, folder: Path, hardware: Hardware) -> Trainer:
    """A training of blobs in a new folder; in `folder` itself if that is a run."""
    return Trainer(create(folder, settings), images(settings), hardware=hardware)


def terms(made: Trainer, steps: int) -> list[dict[str, float]]:
    """What `steps` steps give."""
    found = []
    for done in range(steps):
        found.append({name: value.item() for name, value in made.players.step(done).items()})
    return found


def losses(settings: config.Config, folder: Path, hardware: Hardware, steps: int = STEPS) -> Results:
    """Largest relative difference of each term from the CPU's, over the first ten steps and over all."""
    found = {}
    for name, each in (("cpu", CPU), ("card", hardware)):
        made = trainer(settings, folder / name, each)
        torch.manual_seed(1)
        with DrawnOnCPU():
            found[name] = terms(made, steps)
    return {"first 10": _differences(*found.values(), 10), "all": _differences(*found.values(), steps)}


def mixed(settings: config.Config, folder: Path, hardware: Hardware, steps: int = STEPS) -> Results:
    """Likewise bf16-mixed against float32, both on the card."""
    found = {}
    for name in ("32-true", "bf16-mixed"):
        made = trainer(settings, folder / name, replace(hardware, precision=name))
        torch.manual_seed(1)
        found[name] = terms(made, steps)
    return {"first 10": _differences(*found.values(), 10), "all": _differences(*found.values(), steps)}


def _differences(ours: list[dict], theirs: list[dict], steps: int) -> dict[str, float]:
    """By term, over the steps: largest difference over the largest value."""
    return {
        name: max(abs(a[name] - b[name]) for a, b in zip(ours[:steps], theirs[:steps], strict=True))
        / max(1e-12, *(abs(b[name]) for b in theirs[:steps]))
        for name in theirs[0]
    }


def resume(settings: config.Config, folder: Path, hardware: Hardware, steps: int = STEPS) -> Results:
    """Largest difference of a weight between a training in two parts and one in one, in the weight's own scale."""
    wanted = changed(settings, max_steps=steps, validate_every=steps // 2, keep="last")
    whole = trainer(wanted, folder / "whole", hardware)
    whole.fit(progress=False)
    parts = trainer(wanted, folder / "parts", hardware)
    parts.fit(max_minutes=0.0, progress=False)  # one step
    again = Trainer(parts.run, images(wanted), hardware=hardware)
    again.fit(progress=False)
    pairs = zip(whole.model.parameters(), again.model.parameters(), strict=True)
    return {"difference": max(((a - b).abs().max() / a.abs().max().clamp_min(1e-6)).item() for a, b in pairs)}


def evaluate(settings: config.Config, folder: Path, hardware: Hardware, steps: int = STEPS) -> Results:
    """What a validation on the card adds to the history."""
    made = trainer(changed(settings, max_steps=steps, validate_every=steps, keep="last"), folder / "run", hardware)
    made.fit(progress=False)
    return {name: value for name, value in made.recorder.rows[-1].items() if "validation" in name}


def speed(settings: config.Config, folder: Path, hardware: Hardware, steps: int = TIMED) -> Results:
    """Steps a second and peak memory by way of running and critic batches."""
    ways = {"eager": hardware, "compile": replace(hardware, compile=True)}
    ways |= {"graphs": replace(hardware, graphs=True)} if hardware.accelerator == "cuda" else {}
    ways["graphs, bf16-mixed"] = replace(hardware, graphs="graphs" in ways, precision="bf16-mixed")
    results: Results = {}
    for way, each in ways.items():
        for batches in ("fresh", "shared"):
            name = f"{way}, {batches}"
            results[name] = tried(
                lambda e=each, b=batches, n=name: _rate(changed(settings, critic_batches=b), folder / n, e, steps)
            )
    return results


def _rate(settings: config.Config, folder: Path, hardware: Hardware, steps: int) -> Results:
    on_card = hardware.accelerator == "cuda"
    made = trainer(settings, folder.with_name(folder.name.replace(", ", "-").replace(" ", "-")), hardware)
    bar = tqdm(disable=True)
    for _ in range(min(10, steps)):
        made._one_step(bar)
    waited = torch.cuda.synchronize if on_card else nullcontext
    waited()
    started = time.perf_counter()
    for _ in range(steps):
        made._one_step(bar)
    waited()
    rate = steps / (time.perf_counter() - started)
    return {"steps/s": rate, "GB": torch.cuda.max_memory_allocated() / 1e9 if on_card else 0.0}


def curve(settings: config.Config, folder: Path, hardware: Hardware, steps: int = CURVE) -> Results:
    """How far the recorded curve of the loss lies from the eager one, over how far two eager seeds lie apart."""
    recorded = replace(hardware, graphs=hardware.accelerator == "cuda")
    wanted = {"eager, seed 0": (0, hardware), "eager, seed 1": (1, hardware), "graphs, seed 0": (0, recorded)}
    curves = {}
    for name, (seed, each) in wanted.items():
        seeded = config.from_dict(settings.model_dump() | {"seed": seed})
        made = trainer(seeded, folder / name.replace(", ", "-").replace(" ", "-"), each)
        values = torch.stack([made.players.step(done)["loss"].clone() for done in range(steps)]).cpu()
        curves[name] = values.split(min(SMOOTH, steps))
    eager, other, ours = ([float(part.mean()) for part in parts] for parts in curves.values())
    spread = statistics.mean(abs(a - b) for a, b in zip(eager, other, strict=True))
    distance = statistics.mean(abs(a - b) for a, b in zip(eager, ours, strict=True))
    return {"curves": dict(zip(curves, (eager, other, ours), strict=True)), "distance": distance, "spread": spread}


def tried(part: Callable[[], Results]) -> Results:
    """What a part gives with its time, or why it failed: the others go on."""
    started = time.perf_counter()
    try:
        results = part()
    except Exception:
        results = {"failed": traceback.format_exc(limit=-3)}
    return {**results, "seconds": round(time.perf_counter() - started, 1)}


PARTS = (losses, resume, evaluate, mixed, speed, curve)


def main(out: str = "gpu.json") -> int:
    """Run every part, print and write what it gives."""
    if not torch.cuda.is_available():
        sys.stderr.write("No NVIDIA GPU was found, or torch has no CUDA here; this benchmark is for one.\n")
        return 2
    results: Results = {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "target steps/s": TARGET}
    settings = config.from_dict(PUBLISHED)
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            results[part.__name__] = tried(lambda part=part: part(settings, Path(folder) / part.__name__, CARD))
            print(part.__name__, json.dumps(results[part.__name__], indent=1), flush=True)
            Path(out).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
