"""Every view at three widths in both themes: rules of axe-core, nothing beyond the edge, no text over text."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

from tests.browser.conftest import PATIENCE, settled
from trainer.system import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
LAYOUT = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")
FOCUS = Path(__file__).with_name("focus.js").read_text(encoding="utf-8")
WIDTHS = (1440, 800, 390)
VIEWS = {
    "traverse?model=mnist-gmp": ("", "beside=mnist-vae&names=2_slant", "view=interpolation", "view=pad", "view=code"),
    "generate?model=mnist-gmp": ("beside=mnist-vae", "view=reconstructions", "view=numbers"),
    "geometry?model=mnist-gmp": ("", "view=transport", "view=course", "view=terms", "view=potential"),
    "clusters?model=mnist-gmp": (
        "focus=code&index=5&beside=mnist-vae",
        "view=list",
        "view=components",
        "view=agreement",
    ),
    "ood?model=mnist-gmp": ("", "view=mine", "view=draw"),
    "disentangle?model=shapes3d-fnp": ("axis=3&factor=2", "view=path", "view=live", "view=compare"),
    "geometry?model=mnist-gmp&beside=mnist-vae": ("view=transport&point=0,7",),
    "disentangle?model=shapes3d-fnp&beside=shapes3d-vae": ("view=path", "view=live"),
    "train?model=mnist-gmp": ("", "view=runs&run=small-gmp", "view=compare"),
    "?model=mnist-gmp": ("",),
}
ADDRESSES = [f"/{page}{'&' * bool(view)}{view}" for page, views in VIEWS.items() for view in views]
# Not ours to mend: Streamlit's uploader names a part that has no role; browsers let the keyboard into what scrolls.
FOREIGN = {"presentation-role-conflict", "scrollable-region-focusable"}
RUN = """rules => axe.run(document, { resultTypes: ["violations"], rules }).then(result => result.violations.map(
    each => `${each.id}: ${each.nodes.map(node => node.target.flat().join(" ")).slice(0, 3).join(" and ")}`))"""
OPENED: set[str] = set()
"""Kinds of popovers that a view before has opened."""
CUT = """() => { const body = document.querySelector("[data-testid=stPopoverBody]"), box = body.getBoundingClientRect();
    const cut = box.top < 0 || box.left < 0 || box.bottom > innerHeight + 1 || box.right > innerWidth + 1;
    const hidden = body.scrollHeight > body.clientHeight + 1 && !/auto|scroll/.test(getComputedStyle(body).overflowY);
    return cut || hidden ? [`${Math.round(box.top)} to ${Math.round(box.bottom)} of ${innerHeight}`] : []; }"""
SIDEBAR_IS_AWAY = "() => (document.querySelector('[data-testid=stSidebar]')?.getBoundingClientRect().right ?? 0) < 2"

IS_DARK = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === 'rgb(20, 23, 28)'"


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_view_can_be_read_by_all_at_every_width(browser, server, address):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=server)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("h1")
    settled(page)
    page.wait_for_load_state("networkidle")
    page.add_script_tag(path=AXE)
    findings = {(theme, width): _findings(page, theme, width) for theme in ("light", "dark") for width in WIDTHS}
    findings |= {(theme, "focus"): _unseen(page, theme) for theme in ("dark", "light")}  # last: they change the page
    findings["popovers"] = _cut(page)
    context.close()
    assert not any(findings.values()), {where: found for where, found in findings.items() if found}


def _findings(page, theme: str, width: int) -> list[str]:
    """What is wrong at this width in this theme, which the open page takes over from the system."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(IS_DARK if theme == "dark" else f"() => !({IS_DARK})()")
    if width < 768:  # where the sidebar lies over the page until it has slid away
        page.wait_for_function(SIDEBAR_IS_AWAY)
    settled(page)
    with contextlib.suppress(TimeoutError):  # charts take their new width a moment later; what is left is reported
        page.wait_for_function(f"() => ({LAYOUT})().length === 0", timeout=5000)
    rules = {name: {"enabled": False} for name in FOREIGN}
    broken = page.evaluate(RUN, rules)
    if broken:  # a busy machine may be looked at between two drawings: what is wrong stays wrong
        page.wait_for_timeout(2000)
        broken = page.evaluate(RUN, rules)
    return [*page.evaluate(LAYOUT), *broken]


def _cut(page) -> list[str]:
    """Popovers that do not fit a window of 1440 x 900, each kind in the first view that has it."""
    found, body = [], page.get_by_test_id("stPopoverBody")
    for button in page.get_by_test_id("stMain").get_by_test_id("stPopoverButton").all():
        is_protocol = button.evaluate("node => Boolean(node.closest('[class*=st-key-metrics-]'))")
        kind = "protocol" if is_protocol else button.inner_text().split("\n")[-1]
        if kind in OPENED or not button.is_visible():
            continue
        OPENED.add(kind)
        button.click()
        body.wait_for()
        settled(page)
        found += [f"{kind}: {finding}" for finding in page.evaluate(CUT)]
        page.keyboard.press("Escape")
        body.wait_for(state="hidden")
        settled(page)
    return found


def _unseen(page, theme: str) -> list[str]:
    """Stops of the Tab key that do not show the focus in this theme."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.wait_for_function(IS_DARK if theme == "dark" else f"() => !({IS_DARK})()")
    settled(page)
    return page.evaluate(FOCUS)
