"""Run folders damaged one field at a time: for each field of each file, some of the ways in which it can be wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.fixtures import add_disentanglement, make_run
from trainer.evaluation import gw_record
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.manage import axis_names
from trainer.ood import calibration, tables
from trainer.runs import layout, validation
from trainer.runs.folder import Run

MARKUP = "![x](http://evil.example/x.png) <img src=http://evil.example/y> **b**"
Damage = Callable[[Path], None]
WRONG: dict[str, Any] = {
    "a list": [1], "an object": {"a": {"b": 1}}, "text": MARKUP, "null": None, "huge": 10**400, "negative": -5,
    "infinite": float("inf"), "nan": float("nan"), "true": True, "long": "x" * 100_000,
}  # fmt: skip
MIXED = ("a list", "text", "null", "huge", "negative", "nan", "long")
BYTES: dict[str, bytes] = {
    "empty": b"", "text": b"hello", "not UTF-8": b"\xff\xfe\x00\x80" * 40, "deep": b"[" * 200_000, "a list": b"[]",
    "an object": b"{}", "null": b"null", "zeros": bytes(4096), "pickle": b"\x80\x04\x95\x10\x00",
}  # fmt: skip


def complete(folder: Path) -> Path:
    """A run with every file that pages read, small."""
    made = make_run(folder, data="shapes3d-rendered", pictures=200, prior="gmp")
    add_disentanglement(made)
    codes = made.codes
    count = 40
    raw = {name: codes[f"score_{name}"].to_numpy() for name in ("relative error", "prior")}
    known = calibration.calibrate(raw, "gwae", checkpoint=made.hash, data="3D Shapes (rendered)")
    calibration.write(known, folder)
    scores = {f"score_{name}": np.linspace(0, 1, count, dtype="float32") for name in known.names}
    table = {"id": [f"p{i}" for i in range(count)], "data": ["a"] * count, "polarity": ["as it is"] * count}
    table |= {"role": [tables.ORDINARY] * 20 + [tables.OUTLIER] * 20, "label_name": [""] * count}
    _write(folder / layout.OOD_SCORES, pa.table(table | {"checkpoint": [made.hash] * count} | scores))
    axes = {f"z{axis}": np.zeros(count, "float16") for axis in range(made.config.model.z_dim)}
    near = {"id": table["id"], "label_name": table["label_name"], "tile": np.arange(count), **axes}
    _write(folder / layout.TRAIN_CODES, pa.table(near | {"checkpoint": [made.hash] * count}))
    shutil.copy(folder / layout.SPRITE, folder / layout.TRAIN_SPRITE)
    gw_record.write(_discrete(made), folder / layout.GEOMETRY)
    map_file.write(_map(made), folder / layout.MAP)
    (folder / layout.HISTORY).write_text("step,seconds,loss,validation psnr\n1,0.1,2.0,\n2,0.2,1.0,12.5\n")
    (folder / layout.OOD_HISTORY).write_text(
        "step,pair,score,auroc,ordinary,outliers\n1,drawn outliers,prior,0.9,9,9\n"
    )
    (folder / layout.TAGS).write_text('["a"]')
    axis_names.write(folder, made.hash, {0: "slant"}, made.config.model.z_dim)
    (folder / "training").mkdir()
    status = {"state": "finished", "pid": 1, "step": 2, "max_steps": 2, "heartbeat": 1.0, "seconds": 0.2, "message": ""}
    (folder / layout.STATUS).write_text(json.dumps(status))
    save_file({"step": torch.tensor(2)}, folder / layout.CHECKPOINT)
    return folder


def _map(made: Run) -> map_file.Map:
    """The linear map under the settings of the usual one: UMAP would compile for half a minute."""
    found = mapping.of_run(made, map_file.MapSettings(method="pca"))
    frame = found.frame.assign(kmeans=0)
    return map_file.Map(frame, found.meta | {"settings": map_file.MapSettings().model_dump(), "trustworthiness": 0.9})


def _discrete(made: Run) -> gw_record.Record:
    """A discrete GW of three codes and pictures that nobody solved."""
    about = {
        "format": gw_record.FORMAT,
        "checkpoint": made.hash,
        "data": "3D Shapes",
        "split": "test",
        "seed": 0,
        "n": 3,
    }
    values = dict.fromkeys(("paired", "own", "data_gw", "floor"), 0.1)
    parts = {"rows": [0, 1, 2], "coupled": [[0, 1], [1, 2], [2, 0]], "mass": [0.3, 0.3, 0.3]}
    parts |= {f"{side}_distortion": [0.1, 0.2, 0.3] for side in ("code", "picture")}
    parts |= {f"{side}_places": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]] for side in ("code", "picture")}
    return gw_record.Record(**about, **values, **parts)


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path)


# --- damages ----------------------------------------------------------------------------------------------------------


FILES = (
    layout.CONFIG, layout.WEIGHTS, layout.METRICS, layout.CODES, layout.MAP, layout.OOD_CALIBRATION,
    layout.OOD_SCORES, layout.disentanglement("full"), layout.SPRITE, layout.HISTORY, layout.OOD_HISTORY,
    layout.STATUS, layout.TAGS, layout.TRAIN_CODES, layout.CARD, layout.CHECKPOINT, layout.GEOMETRY,
    layout.AXIS_NAMES,
)  # fmt: skip


def damages() -> Iterator[tuple[str, Damage]]:
    """Names and functions that damage one field, or one file, of a complete run."""
    for name in FILES:
        for what, content in BYTES.items():
            if what in ("deep", "not UTF-8") or name in (layout.WEIGHTS, layout.METRICS, layout.CONFIG):
                yield f"{name} is {what}", _bytes(name, content)
        yield f"{name} is a folder", _folder(name)
    yield from _json_fields(layout.METRICS, (0,), validation.MetricSchema.model_fields)
    calibration = validation.CalibrationSchema.model_fields
    yield from _json_fields(layout.OOD_CALIBRATION, (), [name for name in calibration if name != "detectors"])
    yield f"{layout.OOD_CALIBRATION} detectors is a text", _json(layout.OOD_CALIBRATION, ("detectors",), "x")
    record = ("checkpoint", "data", "sizes", "pictures", "factor_names", "factor_sizes", "dci", "mig", "factor_vae")
    yield from _json_fields(layout.disentanglement("full"), (), record)
    yield from _json_fields(layout.GEOMETRY, (), ("n", "rows", "coupled", "mass", "code_places", "floor"))
    yield from _json_fields(layout.AXIS_NAMES, (), ("names", "checkpoint"))
    yield from _json_fields(layout.STATUS, (), ("state", "pid", "step", "max_steps", "heartbeat", "message"))
    yield from _columns(
        layout.CODES, ("id", "label", "label_name", "sprite_index", "z0", "log_var1", "component", "psnr")
    )
    yield from _columns(layout.MAP, ("kind", "x", "kmeans", "id"))
    yield from _columns(layout.OOD_SCORES, ("role", "checkpoint", "score_combined"))
    for name, value in (
        ("seed", -1),
        ("model.z_dim", 10**9),
        ("data.size", "x"),
        ("data.path", "/a" * 5000),
        ("name", MARKUP),
    ):
        yield f"config.yaml {name}={str(value)[:20]}", _config(name, value)
    for what, tensor in (("nan", float("nan")), ("infinite", float("inf")), ("huge", 3e38)):
        yield f"weights {what}", _weights(tensor)
    yield from _headers()


def _bytes(name: str, content: bytes) -> Damage:
    return lambda folder: _clear(folder / name).write_bytes(content)


def _folder(name: str) -> Damage:
    return lambda folder: _clear(folder / name).mkdir()


def _clear(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def _json_fields(file: str, inside: tuple, names: Any) -> Iterator[tuple[str, Damage]]:
    for position, name in enumerate(names):
        for offset, what in enumerate(MIXED):
            if (position + offset) % 3 == 0 or what == "a list":
                yield f"{file} {name} is {what}", _json(file, (*inside, name), WRONG[what])
        if position % 2:
            yield f"{file} without {name}", _json(file, (*inside, name), ...)


def _json(file: str, place: tuple, value: Any) -> Damage:
    def damage(folder: Path) -> None:
        values = holder = json.loads((folder / file).read_text())
        for key in place[:-1]:
            holder = holder[key]
        if value is ...:
            del holder[place[-1]]
        else:
            holder[place[-1]] = value
        _clear(folder / file).write_text(json.dumps(values))

    return damage


def _columns(file: str, names: tuple[str, ...]) -> Iterator[tuple[str, Damage]]:
    makers: dict[str, Callable[[int], pa.Array]] = {
        "text": lambda n: pa.array([MARKUP] * n),
        "nan": lambda n: pa.array([float("nan")] * n),
        "huge": lambda n: pa.array([2**60] * n),
        "null": lambda n: pa.nulls(n, pa.int64()),
        "lists": lambda n: pa.array([[1]] * n),
        "negative": lambda n: pa.array([-7] * n),
        "long text": lambda n: pa.array(["x" * 10_000] * n),
    }
    for position, name in enumerate(names):
        for offset, (what, make) in enumerate(makers.items()):
            if (position + offset) % 3 == 0 or what == "text":
                yield f"{file} {name} is {what}", _column(file, name, make)
        yield f"{file} without {name}", _column(file, name, None)


def _column(file: str, name: str, make: Callable[[int], pa.Array] | None) -> Damage:
    def damage(folder: Path) -> None:
        table = pq.read_table(folder / file)
        place = table.schema.get_field_index(name)
        table = table.remove_column(place)
        if make is not None:
            table = table.add_column(place, name, make(table.num_rows))
        _write(_clear(folder / file), table)

    return damage


def _config(name: str, value: Any) -> Damage:
    def damage(folder: Path) -> None:
        values = holder = yaml.safe_load((folder / layout.CONFIG).read_text())
        *sections, leaf = name.split(".")
        for section in sections:
            holder = holder[section]
        holder[leaf] = value
        _clear(folder / layout.CONFIG).write_text(yaml.safe_dump(values))

    return damage


def _weights(value: float) -> Damage:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / layout.WEIGHTS)
        for tensor in tensors.values():
            if tensor.is_floating_point():
                tensor.fill_(value)
        save_file(tensors, _clear(folder / layout.WEIGHTS))

    return damage


def _headers() -> Iterator[tuple[str, Damage]]:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    headers: dict[str, Any] = {
        "offsets are text": {"a": tensor | {"data_offsets": ["0", "4"]}},
        "offsets are negative": {"a": tensor | {"data_offsets": [-4, 0]}},
        "offsets beyond the file": {"a": tensor | {"data_offsets": [0, 10**18]}},
        "a shape of text": {"a": tensor | {"shape": "x"}},
        "an unknown type": {"a": tensor | {"dtype": "X9"}},
        "offsets are objects": {"a": tensor | {"data_offsets": {"0": 0}}},
        "a list": [tensor],
        "no tensors": {},
        "tensors that overlap": {"a": tensor, "b": tensor},
        "nested": json.loads("[" * 500 + "]" * 500),
    }
    for what, header in headers.items():
        text = json.dumps(header).encode()
        yield f"weights: {what}", _bytes(layout.WEIGHTS, len(text).to_bytes(8, "little") + text + bytes(4))
    yield "weights: a header of 2**60 bytes", _bytes(layout.WEIGHTS, (2**60).to_bytes(8, "little") + b"{}")


def make_all(root: Path) -> dict[str, Path]:
    """A folder of runs: `sound`, and one per damage, by what is wrong with it."""
    whole = complete(root / "sound")
    found = {}
    for number, (what, damage) in enumerate(damages()):
        folder = root / f"damaged-{number:03d}"
        folder.mkdir()
        for path in whole.rglob("*"):
            target = folder / path.relative_to(whole)
            target.mkdir(parents=True, exist_ok=True) if path.is_dir() else os.link(path, target)
        damage(folder)
        found[what] = folder
    return found
