"""The link of the view with a button that copies it, and the page's charts as SVG or PNG, made in the browser."""

from dataclasses import dataclass

from explorer.components.register import Component


@dataclass(frozen=True, kw_only=True)
class Share(Component, name="share", part="copy_link/copy_link"):
    """The upper part of the popover Share.

    Attributes:
        label: stands above each saved chart: page, model and checkpoint.
    """

    label: str
