"""A run for other tools: networks as ONNX, test codes and their map as CSV or Parquet.

encoder.onnx  decoder.onnx            float32, any batch size (trainer/models/onnx_export.py)
codes.csv     map.csv                 text begins with an apostrophe where a spreadsheet would take it for a formula
codes.parquet map.parquet             plain Snappy files, as every reader of Parquet takes them
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainer.errors import UserError
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import files

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["onnx", "csv", "parquet"]


def export(run: Run, form: Format, out: Path) -> list[Path]:
    """Write the files of a format into the folder `out`, replacing older ones; return their paths.

    The map is left out where none is stored.

    Raises: UserError if the model or its codes are missing or damaged, or the folder cannot be written.
    """
    out = Path(out)
    if out.resolve() == run.path.resolve():
        raise UserError(f"{out}: is the run folder itself, whose files would be replaced; choose another --out.")
    if form == "onnx":
        from trainer.models import onnx_export

        model, written = run.load_model(), [out / layout.ENCODER, out / layout.DECODER]
        files.make_folder(out)
        onnx_export.export_networks(model, *written)
        return written
    tables = dict(_tables(run))
    files.make_folder(out)
    return [_write(table, out / f"{name}.{form}", form) for name, table in tables.items()]


def _tables(run: Run) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and content of each table."""
    codes = run.codes
    if codes.empty:
        raise UserError(f"{run.path}: no test codes yet; make them with 'python -m trainer evaluate'.")
    yield Path(layout.CODES).stem, codes
    if (path := run.path / layout.MAP).is_file():
        from trainer.latent import map_file

        yield path.stem, map_file.read(path).frame


def _write(table: pd.DataFrame, path: Path, form: Format) -> Path:
    if form == "csv":
        texts = [name for name in table if table[name].dtype.kind not in "iufb"]
        table = table.assign(**{name: table[name].map(files.spreadsheet) for name in texts})
        files.write_atomic(path, lambda temporary: table.to_csv(temporary, index=False))
    else:
        files.write_atomic(path, lambda temporary: table.to_parquet(temporary, index=False))
    return path
