"""decoder.onnx and encoder.onnx, for onnxruntime-web in the browser and onnxruntime on the CPU; for other tools both as
plain float32 (`export_networks`).

The browser's weights are stored as fp16 and cast to fp32 inside the graph. The runtime folds the casts while it loads,
so the arithmetic is fp32 everywhere (the CPU and wasm back ends have few fp16 kernels) and only the download is halved.
A picture forgives rounded weights, a score does not: of the encoder only weights that fp16 holds exactly are stored so,
as all of a bundled model are.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from trainer.models import onnx_graph
from trainer.models.base import LatentModel
from trainer.system import files

SMALL = 256
"""Tensors of fewer values keep fp32: halving a bias saves nothing."""


def export_networks(model: LatentModel, encoder: Path, decoder: Path) -> None:
    """Write both networks as ONNX files in float32, for batches of any size n.

    Encoder: input `image` (n, C, H, W) in [0, 1]; outputs `mu` and `log_var`, (n, z_dim) each. Decoder: input `z`
    (n, z_dim); output `image`. The same weights give the same bytes. The model must be in evaluation mode, on the CPU.

    Raises: UserError if a file cannot be written.
    """
    _write(onnx_graph.encoder(model, "n"), encoder)
    _write(onnx_graph.decoder(model, "n"), decoder)


def export_decoder(model: LatentModel, path: Path) -> None:
    """Write g(z) as one ONNX file: input `z` float32 (1, z_dim), output `image` float32 (1, C, H, W) in [0, 1].

    The same weights give the same bytes. Nothing is printed. The model must be in evaluation mode, on the CPU.

    Raises: UserError if the file cannot be written.
    """
    graph = onnx_graph.decoder(model, 1)
    _halve_weights(graph)
    _write(graph, Path(path))


def export_encoder(model: LatentModel, path: Path) -> None:
    """Write `encoder_bytes` as a file. Raises: UserError if it cannot be written."""
    _save(encoder_bytes(model), Path(path))


def encoder_bytes(model: LatentModel) -> bytes:
    """Return q(z|x) as ONNX: input `image` float32 (1, C, H, W) in [0, 1], outputs `mu`, `log_var` (1, z_dim).

    The outputs are those of `model.encode` up to float32 arithmetic. Otherwise as `export_decoder`; made in 0.05 s.
    """
    graph = onnx_graph.encoder(model, 1)
    _halve_weights(graph, exactly=True)
    return _packed(graph)


def _packed(graph: ModelProto) -> bytes:
    onnx.checker.check_model(graph)
    return graph.SerializeToString(deterministic=True)


def _write(graph: ModelProto, path: Path) -> None:
    _save(_packed(graph), path)


def _save(packed: bytes, path: Path) -> None:
    files.write_atomic(path, lambda temporary: temporary.write_bytes(packed))


def _halve_weights(graph: ModelProto, exactly: bool = False) -> None:
    """Replace large fp32 initialisers by fp16 ones followed by a Cast to fp32, in place.

    A tensor with values beyond fp16's range (65,504) stays as it is; `exactly`: one that fp16 would round, too.
    """
    casts, tensors = [], []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        halved, half = _halved(values, exactly), f"{tensor.name}_fp16"
        if halved is None:
            tensors.append(numpy_helper.from_array(values, tensor.name))
            continue
        tensors.append(numpy_helper.from_array(halved, half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], f"{tensor.name}_cast", to=TensorProto.FLOAT))
    nodes = casts + list(graph.graph.node)
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend(tensors)
    graph.graph.node.extend(nodes)


def _halved(values: np.ndarray, exactly: bool) -> np.ndarray | None:
    """Return the values as fp16; None where they are to stay as they are."""
    if values.dtype != np.float32 or values.size < SMALL or np.abs(values).max() > np.finfo(np.float16).max:
        return None
    halved = values.astype(np.float16)
    return None if exactly and (halved != values).any() else halved
