"""Keeping run folders in order: rename, tag, delete, export, import, bundle."""
