"""LeakyReLU for networks whose gradient is differentiated once more: the same numbers for less work."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function


class _Slope(Function):
    """g * slope(x) with slope 1 above 0 and `negative` below; the slope is constant almost everywhere."""

    @staticmethod
    def forward(ctx, g: Tensor, x: Tensor, negative: float) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        ctx.negative = negative
        return torch.ops.aten.leaky_relu_backward(g, x, negative, False)

    @staticmethod
    def backward(ctx, g: Tensor | None) -> tuple[Tensor | None, None, None]:
        return (None if g is None else _Slope.apply(g, *ctx.saved_tensors, ctx.negative)), None, None


class _Leaky(Function):
    @staticmethod
    def forward(ctx, x: Tensor, negative: float) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        ctx.negative = negative
        return F.leaky_relu(x, negative)

    @staticmethod
    def backward(ctx, g: Tensor | None) -> tuple[Tensor | None, None]:
        return (None if g is None else _Slope.apply(g, *ctx.saved_tensors, ctx.negative)), None


class LeakyReLU(nn.LeakyReLU):
    """nn.LeakyReLU whose second derivative is absent where torch's is a tensor of zeros.

    Those zeros would travel back through every layer: in the gradient penalty, a third of the convolutions.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return max(x, 0) + slope * min(x, 0), of the shape of x."""
        return _Leaky.apply(x, self.negative_slope)
