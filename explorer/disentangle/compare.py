"""Models side by side, where data set and protocol are the same."""

from collections.abc import Mapping

import streamlit as st

from explorer.disentangle import by_factor, figures
from explorer.disentangle.records import Measurement, data_title, records
from explorer.disentangle.state import bound, current
from explorer.shared import catalog, share, studies, theme, widgets
from explorer.shared.escape import markdown
from explorer.shared.factors import has_factors
from explorer.shared.studies import Spread
from trainer.evaluation.disentanglement.protocol import PROTOCOLS
from trainer.evaluation.disentanglement.record import USUAL, Record, metrics, on_best_axis

SHORT = {
    "DCI-D": "DCI disentanglement",
    "DCI-C": "DCI completeness",
    "DCI-I": "DCI informativeness",
    "MIG": "MIG",
    "SAP": "SAP",
    "FactorVAE": "FactorVAE score",
}
"""The six scores of both protocols: in a figure, and in metrics."""
FAST = ", fast"
UNRANKED = ("DCI-ES size",)
"""Says how large a code is; larger is not better."""


def show(entry: catalog.Entry, kind: Measurement | None) -> None:
    """Draw one group of models: table, bars, protocols.

    Args:
        entry, kind: the selected model and its chosen measurement; their group opens first.
    """
    by_group, unmeasured = groups()
    if not by_group:
        widgets.empty_state(
            "No model has been measured yet",
            "Measure one in the view Matrix; models with the same data set and protocol are compared here.",
            icon=":material/leaderboard:",
        )
        return
    names = list(by_group)
    preferred = _group(entry, kind, records(entry)[kind]) if kind else names[0]
    wanted = current().group if current().group in names else preferred
    if len(names) > 1:
        st.segmented_control("Data set and protocol", names, required=True, **bound("group", wanted))
    else:
        st.markdown(f"**{markdown(wanted)}**")
    models = by_group[wanted]
    with st.container(key="scores-disentangle"):
        spreads = _spreads(models)
        st.markdown(table(models, spreads))
    if count := studies.counted(spread for own in spreads.values() for spread in own.values()):
        st.caption(f"Grey: smallest to largest of {count} trainings that differ in their seed alone.")
    st.markdown(" ".join(filter(None, (behind(models), lengths(_steps(models))))))
    _protocols(models)
    if added := further(models):
        with st.expander("Further measures"):
            st.markdown(added)
    by_factor.show(models)
    share.table("scores", {"score": list(SHORT)} | {name: values(record) for name, record in models.items()})
    figure = figures.scores({name: values(record) for name, record in models.items()}, list(SHORT), theme.is_dark())
    widgets.chart(figure, "disentangle.compare", "disentanglement")
    scale = (
        "All scores run from 0 to 1; higher is better. The models are sorted by DCI disentanglement. They may differ "
        "in loss, prior and schedule at once, so this does not show that the Gromov-Wasserstein term separates factors."
    )
    st.caption(scale + (f" Not measured: {markdown(', '.join(unmeasured))}." if unmeasured else ""))
    _over_seeds(models)


def groups() -> tuple[dict[str, dict[str, Record]], list[str]]:
    """Return the models by data set and protocol, each group sorted by DCI disentanglement, and the unmeasured models.

    Another number of codes is another protocol: small data sets make groups of their own.
    """
    by_group: dict[str, dict[str, Record]] = {}
    unmeasured = []
    for entry in catalog.usable():
        if not has_factors(entry):
            continue
        stored = records(entry)
        if not stored:
            unmeasured.append(entry.name)
        for kind, record in stored.items():
            by_group.setdefault(_group(entry, kind, record), {})[entry.name] = record
    for name, models in by_group.items():
        by_group[name] = dict(sorted(models.items(), key=lambda item: -item[1].dci.disentanglement))
    return dict(sorted(by_group.items(), key=lambda item: (item[0].endswith("fast protocol"), item[0]))), unmeasured


def _group(entry: catalog.Entry, kind: Measurement, record: Record) -> str:
    usual = PROTOCOLS[kind.protocol]
    codes = record.sizes["train"] + record.sizes["test"]
    fewer = "" if codes == usual.train + usual.test else f", {codes:,} codes"
    return f"{data_title(entry, kind)}{fewer} · {kind.protocol} protocol"


def values(record: Record) -> list[float]:
    """Return the six scores in the order of SHORT."""
    dci, others = record.dci, (record.mig, record.sap, record.factor_vae)
    return [dci.disentanglement, dci.completeness, dci.informativeness, *(each.score for each in others)]


def table(models: Mapping[str, Record], spreads: Mapping[str, Mapping[str, Spread]] | None = None) -> str:
    """Return a Markdown table of the six scores with a column per model, the best number of each row in bold.

    Args:
        spreads: by model, then by name as in SHORT; shown in grey beside the number.
    """
    columns = {name: dict(zip(SHORT, values(record), strict=True)) for name, record in models.items()}
    return _markdown(columns, spreads or {})


def further(models: Mapping[str, Record]) -> str:
    """Return a Markdown table of what the full protocol adds, empty where no model has it."""
    columns = {name: {each.name: each.value for each in metrics(record)[USUAL:]} for name, record in models.items()}
    return _markdown(columns, {}) if any(columns.values()) else ""


def _markdown(columns: Mapping[str, Mapping[str, float]], spreads: Mapping[str, Mapping[str, Spread]]) -> str:
    """Return a table of numbers, by column and then by row; a number that is not there is a dash."""
    lines = [" | ".join(["| score", *map(markdown, columns), ""]), "|---" * (len(columns) + 1) + "|"]
    for row in dict.fromkeys(row for numbers in columns.values() for row in numbers):
        known = [numbers[row] for numbers in columns.values() if row in numbers]
        top, is_bold = f"{max(known):.3f}", len(columns) > 1 and row not in UNRANKED
        cells = []
        for name, numbers in columns.items():
            text = f"{numbers[row]:.3f}" if row in numbers else "–"
            spread = spreads.get(name, {}).get(row)
            cells.append(
                (f"**{text}**" if is_bold and text == top else text) + (f" :gray[{spread.text}]" if spread else "")
            )
        lines.append(f"| {row} | {' | '.join(cells)} | ")
    return "\n".join(lines)


def _spreads(models: Mapping[str, Record]) -> dict[str, dict[str, Spread]]:
    """Return the spread over trainings of each model's scores, by their short names, where it is known."""
    found: dict[str, dict[str, Spread]] = {}
    by_name = {entry.name: entry for entry in catalog.usable()}
    for model, record in models.items():
        entry = by_name[model]
        named = {short: studies.spread(entry, name + by_factor.fast(record)) for short, name in SHORT.items()}
        found[model] = {short: spread for short, spread in named.items() if spread}
    return found


def behind(models: Mapping[str, Record]) -> str:
    """Return a sentence on what the model of the highest DCI disentanglement, the first, does not lead in."""
    if len(models) < 2:
        return ""
    first, *others = models
    numbers = {
        name: dict(zip(SHORT, values(record), strict=True))
        | {factor: axis.importance for factor, axis in by_factor.best_axes(record).items()}
        for name, record in models.items()
    }
    ahead = []
    for row, own in numbers[first].items():
        best, most = max(((name, numbers[name].get(row, -1.0)) for name in others), key=lambda pair: pair[1])
        if round(most, 2) > round(own, 2):
            ahead.append(f"{row} ({own:.2f}; {markdown(best)} {most:.2f})")
    lead = f"**{markdown(first)}** has the highest DCI disentanglement. "
    if not ahead:
        return lead + "No other model is ahead in another score, or on the best axis of a factor."
    return lead + f"Others are ahead in {', '.join(ahead)}."


def lengths(steps: Mapping[str, int]) -> str:
    """Return a sentence on how long models were trained, by name, where one was trained longer than another."""
    if len(set(steps.values())) < 2:
        return ""
    named = [
        f"{count:,} ({', '.join(markdown(name) for name, own in steps.items() if own == count)})"
        for count in sorted(set(steps.values()), reverse=True)
    ]
    return f"Their training steps differ: {'; '.join(named)}."


def _steps(models: Mapping[str, Record]) -> dict[str, int]:
    """Return the number of training steps that each model was given."""
    return {entry.name: entry.run.config.optim.max_steps for entry in catalog.usable() if entry.name in models}


def _over_seeds(models: Mapping[str, Record]) -> None:
    """Draw the reported studies of such pictures: what each part of a recipe does, over several trainings."""
    data = {record.data for record in models.values()}
    for path in studies.reported().values():
        stored = studies.read(path)
        numbers = [number for column in stored.stored.variants.values() for number in column.means.items()]
        rows = [name for name, number in numbers if number.data in data and _is_shown(name)]
        if rows:
            st.markdown(f"**What each part of the recipe adds: the study {markdown(stored.stored.name)}**")
            key = f"disentangle.study.{path.stem}"
            widgets.chart(studies.figure(stored, rows[0], theme.is_dark()), key, "study")
            with st.expander("Numbers of the study"):
                studies.show(stored, list(dict.fromkeys(rows)))


def _is_shown(name: str) -> bool:
    plain = name.removesuffix(FAST)
    return plain in SHORT.values() or plain.endswith(on_best_axis(""))


def _protocols(models: dict[str, Record]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="metrics-disentangle-compare"):
        st.caption("Protocol:", width="content")
        for name, record in models.items():
            with st.popover(markdown(name), type="tertiary", key=f"disentangle.protocol.{name}"):
                st.markdown(protocol(record))


def protocol(record: Record) -> str:
    """Return how the scores of one record were measured, as a Markdown table."""
    lines = [
        ("Data", f"{record.data}, {record.split}, {record.pictures:,} pictures"),
        ("Protocol", record.protocol),
        ("Seed", str(record.seed)),
        ("Checkpoint", f"`{record.checkpoint}`"),
        *((f"{metric.name}: {metric.value:.3f}", f"{metric.estimator}") for metric in metrics(record)),
    ]
    rows = [f"| {name} | {text.replace('|', '/')} |" for name, text in lines]
    return "\n".join(["| what | how |", "|---|---|", *rows])
