"""Colours and the plotly template: neutral greys, one accent, and ten category colours in one fixed order.

Category colours are Petroff's ten-colour sequence ("Accessible Color Sequences for Data Visualization",
arXiv:2107.02270), chosen for colour-vision deficiencies, but for its two greys, which nobody keeps apart on a map: the
fourth and the ninth are a slate and a lavender, farther from all others also for deficient vision. Digit 3 is
CATEGORIES[3] on every page.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
else:
    Figure = Any  # plotly is imported with the first figure

CATEGORIES: tuple[str, ...] = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#536785",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#aea7f2",
    "#92dadd",
)
CONTINUOUS = "viridis"
_VIRIDIS = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"
DIVERGING = "RdBu"

ICON = (  # written out: Streamlit fetches the material icon of a tab from the network
    '<svg viewBox="0 0 16 16"><g fill="#3064C8"><circle cx="4" cy="11" r="3"/><circle cx="11.5" cy="4.5" r="3.5"/></g>'
    '<circle cx="12.5" cy="12.5" r="2" fill="#ffa90e"/></svg>'
)

CSS = Path(__file__).with_suffix(".css")
"""What Streamlit's own layout cannot do."""


_LIGHT = {"background": "#FFFFFF", "panel": "#F4F5F7", "text": "#1F2430", "muted": "#5B6472", "border": "#E1E4EA"}
_DARK = {"background": "#14171C", "panel": "#1D2128", "text": "#E6E8EC", "muted": "#A3ACBA", "border": "#31363F"}
_ACCENT = {False: "#3064C8", True: "#7FA6F0"}


def category(index: int) -> str:
    """Return the colour of category `index`; the sequence repeats after ten, negative means 'none' and is grey."""
    return CATEGORIES[index % len(CATEGORIES)] if index >= 0 else "#98A2B3"


def scale(count: int) -> list[str]:
    """Return `count` colours of CONTINUOUS, evenly spaced from its low end."""
    stops = [[int(text[i : i + 2], 16) for i in (0, 2, 4)] for text in _VIRIDIS.split()]
    places = [step * (len(stops) - 1) / max(count - 1, 1) for step in range(count)]
    pairs = [(stops[int(place)], stops[min(int(place) + 1, len(stops) - 1)], place % 1) for place in places]
    mixed = [[round(a + share * (b - a)) for a, b in zip(low, high, strict=True)] for low, high, share in pairs]
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed]


def colours(dark: bool) -> dict[str, str]:
    """Return the interface colours of one theme: background, panel, text, muted, border, accent."""
    return {**(_DARK if dark else _LIGHT), "accent": _ACCENT[dark]}


def is_dark() -> bool:
    """Return whether the page is dark now (the browser reports its theme)."""
    import streamlit as st

    return getattr(st.context.theme, "type", None) == "dark"


def template(dark: bool) -> dict[str, Any]:
    """Return the plotly template of one theme."""
    c = colours(dark)
    axis = {
        "gridcolor": c["border"],
        "linecolor": c["border"],
        "zerolinecolor": c["border"],
        "tickfont": {"color": c["muted"], "size": 11},
        "title": {"font": {"color": c["muted"], "size": 12}},
        "automargin": True,
    }
    layout = {
        "font": {"family": "Source Sans, sans-serif", "color": c["text"], "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "colorway": list(CATEGORIES),
        "xaxis": axis,
        "yaxis": axis,
        "margin": {"l": 48, "r": 12, "t": 24, "b": 40},
        "legend": {"font": {"color": c["muted"], "size": 12}},
        "hoverlabel": {"bgcolor": c["panel"], "bordercolor": c["border"], "font": {"color": c["text"]}},
        "colorscale": {"sequential": CONTINUOUS, "diverging": DIVERGING},
    }
    return {"layout": layout}


def figure(dark: bool, *traces: Any, **layout: Any) -> Figure:
    """Return a plotly figure of `traces` in the template of one theme, with `layout` on top; see `widgets.chart`."""
    import plotly.graph_objects as go

    return go.Figure(list(traces), {"template": template(dark), **layout})
