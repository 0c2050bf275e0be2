"""The operating system and what comes from outside: the place of the checkout, atomic files, locks, processes, text."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, where child processes start and import `trainer` and `explorer`."""
