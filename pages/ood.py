"""OoD: how well scores separate pictures of another kind from the model's own, and what your pictures score."""

from explorer.ood import page
from explorer.shared import widgets

widgets.model_page(
    "Out of distribution",
    "How well the scores of a model separate pictures of other kinds from its own, and whether a trivial baseline does "
    "as well.",
    page.show,
)
