"""Back and Forward through views of all pages, ten deep, and how much moves while a page opens."""

from __future__ import annotations

from tests.browser.conftest import PATIENCE, settled

STEPS = (
    ("Traverse", None),
    (None, "Interpolation"),
    (None, "Code"),
    ("Clusters", None),
    (None, "List"),
    ("Geometry", None),
    (None, "What is minimised"),
    ("Generate", None),
    (None, "Numbers"),
    ("Train", None),
    ("Home", None),
)
"""A page of the menu, or a view of the open one."""
WATCH = """() => { window.shifted = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift" }); }"""


# A checkpoint pins the weights of a view; the entry left behind may get it a moment later.
ADDRESS = """() => { const query = new URLSearchParams(location.search); query.delete("checkpoint");
    return `${location.pathname}?${query}`; }"""


def shown(page) -> tuple[str, str, str]:
    """Address, heading and open view."""
    settled(page)
    page.wait_for_timeout(700)  # a change is followed by the browser's own news of it
    settled(page)
    chosen = page.locator("[data-testid=stMain] [role=radiogroup][aria-label=View] [aria-checked=true]")
    view = chosen.first.inner_text() if chosen.count() else ""
    return page.evaluate(ADDRESS), page.locator("h1").inner_text(), view


def test_back_returns_the_view_before_ten_steps_deep_and_pages_stand_still(page):
    page.goto("/?model=small-gmp")
    page.wait_for_selector("h1", timeout=PATIENCE)
    seen = [shown(page)]
    page.evaluate(WATCH)
    for name, view in STEPS:
        page.evaluate("() => { window.shifted = 0; }")
        if name:
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
            page.get_by_role("heading", name=name if name != "Home" else "GWAE Explorer", level=1).wait_for()
        else:
            page.get_by_role("radio", name=view, exact=True).click()
        seen.append(shown(page))
        assert page.evaluate("window.shifted") < 0.1, (name, view)
    assert len({each[0] for each in seen}) == len(seen) - 1, "the first page is also the last"
    for before in seen[-2::-1]:
        page.evaluate("history.back()")
        page.wait_for_function(f"to => ({ADDRESS})() === to", arg=before[0], timeout=PATIENCE)
        assert shown(page) == before
    for after in seen[1:4]:
        page.evaluate("history.forward()")
        page.wait_for_function(f"to => ({ADDRESS})() === to", arg=after[0], timeout=PATIENCE)
        assert shown(page) == after
