"""Colours and the plotly template: neutral greys, one accent, and ten category colours in one fixed order.

Category colours are Petroff's ten-colour sequence ("Accessible Color Sequences for Data Visualization",
arXiv:2107.02270), chosen for colour-vision deficiencies. Digit 3 is CATEGORIES[3] on every page.
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
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
CONTINUOUS = "viridis"
DIVERGING = "RdBu"

ICON = (  # written out: Streamlit fetches the material icon of a tab from the network
    '<svg viewBox="0 0 16 16"><g fill="#3B6FD4"><circle cx="4" cy="11" r="3"/><circle cx="11.5" cy="4.5" r="3.5"/></g>'
    '<circle cx="12.5" cy="12.5" r="2" fill="#ffa90e"/></svg>'
)

CSS = Path(__file__).with_suffix(".css")
"""What Streamlit's own layout cannot do."""


_LIGHT = {"background": "#FFFFFF", "panel": "#F4F5F7", "text": "#1F2430", "muted": "#5B6472", "border": "#E1E4EA"}
_DARK = {"background": "#14171C", "panel": "#1D2128", "text": "#E6E8EC", "muted": "#A3ACBA", "border": "#31363F"}
_ACCENT = {False: "#3B6FD4", True: "#7FA6F0"}


def category(index: int) -> str:
    """Return the colour of category `index`; the sequence repeats after ten, negative means 'none' and is grey."""
    return CATEGORIES[index % len(CATEGORIES)] if index >= 0 else "#98A2B3"


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
