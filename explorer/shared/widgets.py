"""Pieces that every page shares: header, model picker, numbers with their protocol, empty states, errors."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import streamlit as st

from explorer.components import address
from explorer.shared import beside, cache, catalog, escape, own_axis_names, pixels, share, state
from explorer.shared.escape import code, markdown
from trainer.errors import UserError
from trainer.runs.folder import Metric
from trainer.system import mode

_PICKER = "gwae.picker"


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Show a UserError in place of the rest of the block; other exceptions are faults and pass."""
    try:
        yield
    except UserError as error:
        st.error(markdown(error), icon=":material/error:")


def page_header(title: str, sentence: str) -> None:
    """Draw the title of a page and one sentence on its content."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(title, anchor=False, width="stretch")
        share.popover(title)
    st.markdown(f":gray[{sentence}]")


def empty_state(title: str, sentence: str, command: str | None = None, icon: str = ":material/inbox:") -> None:
    """Draw a box in place of content: what is missing, what to do next, and the command for it."""
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        st.markdown(f"{icon} **{title}**", width="content")
        st.markdown(f":gray[{sentence}]", width="content", text_alignment="center")
        if command:
            st.code(command, language="bash", width="content")


def not_offered(what: str) -> None:
    """Draw the line on what this server does not do, in place of the control for it (trainer/system/mode.py)."""
    st.caption(f":material/visibility: {mode.not_offered(what)}", width="content")


def hints(rows: Sequence[tuple[str, str]]) -> None:
    """Draw a box of possible actions: an icon and a sentence each."""
    with st.container(border=True, gap="small"):
        for icon, sentence in rows:
            st.markdown(f":gray[:material/{icon}:]&ensp;{sentence}")


def open_page(name: str) -> NoReturn:
    """Open pages/<name>.py; save its state before."""
    st.switch_page(catalog.ROOT / "pages" / f"{name}.py")


def require_model() -> catalog.Entry:
    """Return the selected model; without one, draw what to do and end the page."""
    entry = state.selected_model()
    if entry is None:
        no_models()
        st.stop()
    return entry


def no_models() -> None:
    """Draw the empty state of every page without models."""
    if mode.is_view():
        empty_state("No model to open yet", "This server shows no models so far.", icon=":material/model_training:")
        return
    empty_state(
        "No model to open yet",
        "Train one on the page Train or with the command below; it appears here with its first checkpoint.",
        "python -m trainer fit trainer/configs/mnist-gmp.yaml --max-minutes 2 --out runs/first",
        icon=":material/model_training:",
    )


def model_page(title: str, sentence: str, show: Callable[[catalog.Entry], None]) -> None:
    """Draw a page about the selected model: its header, and the content by `show`."""
    page_header(title, sentence)
    entry = require_model()
    with user_errors(), st.container(gap="medium"):
        show(entry)


def follow_model(page: state.Page, entry: catalog.Entry, warning: str, reset: Callable[[], dict[str, Any]]) -> None:
    """Keep the state's `checkpoint` that of the model.

    Args:
        warning: what differs if a link was made with other weights.
        reset: fields that belong to one model; called, and changed, where another model was shown before.
    """
    key = f"{page.name}.checkpoint"
    view, before = page.current(), st.session_state.get(key)
    st.session_state[key] = entry.hash
    if view.checkpoint == entry.hash:
        return
    if before is None and view.checkpoint:
        weights = f"This link was made with other weights ({view.checkpoint}, here {entry.hash})"
        st.info(f"{weights}; {warning}", icon=":material/difference:")
    page.change(checkpoint=entry.hash, **({} if before is None else reset()))


def segments(label: str, titles: Mapping[Any, str], **options: Any) -> Any:
    """Return one of several values, chosen by its title in a row of buttons."""
    return st.segmented_control(label, list(titles), format_func=titles.__getitem__, required=True, **options)


def view_selector(page: state.Page, titles: Mapping[str, str]) -> str:
    """Return the open view of a page, chosen here by its title."""
    segments("View", titles, label_visibility="collapsed", **page.bound("view"))
    return page.current().view


def download(label: str, data: Any, file_name: str, mime: str, is_shared: bool = True, **options: Any) -> None:
    """Draw a download that does not rerun the page; the popover Share has it too.

    Args:
        data: may be a function, called when the file is asked for.
        is_shared: False for what is larger than a view, or a zip itself.
    """
    if is_shared:
        share.offer(file_name, data if callable(data) else lambda: data, mime)
    options = {"icon": ":material/download:", "on_click": "ignore"} | options
    st.download_button(label, data, file_name, mime, **options)


def chart(figure: Any, key: str, file: str = "", **options: Any) -> None:
    """Draw a figure of `theme.figure`; with the name of a `file` it can be saved as SVG."""
    export = {"modeBarButtons": [["toImage"]], "toImageButtonOptions": {"format": "svg", "filename": file}}
    config = {"displaylogo": False, **export} if file else {"displayModeBar": False}
    share.chart(figure, key)
    st.plotly_chart(escape.figure(figure), theme=None, key=key, **{"config": config, **options})


# ---------------------------------------------------------------- the model picker


def frame() -> None:
    """Draw what every page has beside it (sidebar): the model and those to compare with."""
    address.keep()
    model_picker()


def model_picker() -> None:
    """Draw the choice of the model, with thumbnail and short hash (sidebar)."""
    entry = state.selected_model()
    if entry is None:
        st.caption("No model to open yet.")
        return
    own_axis_names.bring_to_link(entry)
    names = [choice.name for choice in catalog.usable()]
    st.session_state[_PICKER] = entry.name
    st.selectbox("Model", names, key=_PICKER, on_change=_picked)
    picture = thumbnail(entry)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        if picture is not None:
            st.image(picture, width=64, output_format="PNG", alt=f"Four test pictures of {entry.name}")
        st.caption(f"{entry.data_title} · {entry.prior_title}  \n`{entry.hash}`", width="stretch")
    beside.picker(entry)


def _picked() -> None:
    state.select_model(st.session_state[_PICKER])


def thumbnail(entry: catalog.Entry) -> np.ndarray | None:
    """Return four test pictures in a square, or None where the folder holds none. Needs no torch."""
    try:
        four = cache.originals(entry, 4)
    except UserError:
        return None
    return pixels.strip([four[:2], four[2:4]], gap=1) if len(four) == 4 else None


# ---------------------------------------------------------------- numbers and their protocol


def format_value(metric: Metric) -> str:
    """Return a metric as text, with its unit and the digits that its size deserves."""
    return f"{metric.value:.{_decimals(metric)}f} {markdown(metric.unit)}".strip()


def format_interval(metric: Metric) -> str:
    """Return "[low, high]" in as many digits as the value has; empty without an interval."""
    decimals = _decimals(metric)
    return "" if metric.low is None else f"[{metric.low:.{decimals}f}, {metric.high:.{decimals}f}]"


def _decimals(metric: Metric) -> int:
    """Return how many decimals: decibels 1, counts none, else fewer for large numbers and more for small ones."""
    size = abs(metric.value)
    if metric.unit == "dB":
        return 1
    if size > 1 and float(size).is_integer():
        return 0
    return next((decimals for above, decimals in ((100, 0), (10, 1), (0.01, 3)) if size >= above), 5 if size else 3)


def protocol_card(metric: Metric, label: str | None = None, key: str | None = None) -> None:
    """Draw the name of a metric, which opens its protocol."""
    with st.popover(label or markdown(metric.name), type="tertiary", key=key, help=None):
        st.markdown(protocol_text(metric))


def protocol_text(metric: Metric) -> str:
    """Return the protocol of a metric as a Markdown table: data, split, n, seed, estimator, interval, checkpoint."""
    rows = [
        ("Data", markdown(f"{metric.data}, {metric.split}")),
        ("n", f"{metric.n:,}"),
        ("Seed", "none used" if metric.seed is None else str(metric.seed)),
        ("Estimator", markdown(metric.estimator)),
    ]
    if metric.interval:
        rows.append(("Range" if metric.group == "seeds" else "95 % interval", metric.interval))
    rows.append(("Better", "higher" if metric.higher_is_better else "lower"))
    rows.append(("Checkpoint", code(metric.checkpoint)))
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join([f"| **{markdown(metric.name)}** | **{format_value(metric)}** |", "|---|---|", *lines])


def number(metric: Metric, key: str, label: str | None = None) -> None:
    """Draw a metric's value above its name, which opens its protocol."""
    with st.container(width="content", gap=None):
        st.markdown(f"**{format_value(metric)}**", width="content")
        protocol_card(metric, label, key)


def metric_row(metrics: Sequence[Metric], key: str) -> None:
    """Draw metrics side by side, each with its protocol; `key` tells rows on one page apart."""
    with st.container(
        horizontal=True, wrap=False, gap="xsmall", horizontal_alignment="distribute", key=f"metrics-{key}"
    ):
        for position, metric in enumerate(metrics):
            number(metric, f"protocol-{key}-{position}")


# ---------------------------------------------------------------- pictures


def strip(rows: Sequence[np.ndarray], alt: str, gap: int = 2, file: str = "") -> None:
    """Draw rows of pictures, uint8 (n, C, H, W) each, in the whole width; by the name of a `file` Share has them."""
    if file:
        share.pictures(file, [(alt if row is rows[0] else "", row) for row in rows])
    st.image(pixels.strip(rows, gap), width="stretch", output_format="PNG", alt=alt)


def picture(array: np.ndarray, caption: str, width: int = 112) -> None:
    """Draw a picture, uint8 (C, H, W), above its caption."""
    png = pixels.picture_png(array, max(1, 2 * width // array.shape[-1]))
    with st.container(width=width, gap=None):
        st.image(pixels.inline(png), width=width, alt=caption)
        st.caption(markdown(caption), text_alignment="center")
