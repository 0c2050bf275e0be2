"""Draw one yourself: the model's view of a drawing, its place on the map and the verdict, followed in the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.components import canvas, live_decoder
from explorer.ood import pictures
from explorer.ood.detector import Detector
from explorer.ood.state import RATES, current, target_rate
from explorer.shared import cache, catalog, pixels, share, theme
from explorer.shared.links import TraverseState, open_traverse
from trainer.errors import UserError
from trainer.ood.calibration import COMBINED
from trainer.runs import layout, validation
from trainer.runs.folder import SPRITE_COLUMNS

_KEY = "ood.drawing"
_POINTS = 3_000
"""Test codes on the map: 0.2 MB for 16 axes."""


def show(detector: Detector) -> None:
    """The whole view for the selected model."""
    entry = detector.entry
    if sentence := lacking(entry):
        st.info(sentence, icon=":material/draw:")
        return
    target_rate()
    view, data = current(), _data(entry)
    threshold = detector.calibration.threshold(COMBINED, view.fpr)
    drawn = canvas.Drawing(**data, threshold=threshold, fpr=view.fpr, data=entry.data_title)
    limits = [detector.calibration.threshold(COMBINED, rate) for rate in RATES]
    share.table("thresholds", {"false-alarm rate": RATES, f"threshold of {COMBINED}": limits})
    drawn.draw(key=_KEY, on_opened_change=lambda: None)
    if code := st.session_state[_KEY].get("opened"):
        rounded = tuple(round(float(value), 3) for value in code)
        open_traverse(TraverseState(checkpoint=entry.hash, start="upload", code=rounded))
    live_decoder.carrier(entry.hash, cache.decoder(entry))
    canvas.carrier(entry.hash, _encoder(entry))


def lacking(entry: catalog.Entry) -> str:
    """Return why nobody can draw for a model, as a sentence; empty where one can."""
    if entry.image_shape[0] != 1:
        return f"{entry.name} knows pictures in colour; to draw, choose a model of grey ones above."
    if not cache.decoder(entry):
        command = f"python -m trainer networks {entry.path}"
        return f"{entry.name} has no decoder for the browser yet. Make it with: {command}"
    return ""


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=catalog.keyed(layout.ENCODER))
def _encoder(entry: catalog.Entry) -> bytes:
    """Return encoder.onnx; of a bundled model it is made here. Raises: UserError if the file is none."""
    path = entry.path / layout.ENCODER
    if not path.is_file():
        from trainer.models.onnx_export import encoder_bytes

        return encoder_bytes(cache.model(entry))
    try:
        return validation.read_network(path)
    except validation.WrongError as error:
        again = f"make it anew with 'python -m trainer networks {entry.path}'"
        raise UserError(f"{path}: {error}; {again}.") from error


@st.cache_resource(
    max_entries=8,
    show_spinner=False,
    hash_funcs=catalog.keyed(layout.OOD_CALIBRATION, layout.CODES, layout.MAP, layout.TRAIN_CODES, layout.TRAIN_SPRITE),
)
def _data(entry: catalog.Entry) -> dict[str, Any]:
    """Return what the component needs of a model. Raises: UserError if it is not calibrated."""
    from trainer.ood import browser, calibration, preparation

    wanted = preparation.of_run(entry.run) or preparation.as_digits(entry.image_shape[1])
    return {
        "model": entry.hash,
        "shape": list(entry.image_shape),
        "like": wanted._asdict(),
        "scoring": browser.scoring(cache.model(entry), calibration.read(entry.run)),
        "map": _map(entry),
        "trained": _trained(entry),
    }


def _map(entry: catalog.Entry) -> dict[str, Any] | None:
    """Return some of the test codes with their places on the stored map; None where there is none that fits."""
    from trainer.latent import map_file

    path, table = entry.path / layout.MAP, cache.codes(entry)
    axes = layout.code_columns(entry.run.config.model.z_dim)
    if not map_file.fits(path, entry.hash, map_file.MapSettings()) or not {"id", "label", *axes} <= set(table):
        return None
    frame = map_file.read(path).frame
    frame = frame.loc[frame["kind"] == "code", ["id", "x", "y"]].head(_POINTS).merge(table, on="id")
    places = frame[["x", "y"]].to_numpy(np.float32)
    low, high = places.min(0), places.max(0)
    middle, extent = (low + high) / 2, float((high - low).max()) or 1.0
    labels = np.where(frame["label"] >= 0, frame["label"] % len(theme.CATEGORIES), len(theme.CATEGORIES))
    return {
        "places": pixels.as_base64(np.asarray((places - middle) / extent + 0.5, np.float32)),
        "codes": pixels.as_base64(np.asarray(frame[axes], np.float32)),
        "labels": pixels.as_base64(np.asarray(labels, np.uint8)),
        "colours": [*theme.CATEGORIES, theme.category(-1)],
    }


def _trained(entry: catalog.Entry) -> dict[str, Any] | None:
    """Return codes of training pictures with the sprite that shows them; None where they may not be shown."""
    table, axes = pictures.training_codes(entry), layout.code_columns(entry.run.config.model.z_dim)
    if table.empty or not set(axes) <= set(table) or list(table["tile"]) != list(range(len(table))):
        return None
    try:
        sprite = validation.read_bytes(entry.path / layout.TRAIN_SPRITE, validation.MAX_NETWORK)
    except validation.WrongError:
        return None
    return {
        "codes": pixels.as_base64(np.asarray(table[axes], np.float32)),
        "sprite": pixels.as_base64(sprite),
        "columns": SPRITE_COLUMNS,
        "names": [f"training picture, {name}" if name else "training picture" for name in table["label_name"]],
    }
