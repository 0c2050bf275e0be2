"""Encoder and decoder as ONNX graphs, written layer by layer.

torch's own exporter traces any network, and takes seconds for it: too long with every checkpoint of a training. These
two are rows of a few kinds of layers, whose nodes are written down here in milliseconds.
"""

from collections.abc import Callable

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from trainer.models.base import LOG_VAR_LIMIT
from trainer.models.vae import Autoencoder, Deterministic

OPSET, IR_VERSION = 18, 10  # that onnxruntime-web reads


def decoder(model: Autoencoder, batch: int | str) -> ModelProto:
    """Return g(z): input `z` (batch, z_dim), output `image` (batch, C, H, W); a `batch` of text is one of any size."""
    graph = _Graph()
    graph.through(model.decoder.body, "decoder.body", "z", "image")
    return graph.finished({"z": (batch, model.z_dim)}, {"image": (batch, *model.image_shape)})


def encoder(model: Autoencoder, batch: int | str) -> ModelProto:
    """Return q(z|x): input `image` (batch, C, H, W) in [0, 1], outputs `mu` and `log_var`, (batch, z_dim) each."""
    graph, own = _Graph(), model.encoder
    pixels = _logits(graph, "image") if own.inverse_sigmoid else "image"
    hidden = graph.through(own.body, "encoder.body", pixels)
    both = graph.through(nn.Sequential(own.heads), "encoder.heads", hidden)
    raw = graph.node("Split", both, outputs=["mu", "raw"], axis=1, num_outputs=2)[1]
    if isinstance(model, Deterministic):
        shape = graph.node("Shape", "mu")[0]
        least = helper.make_tensor("least", TensorProto.FLOAT, [1], [-LOG_VAR_LIMIT])
        graph.node("ConstantOfShape", shape, outputs=["log_var"], value=least)
    else:  # base.bounded_log_var
        limit = graph.constant("limit", np.float32(LOG_VAR_LIMIT))
        bounded = graph.node("Tanh", graph.node("Div", raw, limit)[0])[0]
        graph.node("Mul", bounded, limit, outputs=["log_var"])
    codes = (batch, model.z_dim)
    return graph.finished({"image": (batch, *model.image_shape)}, {"mu": codes, "log_var": codes})


def _logits(graph: "_Graph", image: str) -> str:
    """Add networks.pixel_logits: log(p / (1 - p)) of the bins' centres p."""
    scale, shift, one = (
        graph.constant(name, np.float32(value))
        for name, value in (("scale", 255 / 256), ("shift", 0.5 / 256), ("one", 1))
    )
    p = graph.node("Add", graph.node("Mul", image, scale)[0], shift)[0]
    odds = graph.node("Div", p, graph.node("Sub", one, p)[0])[0]
    return graph.node("Log", odds)[0]


class _Graph:
    """Nodes and weights in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes, self.tensors = [], []

    def through(self, layers: nn.Sequential, name: str, source: str, target: str = "") -> str:
        """Add layers in a row, their weights called as in the model; return the name of their output."""
        for place, layer in enumerate(layers):
            source = _WRITERS[type(layer)](self, layer, f"{name}.{place}", source)
        if target:
            self.nodes[-1].output[0] = source = target
        return source

    def node(self, kind: str, *inputs: str, outputs: list[str] | None = None, **attributes: object) -> list[str]:
        """Add a node; return the names of its outputs."""
        outputs = outputs or [f"v{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs

    def constant(self, name: str, value: Tensor | np.generic | np.ndarray) -> str:
        """Add a tensor; return its name."""
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name))
        return name

    def finished(self, inputs: dict[str, tuple], outputs: dict[str, tuple]) -> ModelProto:
        """Return the graph with float32 inputs and outputs of these shapes."""
        ends = [
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, "network", *ends, self.tensors)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="gwae-explorer")


def _weights(graph: _Graph, layer: nn.Module, name: str) -> list[str]:
    return [graph.constant(f"{name}.{part}", getattr(layer, part)) for part in ("weight", "bias")]


def _linear(graph: _Graph, layer: nn.Linear, name: str, source: str) -> str:
    return graph.node("Gemm", source, *_weights(graph, layer, name), transB=1)[0]


def _convolution(kind: str) -> Callable[..., str]:
    def write(graph: _Graph, layer: nn.Conv2d | nn.ConvTranspose2d, name: str, source: str) -> str:
        form = {"strides": layer.stride, "pads": 2 * tuple(layer.padding), "kernel_shape": layer.kernel_size}
        return graph.node(kind, source, *_weights(graph, layer, name), **form)[0]

    return write


def _silu(graph: _Graph, layer: nn.SiLU, name: str, source: str) -> str:
    return graph.node("Mul", source, graph.node("Sigmoid", source)[0])[0]


def _unflatten(graph: _Graph, layer: nn.Unflatten, name: str, source: str) -> str:
    shape = graph.constant(f"{name}.shape", np.array([-1, *layer.unflattened_size], np.int64))
    return graph.node("Reshape", source, shape)[0]


_WRITERS: dict[type[nn.Module], Callable[[_Graph, nn.Module, str, str], str]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution("Conv"),
    nn.ConvTranspose2d: _convolution("ConvTranspose"),
    nn.SiLU: _silu,
    nn.Sigmoid: lambda graph, layer, name, source: graph.node("Sigmoid", source)[0],
    nn.Flatten: lambda graph, layer, name, source: graph.node("Flatten", source, axis=1)[0],
    nn.Unflatten: _unflatten,
}
"""What writes a kind of layer: (graph, layer, name, input) -> output. Another kind of layer is a KeyError."""
