"""Programs that print measurements; `make bench` runs them."""
