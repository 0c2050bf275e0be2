"""How good are the pictures a model makes? Distances of feature distributions, and coverage of the data by samples."""
