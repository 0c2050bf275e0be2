"""The run folder: everything a model is, and everything known about it, lives in one folder."""
