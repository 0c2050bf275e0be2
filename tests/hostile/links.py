"""Links as strangers write them: for every page, values of every kind in every field of its state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from explorer.clusters.state import ClustersState
from explorer.disentangle.state import DisentangleState
from explorer.generate.state import GenerateState
from explorer.geometry.state import GeometryState
from explorer.ood.state import OodState
from explorer.shared.links import TrainState, TraverseState
from explorer.shared.state import Frame, PageState

STATES: dict[str, type[PageState]] = {
    "home": Frame,  # what every page's link holds
    "traverse": TraverseState,
    "generate": GenerateState,
    "geometry": GeometryState,
    "clusters": ClustersState,
    "ood": OodState,
    "disentangle": DisentangleState,
    "train": TrainState,
}
MARKUP = (
    "![x](http://evil.example/x.png)",
    "<img src=http://evil.example/x onerror=alert(1)>",
    "[x](http://evil.example) **b** `c` :red[d] $e$ :material/home: # f",
)
VALUES = (
    "", " ", ",", "0", "1", "7", "-1", "-0", "+1", "01", "1.5", "1e3",
    "1e400", "-1e400", "1e-400", "nan", "inf", "-Infinity",
    "Infinity", "NaN", "true", "false", "null", "None", "[1]", "[]", "{}", '"x"',
    "x", "0x10", "1_000", "٣", "1\n", "\n1",
    "\0", "\x1b[2J", "\u202e", "\ud7ff", "😀" * 40, "%", "%2C", "%25", "a,b", ",,,", "1,2,3", "-1,-2", "1e300,1e300",
    "nan,1", "0.5,0.5", "0_1", "0_1e9", "0_nan", "0_inf", "99999_1", "-1_1",
    "0_1e5,0_2", "0_1,1_2,2_3", "²_1", "0_1_1",
    "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993", "99999999999999999999", "9" * 5000,
    "-" + "9" * 5000, "0." + "9" * 5000, "[" * 5000, "{" * 5000, '{"a":' * 5000,
    "x" * 100_000, "," * 5000, "1," * 5000,
    "../../etc/passwd", "/etc/passwd", "runs/small-gmp", "C:\\", "__class__", "{0.__class__}",
    "%s%n", "'; --", *MARKUP,
    "small-gmp", "small-np", "small-vae", "small-gmp|combined", "|mean intensity", "auto",
    "paper", "combined", "full",
    "full,shapes3d", "own", "mnist-gmp", "celeba", "folder", "gwae-gmp", "dagmm", "label", "psnr", "component",
)  # fmt: skip
CHANGES = (
    "optim.max_steps=1e400", "optim.max_steps=[1]", 'optim.max_steps="x"', "optim.max_steps=" + "[" * 5000,
    "optim.max_steps=NaN", "optim.max_steps=-5", "optim.max_steps=" + "9" * 4000, "optim.max_steps=true",
    "optim.max_steps=null", "optim.max_steps={}", "optim.max_steps=1.5", "optim.max_steps=99999999999999999",
    "optim.lr=1e400", "optim.lr=-Infinity", "optim.lr=[1]", "optim.lr=null", 'optim.lr="x"', "optim.lr=1e308",
    "model.z_dim=1000000000", "model.z_dim=0", "model.z_dim=[]", "model.width=1e9",
    "seed=-1", "seed=4294967296", "seed=1e400",
    'seed="x"', "seed=[[1]]", "data.size=48", "data.size=[64]",
    "data.channels=2", "data.crop=1e9", 'data.name="nonsense"',
    'data.path="/etc"', "data.validation=7", "prior.components=1e400", 'prior.warm_start="x"',
    'prior.kind="x"', 'model.kind=["gwae"]',
    "optim.decay=[1]", "optim.warmup_beta=[1]", "optim.warmup_beta=null", "optim=1", "=1", "x", "optim.max_steps",
    "optim.__class__=1", "a.b.c=1", "name=1", "optim.grad_clip=1e30", "optim.batch_size=1e3", "dagmm.width=1e99",
)  # fmt: skip


def _choices(annotation: Any) -> list[str]:
    """Return the texts a field takes by name."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return [text for part in get_args(annotation) for text in _choices(part)]


def _value(draw: random.Random, name: str, annotation: Any) -> str:
    if name == "changes" and draw.random() < 0.8:
        return ",".join(
            change.replace("%", "%25").replace(",", "%2C") for change in draw.sample(CHANGES, draw.choice((1, 1, 3)))
        )
    choices = _choices(annotation)
    return draw.choice(choices) if choices and draw.random() < 0.4 else draw.choice(VALUES)


def links(count: int = 1000, seed: int = 0) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield pages and query parameters, page after page in turn."""
    draw = random.Random(seed)
    for number in range(count):
        page, kind = list(STATES.items())[number % len(STATES)]
        fields = kind.model_fields
        names = draw.sample(sorted(fields), min(len(fields), draw.choice((1, 2, 2, 4, 8))))
        link = {name: _value(draw, name, fields[name].annotation) for name in names}
        if draw.random() < 0.3 or not link:
            link["model"] = draw.choice(VALUES)
        if draw.random() < 0.1:
            link[draw.choice(VALUES) or "x"] = draw.choice(VALUES)
        yield page, link
