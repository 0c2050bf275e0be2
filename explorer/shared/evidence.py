"""One zip of what a view shows and what stands behind it, for readers who have not seen it. No streamlit here."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from html import escape
from typing import Any

from explorer.shared.catalog import Entry
from trainer.errors import UserError
from trainer.manage import axis_names
from trainer.runs import layout
from trainer.runs.folder import Metric
from trainer.system import files, mode

MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file: the same view makes the same zip."""
FOLDERS = {"csv": "tables", "png": "figures", "svg": "figures", "gif": "figures", "html": "figures"}
BROWSER = (
    "What the browser alone draws, such as a path across the map or a drawing, is not in this zip; the button "
    "'Pictures as PNG' of the popover Share saves it as it is seen."
)


def bundle(models: Sequence[Entry], title: str, query: str, makers: Mapping[str, Callable[[], bytes | str]]) -> bytes:
    """Return the zip: README.txt, settings, numbers and card of each model, the view's files in figures/ and tables/.

    Args:
        models: of the view; those after the first have a folder each.
        title: of the page; `query` are the parameters of its link.
        makers: of the view's files by name.
    """
    content: dict[str, bytes | str] = {}
    failed = []
    for name, make in makers.items():
        try:
            content[f"{FOLDERS.get(name.rpartition('.')[2], 'files')}/{name}"] = make()
        except UserError as error:
            failed.append(f"{name} is left out: {error}")
    if any(name.endswith(".html") for name in content):
        from plotly.offline import get_plotlyjs

        content["figures/plotly.min.js"] = get_plotlyjs()
    for place, entry in enumerate(models):
        folder = f"compared/{str(entry.name).replace('/', '-')}/" if place else ""
        content |= {f"{folder}{name}": data for name, data in _of_model(entry).items()}
    content["README.txt"] = readme(models, title, query, sorted([*content, "README.txt"]), failed)
    return _zip(content)


def _of_model(entry: Entry) -> dict[str, bytes | str]:
    content: dict[str, bytes | str] = {"numbers.csv": numbers(entry.metrics)}
    own = mode.is_view() and not entry.bundled  # settings of an own run may name folders of the server
    for name in () if own else (layout.CONFIG, layout.CARD, layout.AXIS_NAMES):
        path = entry.path / name
        if path.is_file() and path.stat().st_size < axis_names.MAX_BYTES:
            content[name] = path.read_bytes()
    return content


def chart_page(figure: Any, label: str, colours: Mapping[str, str]) -> str:
    """Return a Plotly figure below its label as HTML, in the colours of the page (explorer.shared.theme)."""
    body = f'style="background: {colours["background"]}; color: {colours["text"]}; font-family: sans-serif"'
    page = figure.to_html(include_plotlyjs="plotly.min.js")
    return page.replace("<body>", f"<body {body}><p>{escape(label)}</p>", 1)


def readme(models: Sequence[Entry], title: str, query: str, names: list[str], failed: list[str]) -> str:
    """Return what the zip holds, where it comes from, and how to make its models and numbers again."""
    lines = [
        f"GWAE Explorer, page {title}",
        f"View: the page's address followed by ?{query}",
        "",
        *(f"  {name}" for name in names),
        *failed,
        "",
        BROWSER,
        *["numbers.csv names data, split, number of pictures, seed and estimator of each number."][: len(models)],
        *(line for entry in models for line in _origin(entry)),
    ]
    return "\n".join(lines) + "\n"


def _origin(entry: Entry) -> list[str]:
    from trainer.evaluation import card  # brings torch

    return [
        "",
        f"Model {entry.name!s}: {entry.data_title!s}, {entry.prior_title}, {entry.z_dim} axes",
        f"Checkpoint {entry.hash} (first 12 digits of the SHA-256 of {layout.WEIGHTS})",
        "",
        card.reproduce(entry.run).replace("## ", ""),
        "",
        "Numbers of this checkpoint alone: python -m trainer evaluate "
        f"{'pretrained' if entry.bundled else 'runs'}/{entry.path.name}",
    ]


def numbers(metrics: Sequence[Metric]) -> str:
    """Return the stored numbers with their protocols as CSV, one row each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(field.name for field in fields(Metric))
    writer.writerows(map(files.spreadsheet, asdict(metric).values()) for metric in metrics)
    return buffer.getvalue()


def _zip(content: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in sorted(content.items()):
            packed.writestr(zipfile.ZipInfo(name, MOMENT), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
