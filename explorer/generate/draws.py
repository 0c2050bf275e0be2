"""Prior samples as codes, each with a seed of its own, and the pictures they decode to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from explorer.shared import cache, catalog, pixels
from explorer.shared.state import SEED_LIMIT

if TYPE_CHECKING:
    import numpy as np


class Draws(NamedTuple):
    """Samples of the prior.

    Attributes:
        codes: float32 (n, z_dim).
        centres: what the temperature scales around: the mean of each sample's component, (n, z_dim); None for 0.
    """

    codes: np.ndarray
    centres: np.ndarray | None

    def at(self, temperature: float) -> np.ndarray:
        """Return the codes with their distance from the centre scaled, float32 (n, z_dim)."""
        import numpy as np

        centres = np.float32(0) if self.centres is None else self.centres
        return centres + np.float32(temperature) * (self.codes - centres)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=catalog.keyed())
def draws(entry: catalog.Entry, seed: int, n: int, component: int = -1) -> Draws:
    """Return n samples; sample i is the one that seed + i gives alone, so that every page can name it.

    Args:
        component: of a mixture; -1, or a model without one: drawn from the whole prior.
    """
    model = cache.model(entry)
    import torch

    prior = model.prior
    is_mixture = prior.kind == "gmp"
    with torch.inference_mode():
        codes = []
        for place in range(seed, min(seed + n, SEED_LIMIT + 1)):
            generator = torch.Generator().manual_seed(place)
            if is_mixture and 0 <= component < len(prior.means()):
                codes.append(prior.sample_component(component, 1, generator))
            else:
                codes.append(model.sample_prior(1, generator))
        drawn = torch.cat(codes)
        centres = prior.means()[prior.responsibilities(drawn).argmax(1)].numpy() if is_mixture else None
    return Draws(drawn.numpy(), centres)


def pictures(entry: catalog.Entry, codes: np.ndarray) -> np.ndarray:
    """Return g(z), uint8 (n, C, H, W)."""
    model = cache.model(entry)
    import torch

    from trainer.latent import traversal

    return pixels.to_uint8(traversal.decode(model, torch.from_numpy(codes)))
