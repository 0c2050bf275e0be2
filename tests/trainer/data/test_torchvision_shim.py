"""torchvision must be importable beside a CPU-only torch, in a fresh process and in any order that follows the rule."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from trainer.data import torchvision_shim
from trainer.system import ROOT


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_torchvision_imports_in_a_fresh_process_and_transforms_work():
    code = (
        "import trainer.data.torchvision_shim, torch, torchvision\n"
        "from torchvision.transforms import functional as F\n"
        "print(tuple(F.pad(torch.zeros(1, 28, 28), [2]).shape), torchvision.datasets.MNIST.__name__)"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "(1, 32, 32) MNIST"


def test_both_operators_have_the_schema_torchvision_describes():
    for name in ("nms", "qnms"):
        assert torchvision_shim.is_declared(name)
        schema = getattr(torch.ops.torchvision, name).default._schema
        assert [argument.name for argument in schema.arguments] == ["dets", "scores", "iou_threshold"]
        assert [str(argument.type) for argument in schema.arguments] == ["Tensor", "Tensor", "float"]
        assert [str(value.type) for value in schema.returns] == ["Tensor"]
    assert not torchvision_shim.is_declared("no_such_operator")


@pytest.mark.skipif(
    torchvision_shim._library is None, reason="torchvision is complete here and declares its operators itself"
)
def test_what_is_declared_already_is_left_alone():
    code = (
        "import torch\n"
        "first = torch.library.Library('torchvision', 'DEF')\n"
        "first.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "first.define('qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "import trainer.data.torchvision_shim as vision\n"
        "assert vision._library is None, vision._library\n"
        "import torchvision; print('ok')"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "ok"


def test_data_sets_are_imported_late():
    result = run("import sys, trainer.data, trainer.data.digits; print('torchvision' in sys.modules)")
    assert result.stdout.strip() == "False", result.stderr
