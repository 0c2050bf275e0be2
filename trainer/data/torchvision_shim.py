"""`import trainer.data.torchvision_shim` before `import torchvision` makes torchvision work beside a CPU-only torch.

The torchvision 0.28.0 wheel on PyPI is linked against the CUDA libraries. Beside a CPU-only torch its C++ part does
not load, and `import torchvision` then stops with "operator torchvision::nms does not exist", because its Python part
describes two operators that nobody has declared. Declaring their schemas is enough: data sets, transforms and models
never call them. They are declared only where they are really missing, so a complete torchvision stays as it is.

The codecs of torchvision.io are in the same C++ part and do not work either: this project reads pictures with Pillow.
"""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_OPERATORS = ("nms", "qnms")


def _load_extension() -> None:
    """Load torchvision's C++ part where it can be loaded; that declares the operators for real."""
    spec = importlib.util.find_spec("torchvision")  # finds the package without importing it
    if spec is None or spec.origin is None:
        return
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        extension = Path(spec.origin).with_name(f"_C{suffix}")
        if extension.is_file():
            try:
                torch.ops.load_library(str(extension))
            except (ImportError, OSError):
                continue
            return


def is_declared(name: str) -> bool:
    """Return whether the operator `torchvision::<name>` has a schema."""
    return hasattr(torch.ops.torchvision, name)


def _declare_missing() -> torch.library.Library | None:
    """Declare what is missing; the declarations live as long as the returned object."""
    _load_extension()
    missing = [name for name in _OPERATORS if not is_declared(name)]
    if not missing:
        return None
    library = torch.library.Library("torchvision", "DEF")
    for name in missing:
        library.define(name + _SCHEMA)
    return library


_library = _declare_missing()  # kept here: when the object is freed, so are the declarations


def datasets() -> ModuleType:
    """Return `torchvision.datasets`, imported when first asked for: it takes a second, and the pages never need it."""
    from torchvision import datasets as module

    return module
