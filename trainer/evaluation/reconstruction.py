"""How well a picture survives encoder and decoder: PSNR and SSIM of g(mu(x)) against x."""

import torch
from torch import Tensor

from trainer.batching import batches
from trainer.evaluation.context import Context, mean_interval
from trainer.runs.folder import Metric

PSNR_CAP = 100.0
"""dB given to a perfect reconstruction, whose PSNR is infinite: a mean squared error below 1e-10 counts as 1e-10."""


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture, -10 log10 mean((x - y)^2), in dB, at most PSNR_CAP.

    Args:
        x, y: pictures in [0, 1], (B, C, H, W).

    Returns: (B,) float32, higher is better.
    """
    error = (x.double() - y.double()).square().flatten(1).mean(1)
    return (-10.0 * torch.log10(error.clamp_min(10.0 ** (-PSNR_CAP / 10.0)))).float()


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of each picture (Wang et al., IEEE TIP 2004): Gaussian 11x11 window, sigma 1.5, mirrored borders.

    Args:
        x, y: pictures in [0, 1], (B, C, H, W), at least 11 pixels a side.

    Returns: (B,) float32 in [-1, 1], higher is better. Computed by torchmetrics, imported here because it is slow
    to load and has no place in the server process.
    """
    import trainer.data.torchvision_shim  # noqa: F401, I001  (torchmetrics imports torchvision, which needs this first)
    from torchmetrics.functional.image import structural_similarity_index_measure

    values = structural_similarity_index_measure(x, y, data_range=1.0, reduction="none")
    return values.reshape(len(x)).float()


def measure(context: Context) -> list[Metric]:
    """Return PSNR and SSIM, each the mean over the test pictures with the normal 95 % interval of that mean."""
    pieces = []
    with torch.inference_mode():
        for rows in batches(len(context.images)):
            x = context.images.float_batch(rows).to(context.device)
            pieces.append(ssim(context.model.decode(context.mu[rows].to(context.device)), x).cpu())
            context.progress("SSIM", int(rows[-1]) + 1, len(context.images))
    similarity = torch.cat(pieces).numpy()
    decibel = context.psnr.numpy()
    how = "of g(mu(x)) per image on [0, 1], mean over images; normal 95 % interval of the mean"
    window = "SSIM (Gaussian window 11x11, sigma 1.5, mirrored borders)"
    rows = (("PSNR", decibel, "PSNR", "dB"), ("SSIM", similarity, window, ""))
    return [
        context.metric(
            "reconstruction",
            name,
            values.mean(dtype="float64"),
            f"{measured} {how}",
            unit=unit,
            interval=mean_interval(values),
        )
        for name, values, measured, unit in rows
    ]
