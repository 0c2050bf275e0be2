"""What the Traverse page shows, as one typed state that the URL mirrors, and how widgets read and change it."""

from __future__ import annotations

from typing import Any

from explorer.shared import state
from explorer.shared.latent import Choice
from explorer.shared.links import TraverseState

VIEWS: dict[str, str] = {
    "sheet": "Traversal sheet",
    "interpolation": "Interpolation",
    "pad": "Two-axis pad",
    "code": "Code",
}
page = state.Page("traverse", TraverseState)
current, change = page.current, page.change


def choice(view: TraverseState, side: str) -> Choice:
    """The choice of side "start" or "end"."""
    before = "" if side == "start" else "end_"
    return Choice(
        getattr(view, side), *(getattr(view, before + name) for name in ("index", "seed", "component", "code"))
    )


def edits_of(view: TraverseState) -> dict[int, float]:
    """Changed axes and their values."""
    pairs = (edit.partition("_") for edit in view.edits)
    return {int(axis): float(value) for axis, _, value in pairs}


def restart(side: str = "start", **fields: Any) -> None:
    """Change where to start from; a new first start forgets the axes that were moved."""
    prefix = "" if side == "start" else "end_"
    named = {side if name == "kind" else prefix + name: value for name, value in fields.items()}
    change(**named, **({"edits": ()} if side == "start" else {}))


def bound(name: str, *, restarts: str | None = None) -> dict[str, Any]:
    """As state.Page.bound.

    Args:
        restarts: "start" or "end" where the widget chooses a start (see restart).
    """
    return page.bound(name, **({"edits": ()} if restarts == "start" else {}))
