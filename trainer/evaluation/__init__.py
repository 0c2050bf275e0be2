"""Metrics of a trained model, one module per group of `trainer.evaluation.evaluate.GROUPS`; each number carries its protocol."""
