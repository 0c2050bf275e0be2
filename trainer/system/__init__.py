"""What the trainer asks of the operating system: where the checkout is, whole files, processes."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: child processes start here, and `trainer` and `explorer` are found from here."""
