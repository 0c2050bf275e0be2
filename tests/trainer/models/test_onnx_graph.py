"""The graphs that are written layer by layer compute what the networks do, for every kind of model."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from trainer import config
from trainer.models import build
from trainer.models.onnx_export import export_networks


@pytest.mark.parametrize(
    "model",
    [
        {"model": {"kind": "gwae"}, "prior": {"kind": "fnp"}},
        {"model": {"kind": "gwae", "inverse_sigmoid": False}, "data": {"size": 64, "channels": 3}},
        {"model": {"kind": "wae-mmd"}, "prior": {"kind": "normal"}},
        {"model": {"kind": "dagmm"}, "prior": {"kind": "gmp"}},
    ],
)
def test_any_batch_is_encoded_and_decoded_as_by_torch(tmp_path, model):
    settings = config.from_dict(model | {"model": model["model"] | {"z_dim": 5, "width": 4}})
    made = build(settings).to(memory_format=torch.channels_last)  # as it is while it trains
    for parameter in made.parameters():
        parameter.data.mul_(2)
    encoder, decoder = tmp_path / "encoder.onnx", tmp_path / "decoder.onnx"
    export_networks(made, encoder, decoder)
    for n in (1, 3):
        pictures = torch.rand(n, *settings.data.shape, generator=torch.Generator().manual_seed(n))
        with torch.no_grad():
            mu, log_var = (part.numpy() for part in made.encode(pictures))
            image = made.decode(torch.from_numpy(mu)).numpy()
        found = onnxruntime.InferenceSession(encoder).run(None, {"image": pictures.numpy()})
        assert mu.std() > 0.01
        np.testing.assert_allclose(found[0], mu, atol=1e-4)
        np.testing.assert_allclose(found[1], log_var, atol=1e-4)
        (drawn,) = onnxruntime.InferenceSession(decoder).run(None, {"z": mu})
        np.testing.assert_allclose(drawn, image, atol=1e-5)
