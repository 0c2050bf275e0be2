"""Why a picture is an outlier, or is not: what the parts of the combined score say, as a sentence."""

from collections.abc import Mapping

import numpy as np

from trainer.ood.calibration import Calibration

USUAL = 80.0
"""Percentile among held-out pictures below which a part of the score is fine."""
GOOD = {"relative error": "it is reconstructed well", "prior": "its code is usual", "energy": "its features are usual"}
SHARES = {
    "relative error": "it is reconstructed worse than {share} {data} pictures",
    "prior": "its code is rarer than that of {share} {data} pictures",
    "energy": "its features are rarer than those of {share} {data} pictures",
}


def sentences(calibration: Calibration, scores: Mapping[str, np.ndarray]) -> list[str]:
    """Return a sentence for each picture, given its scores by name, each (n,)."""
    parts = [name for name in calibration.parts if name in GOOD]
    shares = {name: calibration.percentile(name, scores[name]) for name in parts}
    rows = np.stack([shares[name] for name in parts], axis=1) if parts else np.zeros((0, 0))
    return [sentence(dict(zip(parts, row, strict=True)), calibration.data) for row in rows]


def sentence(percentiles: Mapping[str, float], data: str) -> str:
    """Return what the parts of the score say of one picture, given their percentiles among held-out pictures."""
    clauses = [_clause(name, value, data) for name, value in percentiles.items()]
    joint = ", but " if len({value < USUAL for value in percentiles.values()}) > 1 else " and "
    text = joint.join(clauses)
    return f"{text[:1].upper()}{text[1:]}."


def _clause(name: str, percentile: float, data: str) -> str:
    if percentile < USUAL:
        return GOOD[name]
    return SHARES[name].format(share=_share(percentile), data=data)


def _share(percentile: float) -> str:
    """Return a percentile as it is said: 99.5 is "99.5 % of", the end "all held-out"."""
    if percentile > 99.97:
        return "all held-out"
    return f"{percentile:.1f} % of" if percentile > 99 else f"{percentile:.0f} % of"
