from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from trainer import config
from trainer.errors import UserError
from trainer.models import build
from trainer.models.onnx_export import encoder_bytes, export_decoder, export_encoder
from trainer.runs.folder import Run
from trainer.system import ROOT


def model_with_contrast(size: int = 32, channels: int = 1, z_dim: int = 8):
    """Untrained networks paint grey; larger weights use the whole range of the sigmoid, where errors show."""
    settings = config.from_dict(
        {
            "data": {"size": size, "channels": channels},
            "model": {"kind": "vae", "z_dim": z_dim, "width": 16},
            "prior": {"kind": "normal"},
        }
    )
    model = build(settings).eval().requires_grad_(False)
    for parameter in model.decoder.parameters():
        parameter.mul_(2.2)
    return model


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (64, 3)])
def test_onnxruntime_paints_the_same_picture(tmp_path, size, channels):
    model = model_with_contrast(size, channels)
    export_decoder(model, tmp_path / "decoder.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "decoder.onnx", providers=["CPUExecutionProvider"])
    ((name, shape, kind),) = [(i.name, i.shape, i.type) for i in session.get_inputs()]
    assert (name, shape, kind) == ("z", [1, 8], "tensor(float)")
    ((name, shape, kind),) = [(o.name, o.shape, o.type) for o in session.get_outputs()]
    assert (name, shape, kind) == ("image", [1, channels, size, size], "tensor(float)")
    codes = 2 * torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    expected = model.decode(codes).numpy()
    got = np.concatenate([session.run(None, {"z": code[None].numpy()})[0] for code in codes])
    assert expected.max() - expected.min() > 0.5
    assert np.abs(got - expected).max() < 1 / 255


def test_one_file_of_half_size_with_fp32_arithmetic(tmp_path):
    model = model_with_contrast()
    export_decoder(model, tmp_path / "decoder.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["decoder.onnx"]
    weights = sum(parameter.numel() for parameter in model.decoder.parameters())
    assert (tmp_path / "decoder.onnx").stat().st_size < 2 * weights + 20_000
    graph = onnx.load(tmp_path / "decoder.onnx").graph
    half = {t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16}
    assert half
    users = [node.op_type for node in graph.node for name in node.input if name in half]
    assert users == ["Cast"] * len(half)


def test_values_beyond_fp16_stay_fp32(tmp_path):
    model = model_with_contrast()
    first = next(p for p in model.decoder.parameters() if p.ndim == 2)
    first.mul_(1e6)
    export_decoder(model, tmp_path / "decoder.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "decoder.onnx", providers=["CPUExecutionProvider"])
    image = session.run(None, {"z": np.full((1, 8), 1e-6, np.float32)})[0]
    assert np.abs(image - model.decode(torch.full((1, 8), 1e-6)).numpy()).max() < 1 / 255


def test_same_weights_same_bytes_and_no_trace_of_this_machine(tmp_path):
    model = model_with_contrast()
    for name in ("a.onnx", "b.onnx"):
        export_decoder(model, tmp_path / name)
    content = (tmp_path / "a.onnx").read_bytes()
    assert content == (tmp_path / "b.onnx").read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content


def test_nothing_is_printed(tmp_path, capfd):
    export_decoder(model_with_contrast(), tmp_path / "decoder.onnx")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="in the way"):
        export_decoder(model_with_contrast(), tmp_path / "file" / "decoder.onnx")


# --- the encoder -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (64, 3)])
@pytest.mark.parametrize("halved", [False, True])
def test_onnxruntime_encodes_as_torch_does(tmp_path, size, channels, halved):
    """Weights that fp16 holds, as those of bundled models, make a file of half the size, and no other numbers."""
    model = model_with_contrast(size, channels)
    for parameter in model.encoder.parameters():
        parameter.mul_(2)
        if halved:
            parameter.copy_(parameter.half())
    export_encoder(model, tmp_path / "encoder.onnx")
    weights = sum(parameter.numel() for parameter in model.encoder.parameters())
    assert (tmp_path / "encoder.onnx").stat().st_size < (2 if halved else 4) * weights + 40_000
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx", providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("image", [1, channels, size, size])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("mu", [1, 8]), ("log_var", [1, 8])]
    pictures = torch.rand(20, channels, size, size, generator=torch.Generator().manual_seed(0))
    expected = [values.numpy() for values in model.encode(pictures)]
    got = [session.run(None, {"image": picture[None].numpy()}) for picture in pictures]
    for wanted, found in zip(expected, map(np.concatenate, zip(*got, strict=True)), strict=True):
        assert wanted.std() > 0.05
        assert np.abs(found - wanted).max() < 1e-4


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pretrained").glob("*/model.safetensors")), ids=lambda path: path.parent.name
)
def test_the_encoder_made_of_a_bundled_model_is_its_own_at_half_size(path):
    model = Run(path.parent).load_model()
    picture = torch.rand(1, *model.image_shape, generator=torch.Generator().manual_seed(0))
    packed = encoder_bytes(model)
    assert len(packed) < path.stat().st_size  # which holds the decoder too, in the same fp16
    session = onnxruntime.InferenceSession(packed, providers=["CPUExecutionProvider"])
    for found, wanted in zip(session.run(None, {"image": picture.numpy()}), model.encode(picture), strict=True):
        assert np.abs(found - wanted.numpy()).max() < 1e-3
