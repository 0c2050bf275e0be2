"""The state of the Traverse page, with its two starts."""

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


def field(side: str, name: str) -> str:
    """Return the state's field for what is called `name` on side "start" or "end"."""
    return name if side == "start" else f"end_{name}"


def choice(view: TraverseState, side: str) -> Choice:
    """Return the choice of side "start" or "end"."""
    names = ("index", "seed", "component", "code")
    return Choice(getattr(view, side), *(getattr(view, field(side, name)) for name in names))


def edits_of(view: TraverseState) -> dict[int, float]:
    """Return the values of the moved axes."""
    pairs = (edit.partition("_") for edit in view.edits)
    return {int(axis): float(value) for axis, _, value in pairs}


def restart(side: str = "start", **fields: Any) -> None:
    """Change where to start from; a new first start resets the moved axes."""
    named = {side if name == "kind" else field(side, name): value for name, value in fields.items()}
    change(**named, **({"edits": ()} if side == "start" else {}))


def bound(name: str, *, restarts: str | None = None) -> dict[str, Any]:
    """Return state.Page.bound(name); `restarts` is "start" or "end" where the widget chooses a start (see restart)."""
    return page.bound(name, **({"edits": ()} if restarts == "start" else {}))
