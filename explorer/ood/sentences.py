"""The results of the OoD page in sentences."""

from explorer.ood.detector import Curve

SOLVED = 0.9995
"""An AUROC shown as 1.000: a baseline that reaches it leaves nothing to measure."""


def against_baselines(curve: Curve, bar: float) -> str:
    """Return how a curve's AUROC compares with the best baseline's: above, level (its interval holds it) or below."""
    own = curve.measured["AUROC"]
    if own.low > bar:
        return "above"
    return "level" if own.high >= bar else "below"


def verdict(curves: list[Curve], baselines: list[Curve]) -> str:
    """Return one sentence: the best score against the best baseline."""
    best = max(curves, key=lambda curve: curve.auroc)
    bar = max(baselines, key=lambda curve: curve.auroc)
    if bar.auroc >= SOLVED:
        return (
            f"{bar.title[:1].upper()}{bar.title[1:]} alone solves this pair (AUROC {bar.auroc:.3f}), so no number here "
            f"shows that a model has learned anything; {best.title} reaches {best.auroc:.3f}."
        )
    own = best.measured["AUROC"]
    standing = {
        "above": f"above the best baseline, {bar.title} ({bar.auroc:.3f})",
        "level": f"level with the best baseline, {bar.title} ({bar.auroc:.3f})",
        "below": f"no better than the baseline {bar.title} ({bar.auroc:.3f}), which does not use the model",
    }[against_baselines(best, bar.auroc)]
    return (
        f"{best.title} has AUROC {own.value:.3f}: in {percent(own.value)} of pairs the outlier scores higher (95 % "
        f"interval {percent(own.low)} to {percent(own.high)}), {standing}."
    )


def percent(share: float) -> str:
    """Return a share as the page writes it: 0.051 is "5.1 %"."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"
