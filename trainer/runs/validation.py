"""What a file of a run folder has to be before anything believes it: one schema for all of them.

A run folder may come from a stranger. Every reader of a file in it goes through here: sizes are looked at before the
content, content before use. What is wrong raises `WrongError`, which its reader turns into the sentence for that part;
the other parts of the run and all other runs stay as they are.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, TypeAdapter, ValidationError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MAX_JSON = 8 * 2**20
MAX_CSV = 32 * 2**20
MAX_HEADER = 8 * 2**20
"""Bytes of a JSON file, a CSV file, and the header of a safetensors file; the largest of ours stay below a tenth."""
MAX_NETWORK = 64 * 2**20
"""Of an ONNX file; that of the largest model here has 5 MB."""
MAX_TABLE = 256 * 2**20
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 10**6, 4096, 5 * 10**7
"""Of a parquet file, packed: 10,000 codes of 512 axes have 10 million cells. A few bytes may declare billions."""
MAX_TEXT, MAX_TEXTS = 1024, 64 * 2**20
MAX_COUNT = 2**53
MAX_WHOLE = 2**31

Word = Annotated[str, StringConstraints(max_length=200)]
Text = Annotated[str, StringConstraints(max_length=2000)]
Numbers = Annotated[list[FiniteFloat], Field(max_length=10_000)]
Pair = Annotated[list[FiniteFloat], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Hash = Annotated[str, StringConstraints(max_length=64)]


class WrongError(ValueError):
    """A file is not what it has to be; the text says why in a few words."""


class Schema(BaseModel):
    """Base of the schemas of JSON files: types as they are, finite numbers, unknown keys passed over."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="ignore")


class MetricSchema(Schema):
    """One record of metrics.json (trainer.runs.folder.Metric)."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    value: FiniteFloat
    group: Word
    data: Word
    split: Word
    n: Count
    seed: Annotated[int, Field(ge=-MAX_COUNT, le=MAX_COUNT)] | None
    estimator: Text
    checkpoint: Hash
    unit: Annotated[str, StringConstraints(max_length=20)] = ""
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    higher_is_better: bool = True


class ReferenceSchema(Schema):
    """The detectors of ood_calibration.json (trainer.ood.detectors.reference)."""

    n: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    variance: FiniteFloat
    entropy: FiniteFloat
    quantiles: Annotated[dict[Word, Numbers], Field(max_length=100)]
    background: Word | None = None
    background_variance: FiniteFloat = 0


class CalibrationSchema(Schema):
    """ood_calibration.json (trainer.ood.calibration)."""

    format: Word
    checkpoint: Hash
    data: Word
    n: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    parts: Annotated[list[Word], Field(max_length=20)]
    quantiles: Annotated[dict[Word, Numbers], Field(max_length=100)]
    centre: Annotated[dict[Word, Pair], Field(max_length=100)]
    detectors: ReferenceSchema | None = None


class OutlineSchema(Schema):
    """The outline of one component in a map."""

    component: Annotated[int, Field(ge=0, le=1000)]
    sigma: FiniteFloat
    share: FiniteFloat
    paths: Annotated[list[Annotated[list[Pair], Field(min_length=1, max_length=10_000)]], Field(max_length=1000)]


class MapSchema(Schema):
    """The header of map.parquet (trainer.latent.map_file.Map.meta)."""

    version: int
    checkpoint: Hash
    settings: dict[Word, Any]  # trainer.latent.map_file.MapSettings
    codes: Count
    trustworthiness: FiniteFloat | None
    outlines: Annotated[list[OutlineSchema], Field(max_length=1000)]
    neighbour_distances: Annotated[list[FiniteFloat], Field(min_length=1, max_length=100_000)]
    round_trips: Annotated[list[FiniteFloat], Field(min_length=1, max_length=100_000)]


class StatusSchema(Schema):
    """training/status.json (trainer.runs.status), as far as pages show it."""

    state: Word
    message: Annotated[str, StringConstraints(max_length=100_000)] = ""
    step: Count = 0
    max_steps: Count = 0
    pid: Count | None = None
    heartbeat: FiniteFloat = 0.0


METRICS = TypeAdapter(Annotated[list[MetricSchema], Field(max_length=20_000)])
TAGS = TypeAdapter(Annotated[list[Annotated[str, StringConstraints(max_length=32)]], Field(max_length=12)])

# --- JSON, CSV and Markdown -------------------------------------------------------------------------------------------


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the bytes of a file of at most `limit`.

    Raises: WrongError if there are more, or the system refuses.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise WrongError(error.strerror or "it cannot be read") from error
    if len(content) > limit:
        raise WrongError(f"larger than {limit >> 20} MiB")
    return content


def parse_json(content: bytes) -> Any:
    """Return the value of JSON text in UTF-8, without NaN and infinities.

    Raises: WrongError if it is none, or nested beyond reason.
    """
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise WrongError("it is not JSON text") from error


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def read_json(path: Path, schema: TypeAdapter | type[BaseModel], limit: int = MAX_JSON) -> Any:
    """Return what a JSON file holds, as its schema describes it.

    Raises: WrongError naming the first key that is wrong.
    """
    return checked(schema, parse_json(read_bytes(path, limit)))


def checked(schema: TypeAdapter | type[BaseModel], values: Any) -> Any:
    """Return values as a schema describes them.

    Raises: WrongError naming the first key that is wrong.
    """
    try:
        return schema.validate_python(values) if isinstance(schema, TypeAdapter) else schema.model_validate(values)
    except (ValidationError, RecursionError) as error:
        raise WrongError(_first(error)) from error


def _first(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "it is nested too deeply"
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"]))[:80]
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}" if place else first["msg"]


def read_network(path: Path) -> bytes:
    """Return an ONNX file, which the browser runs; what is looked at is its size and how it begins.

    Raises: WrongError if it is too large or of another kind.
    """
    content = read_bytes(path, MAX_NETWORK)
    if not content.startswith(b"\x08"):  # the field ir_version, a number, is the first of a ModelProto
        raise WrongError("it is not an ONNX file")
    return content


def read_text(path: Path, limit: int = MAX_JSON) -> str:
    """Return a text file of any encoding, what is not UTF-8 as question marks; empty if it is absent or too large."""
    with contextlib.suppress(WrongError):
        return read_bytes(path, limit).decode("utf-8", errors="replace")
    return ""


def read_numbers(path: Path) -> pd.DataFrame:
    """Return a CSV file of numbers with a column `step`.

    Raises: WrongError if it is anything else.
    """
    import io

    import pandas as pd

    content = read_bytes(path, MAX_CSV)
    if content.split(b"\n", 1)[0].count(b",") >= MAX_COLUMNS:
        raise WrongError("too many columns")
    try:
        table = pd.read_csv(io.BytesIO(content))
    except Exception as error:  # pandas raises many types; to the reader they mean the same
        raise WrongError("it is not a table") from error
    if "step" not in table or not table["step"].notna().all():
        raise WrongError("it has no column 'step'")
    if any(table[name].dtype.kind not in "iuf" for name in table):
        raise WrongError("it holds text where numbers belong")
    return table


# --- safetensors ------------------------------------------------------------------------------------------------------

_SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
          "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8}  # fmt: skip


def check_safetensors(path: Path) -> None:
    """Compare the header of a safetensors file with the file's size; no tensor is read.

    Raises: WrongError if the header is none, or its tensors do not fill the file without gap or overlap.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(size - 8, MAX_HEADER):
                raise WrongError("truncated or no safetensors file")
            header = parse_json(file.read(length))
        spans = sorted(_span(value) for key, value in header.items() if key != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise WrongError("truncated or no safetensors file") from error
    end = 0
    for first, last in spans:
        if first != end:
            raise WrongError("truncated or no safetensors file")
        end = last
    if size != 8 + length + end:
        raise WrongError("truncated or no safetensors file")


def _span(tensor: Mapping[str, Any]) -> tuple[int, int]:
    """Return where a tensor begins and ends, after comparing that with its shape."""
    (first, last), count = tensor["data_offsets"], _SIZES[tensor["dtype"]]
    if type(first) is not int or type(last) is not int or len(tensor["shape"]) > 16:
        raise TypeError
    for side in tensor["shape"]:
        if type(side) is not int or not 0 <= side < 2**48:
            raise TypeError
        count *= side
    if count != last - first:
        raise ValueError
    return first, last


# --- parquet ----------------------------------------------------------------------------------------------------------

TEXT, WHOLE, NUMBER, FINITE = "text", "whole number", "number", "finite number"
COLUMNS = {
    r"id|label_name|data|role|polarity|checkpoint|kind": TEXT,
    r"label|sprite_index|tile|component|kmeans|factor_[\w -]{1,60}": WHOLE,
    r"z\d{1,3}|log_var\d{1,3}|x|y|z": FINITE,
    r"(?:score|baseline)_.{1,100}": FINITE,
    r"psnr|entropy|detector_.{1,100}": NUMBER,
}
"""What a column of this name holds, in every table of a run; other columns are not read."""
TRAIN_COLUMNS = ("id", "label_name", "tile", "checkpoint")
"""Of train_codes.parquet."""


@lru_cache(maxsize=4096)
def _kind(name: str) -> str | None:
    return next((kind for pattern, kind in COLUMNS.items() if re.fullmatch(pattern, name)), None)


def read_table(path: Path, required: Sequence[str] = (), gaps: bool = False) -> tuple[pd.DataFrame, dict[bytes, bytes]]:
    """Return the known columns of a parquet file, and its metadata.

    Args:
        required: columns that must be there, without gaps.
        gaps: whether values may be missing in the other columns.

    Raises: WrongError if it is none, would unpack beyond reason, lacks a required column, or holds other types, gaps or
        values that are not finite.
    """
    import pyarrow.parquet as pq

    try:
        if path.stat().st_size > MAX_TABLE:
            raise WrongError(f"larger than {MAX_TABLE >> 20} MiB")
        with pq.ParquetFile(path) as file:
            names = _names(file)
            if lacking := set(required) - set(names):
                raise WrongError(f"it has no column '{sorted(lacking)[0]}'")
            metadata = dict(file.schema_arrow.metadata or {})
    except WrongError:
        raise
    except Exception as error:  # pyarrow raises many types; to the reader they mean the same
        raise WrongError("it is not a table") from error
    return _frame(_decoded(path, names), required if gaps else names), metadata


def _names(file: Any) -> list[str]:
    """Return the known columns of an open parquet file whose sizes and types are sane."""
    import pyarrow as pa

    about, schema = file.metadata, file.schema_arrow
    groups = [about.row_group(index) for index in range(min(about.num_row_groups, MAX_COLUMNS))]
    if about.num_rows > MAX_ROWS or about.num_columns > MAX_COLUMNS or about.num_rows * about.num_columns > MAX_CELLS:
        raise WrongError("more rows or columns than a run has")
    if len(groups) < about.num_row_groups or sum(group.total_byte_size for group in groups) > 2 * MAX_TABLE:
        raise WrongError("it unpacks to more than a run has")
    names = [field.name for field in schema if _kind(field.name)]
    if len(set(names)) < len(names):
        raise WrongError("it has a column twice")
    types = pa.types
    fits = {
        TEXT: lambda kind: types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind),
        WHOLE: types.is_integer,
        NUMBER: lambda kind: types.is_floating(kind) or types.is_integer(kind),
        FINITE: lambda kind: types.is_floating(kind) or types.is_integer(kind),
    }
    for name in names:
        if not fits[_kind(name)](schema.field(name).type):
            raise WrongError(f"{name[:40]} holds no {_kind(name)}")
    return names


def _decoded(path: Path, names: list[str]) -> pa.Table:
    """Read the columns, text as dictionaries: a long text that is repeated often is not spelled out."""
    import pyarrow.parquet as pq

    texts = [name for name in names if _kind(name) == TEXT]
    try:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            return file.read(columns=names, use_threads=False)
    except Exception as error:
        raise WrongError("it is damaged") from error


def _frame(table: pa.Table, whole: Sequence[str]) -> pd.DataFrame:
    """Return a table as pandas columns after looking at their values; those of `whole` may have no gaps."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in table.column_names:
        column, kind = table.column(name), _kind(name)
        if column.null_count and name in whole and kind != NUMBER:
            raise WrongError(f"{name[:40]} has gaps")
        if kind == TEXT:
            columns[name] = _texts(name, column)
            continue
        values = column.to_numpy()
        if kind == WHOLE and len(values) and not np.nanmax(np.abs(values)) <= MAX_WHOLE:
            raise WrongError(f"{name[:40]} holds numbers beyond any run's")
        if kind == FINITE and not np.isfinite(values[~np.isnan(values)] if name not in whole else values).all():
            raise WrongError(f"{name[:40]} holds values that are not finite")
        columns[name] = values.astype("int64") if kind == WHOLE and not column.null_count else values
    return pd.DataFrame(columns)


def _texts(name: str, column: pa.ChunkedArray) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    for chunk in column.chunks:
        longest = pc.max(pc.binary_length(chunk.dictionary.cast(pa.large_string()))).as_py() or 0
        if longest > MAX_TEXT or longest * len(chunk) > MAX_TEXTS:
            raise WrongError(f"{name[:40]} holds longer text than a name")
    return column.cast(pa.large_string()).to_pandas()
