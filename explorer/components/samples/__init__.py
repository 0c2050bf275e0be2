"""Sheets of samples decoded in the browser: new ones, their temperature, and the path from one to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from explorer.components.register import register

_SAMPLES = register("samples", "samples/samples")


@dataclass(frozen=True, kw_only=True)
class Samples:
    """One sheet for each model; the same place holds the same noise.

    Attributes:
        models: {hash, name, shape, z_dim, codes, centres} each: `codes` are base64 of float32 (pool * count, z_dim),
            `centres` the same for what the temperature scales around, or None for the origin.
        count, columns: of samples on a sheet.
        pool: sheets that the codes hold, so that the next ones need no server.
        seed: of the first sample of the first sheet; sample i of it has seed + i.
        temperature: factor on the distance from the centre.
        limit: largest seed.
        picked: {hash, seed} of the sample whose details are shown, or None.
        sequence: of the last change that the server knows.
    """

    models: list[dict[str, Any]]
    count: int
    columns: int
    pool: int
    seed: int
    temperature: float
    limit: int
    picked: dict[str, Any] | None
    sequence: int


def samples(content: Samples, *, key: str, on_changed: Callable[[], None], on_picked: Callable[[], None]) -> None:
    """Draw the sheets.

    `st.session_state[key].changed` is {"sequence", "seed", "temperature"} while on_changed runs, and `.picked` is
    {"hash", "seed"} while on_picked runs.
    """
    _SAMPLES(key=key, data=vars(content), on_changed_change=on_changed, on_picked_change=on_picked)
