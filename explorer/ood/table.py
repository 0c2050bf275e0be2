"""The table below the curves: every measure with its interval, baselines among the models, protocols on demand."""

import math

import streamlit as st

from explorer.ood import sentences
from explorer.ood.detector import Curve, Detector, below_likelihood, stored
from explorer.shared import export, widgets
from explorer.shared.escape import markdown
from trainer.ood.ranking import MEASURES, Measured

_JOINED = "\N{EN DASH}\N{WORD JOINER}"  # an interval is not torn apart at the end of a line
STANDING = {"above": "", "level": ":orange-badge[level with it]", "below": ":red-badge[not above]"}


def show(curves: list[Curve], baselines: list[Curve], name: str, title: str, detectors: dict[str, Detector]) -> None:
    """Models and baselines ranked by AUROC, a flag on every score that does not beat the best baseline."""
    with st.container(gap="small", key="scores-ood"):
        worse = {curve.key: below_likelihood(detectors[curve.model], curve.score) for curve in curves}
        st.markdown(table(curves, baselines, worse))
        for note in filter(None, (worse_on(curves, worse), unmeasured(detectors, worse))):
            st.caption(note)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="metrics-ood"):
            st.caption(
                "95 % intervals by bootstrap. AUPR out: outliers are the positive class; in: ordinary pictures are. "
                "FPR95: ordinary pictures flagged at the threshold that flags 95 % of the outliers. Never below "
                "likelihood: on no measured pair does the interval lie below the AUROC of plain likelihood. Protocol:",
            )
            for curve in curves:
                _protocol(curve, name, detectors[curve.model])
            widgets.download(
                "CSV",
                lambda: as_csv([*curves, *baselines], name, detectors),
                f"ood-{title.lower().replace(', ', '-').replace(' ', '-')}.csv",
                "text/csv",
                key="ood.table.csv",
                type="tertiary",
            )


def table(curves: list[Curve], baselines: list[Curve], worse: dict[str, list[str] | None] | None = None) -> str:
    """Return the ranking as a Markdown table.

    Args:
        worse: by key of a curve, the pairs on which its score is worse than plain likelihood; None where unknown.
    """
    bar, worse = max(baseline.auroc for baseline in baselines), worse or {}
    heads = [*MEASURES, "gain over best baseline", "never below likelihood"]
    head = ["| score | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    ranked = sorted([*curves, *baselines], key=lambda curve: -curve.auroc)
    return "\n".join(head + [_row(curve, bar, worse.get(curve.key)) for curve in ranked])


def _row(curve: Curve, bar: float, worse: list[str] | None) -> str:
    numbers = " | ".join(_number(curve.measured[name]) for name in MEASURES)
    if not curve.model:
        return f"| {markdown(curve.title)} :gray-badge[baseline] | {numbers} | | |"
    standing = sentences.against_baselines(curve, bar)
    mark = STANDING[standing] or f":gray[+{curve.auroc - bar:.3f}]"
    below = "" if worse is None else f"below on {len(worse)} pair{'s' * (len(worse) > 1)}" if worse else "yes"
    return f"| **{markdown(curve.model)}** · {markdown(curve.score)} | {numbers} | {mark} | {below} |"


def worse_on(curves: list[Curve], worse: dict[str, list[str] | None]) -> str:
    """Return which scores are worse than plain likelihood, and on which pairs; "" where none is."""
    found = [
        f"{markdown(curve.model)} · {markdown(curve.score)} on {markdown(', '.join(worse[curve.key] or ()))}"
        for curve in curves
        if worse[curve.key]
    ]
    return f"Below likelihood: {'; '.join(found)}." if found else ""


def unmeasured(detectors: dict[str, Detector], worse: dict[str, list[str] | None]) -> str:
    """Return which models were evaluated before plain likelihood was measured, and the command for one; else ""."""
    names = sorted({key.partition("|")[0] for key, pairs in worse.items() if pairs is None})
    old = [name for name in names if not detectors[name].calibration.detectors]
    if not old:
        return ""
    command = f"python -m trainer evaluate {detectors[old[0]].entry.path} --only ood"
    return f"Plain likelihood and the other detectors are not measured for {markdown(', '.join(old))}: `{command}`"


def _number(measured: Measured) -> str:
    if math.isnan(measured.low):
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} :small[:gray[{measured.low:.3f}{_JOINED}{measured.high:.3f}]]"


def _protocol(curve: Curve, pair: str, detector: Detector) -> None:
    """The protocol of a curve's AUROC, as stored, or of the measurement on this page."""
    key = f"ood.protocol.{curve.key}"
    metric = stored(detector.entry, "AUROC", curve.score, pair)
    if metric is not None:
        widgets.protocol_card(metric, curve.title, key=key)
        return
    with st.popover(markdown(curve.title), type="tertiary", key=key):
        st.markdown(
            f"Measured on this page from the stored scores: {len(curve.ordinary):,} ordinary pictures and "
            f"{len(curve.outliers):,} outliers, 95 % interval of 500 bootstrap resamples of both, seed 0, checkpoint "
            f"`{detector.entry.hash}`."
        )


def as_csv(curves: list[Curve], pair: str, detectors: dict[str, Detector]) -> str:
    """Return one line per measure of each curve, with interval, sizes and checkpoint."""
    rows = [
        (
            pair,
            curve.model or "baseline",
            curve.title if not curve.model else curve.score,
            measure,
            f"{value.value:.6f}",
            "" if math.isnan(value.low) else f"{value.low:.6f}",
            "" if math.isnan(value.high) else f"{value.high:.6f}",
            len(curve.ordinary),
            len(curve.outliers),
            detectors[curve.model].entry.hash if curve.model else "",
        )
        for curve in curves
        for measure, value in curve.measured.items()
    ]
    names = ("pair", "model", "score", "measure", "value", "low", "high", "ordinary", "outliers", "checkpoint")
    return export.code_csv(dict(zip(names, zip(*rows, strict=True), strict=True)))
