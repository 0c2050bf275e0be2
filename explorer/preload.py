"""What a page will need in a moment, asked for early: the browser's part of plotly, nearly five megabytes.

Streamlit's page fetches it when the first chart arrives. Told at the top of a page, the browser fetches and compiles it
while the server still reads codes and map. Where Streamlit names its files otherwise, nothing happens.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import streamlit as st

_SCRIPT = """<script>
const link = document.createElement("link");
link.rel = "modulepreload";
link.href = %s;
document.head.append(link);
</script>"""


def plotly() -> None:
    """Make the browser fetch the script that draws plotly charts."""
    if name := chart_file():
        st.html(_SCRIPT % json.dumps(f"./static/js/{name}"), unsafe_allow_javascript=True)


@lru_cache(maxsize=1)
def chart_file() -> str:
    """Name of that script in the installed Streamlit; empty where it cannot be told."""
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    found = sorted(path.name for path in folder.glob("PlotlyChart.*.js"))
    return found[0] if len(found) == 1 else ""
