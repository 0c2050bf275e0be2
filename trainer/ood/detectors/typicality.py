"""Typicality: score |-log2 p(x) - H|, H the mean of -log2 p over held-out pictures.

A picture far more likely than any training picture is as untypical as an unlikely one. Source: Nalisnick et al., 2019
("Detecting out-of-distribution inputs to deep generative models using typicality"), whose test of a batch is applied to
a single picture here.
"""

from trainer.ood.detectors.base import Detector, needs_density

DETECTOR = Detector(
    "typicality",
    "|-log2 p(x) - H|, H its mean over held-out pictures",
    "Nalisnick et al., 2019",
    lambda batch: (batch.bits - batch.known.entropy).abs(),
    needs_density,
)
