"""OoD in a real browser: choose, read the table, drag the threshold, upload, and download the CSV."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, settled
from tests.fixtures import blob_pictures
from tests.outliers import MATCHED, OUTLIERS, PUBLISHED, add_scores, stripes
from trainer.ood import calibration, command, tables
from trainer.runs import layout
from trainer.runs.folder import Run


@pytest.fixture(scope="module", autouse=True)
def scored(served_runs: Path) -> Run:
    """Two of the served models get scores."""
    for name in ("small-gmp", "small-vae"):
        if not (served_runs / name / layout.OOD_SCORES).exists():
            add_scores(Run(served_runs / name))
    return Run(served_runs / "small-gmp")


def open_ood(page, link: str = "?model=small-gmp&against=") -> None:
    page.goto(f"/ood{link}")
    settled(page)
    page.locator(".operating[data-threshold] .grip").wait_for()


def counts(page) -> list[int]:
    """Accepted and flagged, of ordinary pictures and of outliers, as the table under the histogram shows them."""
    cells = page.locator(".operating tbody td")
    return [int(re.match(r"[\d,]+", text)[0].replace(",", "")) for text in cells.all_inner_texts()]


def threshold(page) -> float:
    return float(page.locator(".operating").get_attribute("data-threshold"))


def by_hand(run: Run, at: float, pair=MATCHED) -> list[int]:
    ordinary, outliers = tables.pair_rows(tables.read(run), pair, "Omniglot")
    values = [rows["score_combined"].to_numpy() for rows in (ordinary, outliers)]
    return [
        int((v <= np.float32(at)).sum()) if low else int((v > np.float32(at)).sum()) for v in values for low in (1, 0)
    ]


def grip(page) -> tuple[float, float]:
    handle = page.locator(".operating .grip")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_threshold_follows_the_hand_and_the_server_hears_of_the_release(page, scored):
    open_ood(page)
    start = threshold(page)
    assert start == pytest.approx(calibration.read(scored).threshold("combined", 0.05))
    assert counts(page) == by_hand(scored, start)
    x, y = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=4)
    held = threshold(page)
    assert held < start
    assert counts(page) == by_hand(scored, held), "counted in the browser while it moves"
    assert "at=" not in page.url, "nothing is reported while it is held"
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]at="), timeout=PATIENCE)
    settled(page)
    assert threshold(page) == held
    assert float(re.search(r"[?&]at=([^&]+)", page.url)[1]) == held
    false_alarms = by_hand(scored, held)[1]
    if false_alarms:
        expect(page.locator(".gallery .name small").first).to_contain_text(f"{false_alarms} of MNIST")
    page.reload()
    settled(page)
    page.locator(".operating[data-threshold] .grip").wait_for()
    assert threshold(page) == held, "a copied link shows the same threshold"
    page.get_by_role("button", name="Back to the target").click()
    page.wait_for_url(re.compile(r"^((?!at=).)*$"), timeout=PATIENCE)
    settled(page)
    assert threshold(page) == pytest.approx(start)


def test_no_control_is_shown_before_its_script_is_there(page):
    held = []
    page.route(re.compile("threshold/point.js"), lambda route: held.append(route))
    page.goto("/ood?model=small-gmp&against=")
    settled(page)
    handle = page.locator(".operating .grip")
    handle.wait_for(state="attached")
    expect(handle).to_be_hidden()
    for route in held:
        route.continue_()
    expect(handle).to_be_visible()
    assert sum(counts(page)) == 120 + OUTLIERS


def test_the_arrow_keys_move_the_threshold(page, scored):
    open_ood(page)
    start = threshold(page)
    page.locator(".operating .handle").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    page.wait_for_url(re.compile(r"[?&]at="), timeout=PATIENCE)
    assert threshold(page) > start
    assert counts(page) == by_hand(scored, threshold(page))


def test_the_page_from_choosing_to_the_csv(page, scored, tmp_path):
    open_ood(page)
    page.locator("[data-testid=stSelectbox]", has_text="MNIST against").locator("input").click()
    page.get_by_role("option", name="Omniglot, as published").click()
    page.wait_for_url(re.compile("as(%20|\\+)published"), timeout=PATIENCE)
    settled(page)
    metric = next(m for m in scored.metrics if m.name == f"AUROC, combined, {PUBLISHED.name}")
    row = page.locator(".st-key-scores-ood tr", has_text="small-gmp · combined")
    expect(row).to_contain_text(f"{metric.value:.3f}")
    expect(row).to_contain_text(f"{metric.low:.3f}")
    expect(page.locator(".st-key-scores-ood tr", has_text="baseline")).to_have_count(4)  # the head names it too

    page.get_by_role("radio", name="Check my pictures").or_(
        page.get_by_role("button", name="Check my pictures")
    ).first.click()
    files = {f"blob-{i}.png": png(picture[0]) for i, picture in enumerate(blob_pictures(3, seed=9)[0])}
    files |= {"stripes.png": png(stripes(1)[0][0]), "broken.png": b"\x89PNG\r\n\x1a\nnothing"}
    archive = tmp_path / "mine.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(str(archive))
    page.get_by_test_id("stDataFrame").first.wait_for()
    settled(page)
    expect(page.get_by_text("1 file was left out, the others were scored")).to_be_visible()
    expect(page.get_by_text(re.compile("broken.png: "))).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="CSV").click()
    command.score(scored, [archive], tmp_path / "cli.csv")
    assert Path(downloading.value.path()).read_bytes() == (tmp_path / "cli.csv").read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "columns"), [(1440, 2), (800, 1)])
def test_both_themes_and_widths_have_room_for_everything(page, scheme, width, columns):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1000})
    open_ood(page, "?model=small-gmp")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tracks = page.locator(".st-key-ood-charts").evaluate("element => getComputedStyle(element).gridTemplateColumns")
    assert len(tracks.split()) == columns
    point = page.locator(".operating")
    assert point.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    assert point.locator(".bars.outliers").get_attribute("d").count("L") > 50
