"""3D Shapes: the six factors of the data set, and a renderer of its pictures that needs no network."""

from trainer.data.rendering.drawing import render, render_indices
from trainer.data.rendering.grid import COUNT, FACTORS, GRID, SHAPES, SIZES, factors_of, index_of, values_of

__all__ = [
    "COUNT",
    "FACTORS",
    "GRID",
    "SHAPES",
    "SIZES",
    "factors_of",
    "index_of",
    "render",
    "render_indices",
    "values_of",
]
