"""What a GWAE is for: the paper's three claims, each with what was measured here and where it does not hold."""

from __future__ import annotations

from typing import Any

from explorer.shared import catalog, studies
from trainer.data.registry import DATASETS
from trainer.runs.folder import Metric

FACTORS, FACTORS_CONTROL = "shapes3d-fnp", "shapes3d-vae-annealed"
FACES = "faces-np"
FAST_DCI = "DCI disentanglement, fast"


def claims(gwae: catalog.Entry, control: catalog.Entry) -> list[dict[str, Any]]:
    """Return the claims as the component draws them; one whose model is not there is left out.

    Args:
        gwae: with a mixture prior, of digits.
        control: its matched VAE.
    """
    factors, factors_control = catalog.find(FACTORS), catalog.find(FACTORS_CONTROL)
    found = [_clusters(gwae, control), _generation(catalog.find(FACES) or gwae)]
    return [_axes(factors, factors_control), *found] if factors else found


def metric(entry: catalog.Entry | None, *names: str) -> Metric | None:
    """Return the first of these metrics that was measured on this very checkpoint, or None."""
    by_name = {metric.name: metric for metric in (entry.metrics if entry else ())}
    return next((by_name[name] for name in names if name in by_name), None)


def written(number: Metric | None) -> str:
    """Return "0.816 [0.807, 0.825]", without brackets where there is no interval, and a dash without a number."""
    if number is None:
        return "–"
    return f"{_value(number, number.value)}{_interval(number)}"


def _value(number: Metric, value: float) -> str:
    return f"{value:.1f}" if max(abs(number.value), abs(value)) >= 1.5 else f"{value:.3f}"


def _interval(number: Metric) -> str:
    if number.low is None or number.high is None:
        return ""
    return f" [{_value(number, number.low)}, {_value(number, number.high)}]"


def _number(name: str, number: Metric | None) -> list[dict[str, str]]:
    """Return a number as the component draws it, in a list that is empty where it was not measured."""
    if number is None:
        return []
    protocol = f"{number.data}, {number.split}, n = {number.n:,}: {number.estimator}"
    interval = _interval(number).strip() or "no interval measured"
    return [{"name": name, "value": _value(number, number.value), "interval": interval, "protocol": protocol}]


def _link(page: str, entry: catalog.Entry, title: str) -> dict[str, str]:
    return {"page": page, "model": entry.name, "title": title}


def _axes(entry: catalog.Entry, control: catalog.Entry | None) -> dict[str, Any]:
    dci, others = (metric(each, "DCI disentanglement") for each in (entry, control))
    rank, without = (metric(each, "Spearman") for each in (entry, control))
    return {
        "title": "Axes: one for each factor",
        "sentence": "Each axis of the code should change one thing in the picture. Here: 3D Shapes.",
        "miniature": "axes",
        "numbers": [
            *_number("DCI disentanglement (1: one factor an axis)", dci),
            *_number("the same, a VAE on the same schedule", others),
        ],
        "limit": f"The falling beta separates the factors, and that VAE has it, too{_trainings(entry, control)}. The "
        f"distances hardly agree here: rank correlation {written(rank)}, VAE {written(without)}.",
        "links": [_link("disentangle", entry, "Disentangle"), _link("traverse", entry, "Traverse")],
    }


def _trainings(entry: catalog.Entry, control: catalog.Entry | None) -> str:
    """Return the mean disentanglement of both over the trainings of a reported study, if there is one."""
    own, others = (studies.spread(each, FAST_DCI) if each else None for each in (entry, control))
    if own is None or others is None:
        return ""
    return f": over {own.count} trainings each it has {others.mean:.2f}, the GWAE {own.mean:.2f} (fast protocol)"


def _clusters(entry: catalog.Entry, control: catalog.Entry) -> dict[str, Any]:
    outliers = "AUROC, combined, mnist/omniglot polarity-matched"
    alike = metric(control, "placed mixture accuracy", "N2D accuracy")
    return {
        "title": "Clusters and outliers",
        "sentence": "Each component of the prior becomes a kind of picture; outliers lie far from all.",
        "miniature": "map",
        "numbers": [
            *_number("of the pictures in the right cluster, without labels", metric(entry, "cluster accuracy")),
            *_number("AUROC: letters (Omniglot) as outliers among digits", metric(entry, outliers)),
        ],
        "limit": f"A matched VAE, clustered afterwards, does as well: {written(alike)}; so do its outlier scores: "
        f"AUROC {written(metric(control, outliers))}.",
        "links": [_link("clusters", entry, "Clusters"), _link("ood", entry, "Out of distribution")],
    }


def _generation(entry: catalog.Entry) -> dict[str, Any]:
    named = [number for number in entry.metrics if number.group == "generation" and "distance" in number.name]
    measure = next((number.name.rpartition(", ")[0] for number in named if number.name.endswith("prior samples")), "")
    drawn, real = (metric(entry, f"{measure}, {kind}") for kind in ("prior samples", "training pictures"))
    title = DATASETS[entry.run.config.data.name].title
    control = catalog.matched_control(entry) or entry
    fitted = metric(control, f"{measure}, fitted mixture")
    limit = "" if entry.name == FACES else "The paper claims it of faces, no model of which is bundled yet. "
    limit += f"A mixture fitted afterwards to the codes of {control.name} comes to {written(fitted)}." if fitted else ""
    return {
        "title": "New pictures",
        "sentence": f"Decode a sample of the prior, and you have a new picture. Here: {title}.",
        "miniature": "samples",
        "numbers": [
            *_number(f"{measure} of samples to test pictures", drawn),
            *_number("the same, training pictures", real),
        ],
        "limit": limit.strip() or "Not measured yet.",
        "links": [_link("generate", entry, "Generate")],
    }
