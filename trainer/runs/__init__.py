"""The run folder: one folder holds a model and everything that was measured on it."""
