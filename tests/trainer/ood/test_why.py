"""Why a picture is an outlier, in words."""

from __future__ import annotations

import pytest

from trainer.ood.why import sentence


@pytest.mark.parametrize(
    ("error", "prior", "text"),
    [
        (20, 99.93, "It is reconstructed well, but its code is rarer than that of 99.9 % of MNIST pictures."),
        (20, 20, "It is reconstructed well and its code is usual."),
        (97.4, 98, "It is reconstructed worse than 97 % of MNIST pictures and its code is rarer than that of 98 % of "
         "MNIST pictures."),
        (99.4, 93, "It is reconstructed worse than 99.4 % of MNIST pictures and its code is rarer than that of 93 % of "
         "MNIST pictures."),
        (100, 10, "It is reconstructed worse than all held-out MNIST pictures, but its code is usual."),
    ],
)  # fmt: skip
def test_parts_of_the_score_are_joined(error, prior, text):
    assert sentence({"relative error": error, "prior": prior}, "MNIST") == text
