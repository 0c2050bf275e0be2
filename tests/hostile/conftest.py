"""What hostile inputs are tried on."""

from __future__ import annotations

from tests.pages.conftest import app, made_runs, runs  # noqa: F401 - the same small models
