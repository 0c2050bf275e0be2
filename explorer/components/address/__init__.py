"""Keeps the browser's history to one entry for each view, so that Back returns the view before."""

from explorer.components.register import register

_ADDRESS = register("address", "address/address")


def keep() -> None:
    """Let the parameters that a page adds when it opens complete its entry of the history instead of making another."""
    _ADDRESS(key="gwae.address", height="content")
