"""Arrays in files that people can read."""

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, InstanceOf


def _numbers(values: Any) -> np.ndarray:
    array = np.array(values)
    if array.dtype.kind not in "biuf":
        raise ValueError("no numbers")
    return array


Array = Annotated[InstanceOf[np.ndarray], BeforeValidator(_numbers)]
"""A field that pydantic fills with the NumPy array of a list of numbers, however deep; ragged ones are refused."""
