"""decoder.onnx: the decoder alone, for onnxruntime-web in the browser and onnxruntime on the CPU; for other tools also
the encoder (`export_networks`).

The browser's weights are stored as fp16 and cast to fp32 inside the graph. The runtime folds the casts while it loads,
so the arithmetic is fp32 everywhere (the CPU and wasm back ends have few fp16 kernels) and only the download is halved.
"""

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from trainer.models.base import LatentModel
from trainer.system import files

OPSET = 18
SMALL = 256
"""Tensors of fewer values keep fp32: halving a bias saves nothing."""


class _Decoder(nn.Module):
    """`decode` under the name the exporter looks for."""

    def __init__(self, model: LatentModel):
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z)


class _Encoder(nn.Module):
    """`encode` under that name."""

    def __init__(self, model: LatentModel):
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.encode(image)


def export_networks(model: LatentModel, encoder: Path, decoder: Path) -> None:
    """Write both networks as ONNX files in float32, for batches of any size n.

    Encoder: input `image` (n, C, H, W) in [0, 1]; outputs `mu` and `log_var`, (n, z_dim) each. Decoder: input `z`
    (n, z_dim); output `image`. The same weights give the same bytes. The model must be in evaluation mode, on the CPU.

    Raises: UserError if a file cannot be written.
    """
    pictures, codes = torch.zeros(2, *model.image_shape), torch.zeros(2, model.z_dim)  # 1 would become a constant
    _write(_to_onnx(_Encoder(model), pictures, ["image"], ["mu", "log_var"], any_batch=True), encoder)
    _write(_to_onnx(_Decoder(model), codes, ["z"], ["image"], any_batch=True), decoder)


def export_decoder(model: LatentModel, path: Path) -> None:
    """Write g(z) as one ONNX file: input `z` float32 (1, z_dim), output `image` float32 (1, C, H, W) in [0, 1].

    The same weights give the same bytes. Nothing is printed. The model must be in evaluation mode, on the CPU.

    Raises: UserError if the file cannot be written.
    """
    graph = _to_onnx(_Decoder(model), torch.zeros(1, model.z_dim), ["z"], ["image"])
    _halve_weights(graph)
    _write(graph, Path(path))


def _write(graph: ModelProto, path: Path) -> None:
    _strip(graph)
    files.write_atomic(path, lambda temporary: temporary.write_bytes(graph.SerializeToString(deterministic=True)))


def _to_onnx(
    network: nn.Module, example: Tensor, inputs: list[str], outputs: list[str], any_batch: bool = False
) -> ModelProto:
    """Export with torch's graph exporter, its chatter swallowed: standard output is for results."""
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                network.eval(),
                (example,),
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=({0: torch.export.Dim("n")},) if any_batch else None,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        quiet.setLevel(level)
    return program.model_proto


def _halve_weights(graph: ModelProto) -> None:
    """Replace large fp32 initialisers by fp16 ones followed by a Cast to fp32, in place.

    A tensor with values beyond fp16's range (65,504) stays as it is.
    """
    casts, tensors = [], []
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALL or np.abs(values).max() > np.finfo(np.float16).max:
            tensors.append(numpy_helper.from_array(values, tensor.name))
            continue
        half = f"{tensor.name}_fp16"
        tensors.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], f"{tensor.name}_cast", to=TensorProto.FLOAT))
    nodes = casts + list(graph.graph.node)
    del graph.graph.initializer[:], graph.graph.node[:]
    graph.graph.initializer.extend(tensors)
    graph.graph.node.extend(nodes)
    weights = {tensor.name for tensor in tensors} | {cast.output[0] for cast in casts}
    described = [info for info in graph.graph.value_info if info.name not in weights]
    del graph.graph.value_info[:]
    graph.graph.value_info.extend(described)


def _strip(graph: ModelProto) -> None:
    """Remove what the exporter notes about this machine (source lines, stack traces), and check the result."""
    del graph.metadata_props[:], graph.graph.metadata_props[:]
    graph.doc_string = graph.graph.doc_string = ""
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.input, *graph.graph.output, *graph.graph.value_info]:
        del value.metadata_props[:]
    onnx.checker.check_model(graph)
