"""Imports of a library without the large optional ones that it would import in turn."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from importlib.abc import MetaPathFinder


class _Refusal(MetaPathFinder):
    def __init__(self, unwanted: tuple[str, ...]):
        self.unwanted, self.thread = unwanted, threading.get_ident()

    def find_spec(self, name, path, target=None):
        """Refuse an unwanted library in the thread that does without it; all else is left to the other finders."""
        if name in self.unwanted and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{name} is left out here", name=name)


@contextlib.contextmanager
def without(*unwanted: str) -> Iterator[None]:
    """Return a context in which libraries seem not to be installed to what this thread imports.

    Those imported before stay; afterwards, and in other threads, all can be imported.
    """
    refusal = _Refusal(unwanted)
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)
