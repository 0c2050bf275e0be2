"""How a model is trained: from a configuration and pictures to a run folder."""
