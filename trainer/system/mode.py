"""What a server lets its visitors do, by the environment variable GWAE_MODE; enforced here, not by hidden buttons.

    local   everything: train, measure, manage runs, read folders of this machine. The default.
    view    look at models: nothing is started, written or deleted, no data set or folder of the server is read but the
            bundled ones, and uploads stay in the memory of their session.

What writes, starts or reads calls `require` (or is `local_only`), so a request made by hand ends there, too. An unknown
value counts as view: a slip of the pen must not open a server.
"""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from trainer.errors import UserError

VARIABLE = "GWAE_MODE"
MODES = ("view", "local")

P, R = ParamSpec("P"), TypeVar("R")


def chosen() -> str:
    """Return the value of GWAE_MODE, empty where it is not set."""
    return os.environ.get(VARIABLE, "").strip()


def is_view() -> bool:
    """Return whether visitors may only look."""
    return chosen() not in ("", "local")


def not_offered(what: str) -> str:
    """Return the sentence on what this server does not do."""
    return f"{what} is not offered here: this server only shows models (GWAE_MODE=view)."


def require(what: str) -> None:
    """Raise UserError where visitors may only look; `what` begins the sentence."""
    if is_view():
        raise UserError(not_offered(what))


def local_only(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: the function raises UserError where visitors may only look, before it does anything."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*arguments: P.args, **options: P.kwargs) -> R:
            require(what)
            return function(*arguments, **options)

        return guarded

    return decorate
