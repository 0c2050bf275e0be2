"""Metrics of a trained model, one module per group of `evaluate.GROUPS`; each number carries its protocol."""
