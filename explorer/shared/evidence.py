"""One zip of what a view shows and what stands behind it, for somebody who was not there. No streamlit here."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields

from explorer.shared.catalog import Entry
from trainer.errors import UserError
from trainer.manage import axis_names
from trainer.runs import layout
from trainer.runs.folder import Metric
from trainer.system import files, mode

MOMENT = (1980, 1, 1, 0, 0, 0)
"""Of every file: the same view makes the same zip."""
FOLDERS = {"csv": "tables", "png": "figures", "svg": "figures", "gif": "figures", "html": "figures"}


def bundle(entry: Entry, title: str, query: str, makers: Mapping[str, Callable[[], bytes | str]]) -> bytes:
    """Return the zip: README.txt, settings, numbers.csv, card, and the files of the view in figures/ and tables/.

    Args:
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
    content["numbers.csv"] = numbers(entry.metrics)
    own = mode.is_view() and not entry.bundled  # settings of an own run may name folders of the server
    for name in () if own else (layout.CONFIG, layout.CARD, layout.AXIS_NAMES):
        path = entry.path / name
        if path.is_file() and path.stat().st_size < axis_names.MAX_BYTES:
            content[name] = path.read_bytes()
    content["README.txt"] = readme(entry, title, query, sorted([*content, "README.txt"]), failed)
    return _zip(content)


def readme(entry: Entry, title: str, query: str, names: list[str], failed: list[str]) -> str:
    """Return what the zip holds, where it comes from, and how to make its model and numbers again."""
    from trainer.evaluation import card  # brings torch

    place = f"{'pretrained' if entry.bundled else 'runs'}/{entry.path.name}"
    lines = [
        f"GWAE Explorer, page {title}",
        f"Model {entry.name!s}: {entry.data_title!s}, {entry.prior_title}, {entry.z_dim} axes",
        f"Checkpoint {entry.hash} (first 12 digits of the SHA-256 of {layout.WEIGHTS})",
        f"View: the page's address followed by ?{query}",
        "",
        *(f"  {name}" for name in names),
        *failed,
        "",
        card.reproduce(entry.run).replace("## ", ""),
        "",
        f"Numbers of this checkpoint alone: python -m trainer evaluate {place}",
        "numbers.csv names data, split, number of pictures, seed and estimator of each number.",
    ]
    return "\n".join(lines) + "\n"


def numbers(metrics: tuple[Metric, ...]) -> str:
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
