"""Entry point: `streamlit run explorer/app.py`. Path set-up, navigation and the shared model picker; nothing else."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
if sys.path[0] != str(ROOT):  # explorer/ leaves: its packages must never be found as `train` or `ood`
    sys.path[:] = [str(ROOT), *(entry for entry in sys.path if entry not in (str(HERE), str(ROOT)))]
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: one thread decodes one picture fastest, 5 ms against 44

import streamlit as st  # noqa: E402

from explorer.shared import cache, exposure, state, theme, widgets  # noqa: E402

PAGES = (  # file, title, icon; the first one opens
    ("home.py", "Home", ":material/home:"),
    ("traverse.py", "Traverse", ":material/tune:"),
    ("generate.py", "Generate", ":material/auto_awesome_mosaic:"),
    ("geometry.py", "Geometry", ":material/straighten:"),
    ("clusters.py", "Clusters", ":material/scatter_plot:"),
    ("ood.py", "Out of distribution", ":material/troubleshoot:"),
    ("disentangle.py", "Disentangle", ":material/grid_on:"),
    ("train.py", "Train", ":material/model_training:"),
)

st.set_page_config(page_title="GWAE Explorer", page_icon=theme.ICON, layout="wide")
if refusal := exposure.announce():
    st.error(refusal)
    st.stop()
st.html(theme.CSS)
present = [entry for entry in PAGES if (ROOT / "pages" / entry[0]).is_file()]
first = present[0]
page = st.navigation(
    [st.Page(ROOT / "pages" / row[0], title=row[1], icon=row[2], default=row is first) for row in present]
)
st.set_page_config(page_title=f"{page.title} · GWAE Explorer")  # what tabs and the browser's history say
state.begin_page(page.url_path)
with st.sidebar:
    widgets.frame()
with widgets.user_errors():
    page.run()
state.mirror()
cache.warm_up()
