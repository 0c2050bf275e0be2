"""The first screen: distances that agree, an axis to move, and what both are for; all of it answers in the browser.

What needs the model arrives apart, by `bring`, so that the screen is there before torch is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.components.register import Component, register

_CARRIER = register("distances_carrier", "distances/carrier")


@dataclass(frozen=True, kw_only=True)
class Distances(Component, name="distances", part="distances/distances"):
    """Twelve pictures on a board beside the plot of their pairs, and two further steps.

    It reports `stepped`, {"step", "sequence"}, and `opened`, {"page", "model"}.

    Attributes:
        step: "distances", "axis" or "uses"; `sequence`: of the last change of it that was reported.
        names: how the steps are called in a link, in their order; the first one needs no name there.
        pictures: base64 of bytes (n, C, H, W) of `shape` (C, H, W), shown twelve at a time; `labels`: of all n.
        models: {name, kind, whole, codes, places} of the VAE and then of the GWAE: codes are base64 of float32
            (n, z_dim), `places` the same (n, 2), each twelve laid flat; `whole` is the correlation measured on many
            pairs, as text.
        hash: of the GWAE's checkpoint, as `bring` and the carrier of the decoder name it.
        claims: {title, sentence, numbers, limit, miniature, links} each: numbers are {name, value, interval, protocol},
            links {page, model, title}.
    """

    step: str
    sequence: int
    names: list[str]
    pictures: str
    shape: list[int]
    labels: list[str]
    models: list[dict[str, Any]]
    hash: str
    claims: list[dict[str, Any]]


def bring(axes: dict[str, Any], miniatures: dict[str, dict[str, Any]], *, key: str) -> None:
    """Bring what needs the models.

    Args:
        axes: {hash, rows} of the GWAE: rows are {i, name, low, high, share} of its most effective axes.
        miniatures: by name, each with `hash`, `shape` and name of the `model` that decodes it: "axes" {code, rows},
            "map" {xy, colours, codes}, "samples" {codes, count, name}; arrays are base64 of float32.
    """
    _CARRIER(key=key, data={"axes": axes, "miniatures": miniatures}, height="content")
