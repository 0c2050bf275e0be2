"""OoD in a real browser: choose, drag the rate, read the table, upload, and download the CSV."""

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


def open_ood(page, link: str = "?model=small-gmp&others=0") -> None:
    page.goto(f"/ood{link}")
    settled(page)
    page.locator(".race[data-rate]").wait_for()


def counts(page) -> list[int]:
    """Accepted and flagged, of ordinary pictures and of outliers, as the table under the histogram shows them."""
    cells = page.locator(".operating tbody td")
    return [int(re.match(r"[\d,]+", text)[0].replace(",", "")) for text in cells.all_inner_texts()]


def threshold(page) -> float:
    return float(page.locator(".operating").get_attribute("data-threshold"))


def rate(page) -> float:
    return float(page.locator(".race").get_attribute("data-rate"))


def by_hand(run: Run, at: float, pair=MATCHED) -> list[int]:
    ordinary, outliers = tables.pair_rows(tables.read(run), pair, "Omniglot")
    values = [rows["score_combined"].to_numpy() for rows in (ordinary, outliers)]
    return [
        int((v <= np.float32(at)).sum()) if low else int((v > np.float32(at)).sum()) for v in values for low in (1, 0)
    ]


def assert_all_follow(page, run: Run) -> None:
    """The table, the bar, the point of the curve and the pictures agree with the stored scores at the rate shown."""
    at = threshold(page)
    expected = by_hand(run, at)
    assert at == pytest.approx(calibration.read(run).threshold("combined", rate(page)))
    assert counts(page) == expected
    bar = page.locator(".bar", has_text="small-gmp · combined")
    assert int(bar.get_attribute("data-alarms")) == expected[1]
    assert int(bar.get_attribute("data-found")) == expected[3]
    assert f"{100 * expected[3] / OUTLIERS:.1f} %" in bar.inner_text()
    point = page.locator(".roc .point.focused")
    top, bottom = (float(page.locator(".roc .now").get_attribute(end)) for end in ("y1", "y2"))
    share = (bottom - float(point.get_attribute("cy"))) / (bottom - top)
    assert share == pytest.approx(expected[3] / OUTLIERS, abs=1e-3)
    ordinary, _ = tables.pair_rows(tables.read(run), MATCHED, "Omniglot")
    shown = page.locator(".strip canvas").first
    assert int(shown.get_attribute("data-accepted")) <= expected[0] <= len(ordinary)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def test_one_slider_drives_everything_while_it_is_held_and_the_server_hears_of_the_release(page, scored):
    open_ood(page, "?model=small-gmp")
    assert rate(page) == 0.05
    assert_all_follow(page, scored)
    slider = page.locator(".race input")
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] * 139 / 220, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    seen = set()
    for share in (0.75, 0.9, 0.97):
        page.mouse.move(box["x"] + box["width"] * share, y)
        assert_all_follow(page, scored)
        seen.add(rate(page))
    assert len(seen) == 3
    assert "fpr=" not in page.url, "nothing is reported while it is held"
    held = rate(page)
    page.mouse.up()
    page.wait_for_url(re.compile(r"[?&]fpr="), timeout=PATIENCE)
    settled(page)
    assert rate(page) == held
    expect(page.locator(".gallery .name small").first).to_contain_text(f"{counts(page)[1]} of MNIST")
    page.reload()
    settled(page)
    page.locator(".race[data-rate]").wait_for()
    assert rate(page) == held, "a copied link shows the same rate"
    assert_all_follow(page, scored)


def test_the_rate_can_be_set_on_the_curves_on_the_histogram_and_by_keys_and_a_row_be_chosen(page, scored):
    open_ood(page, "?model=small-gmp&beside=small-vae&scores=combined,prior")
    for place in (".roc", ".operating .chart"):
        area = page.locator(place)
        area.scroll_into_view_if_needed()
        box, before = area.bounding_box(), rate(page)
        page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
        assert rate(page) != before
        assert_all_follow(page, scored)
    page.locator(".race input").focus()
    before = rate(page)
    page.keyboard.press("ArrowLeft")
    assert rate(page) < before
    page.wait_for_url(re.compile(r"[?&]fpr="), timeout=PATIENCE)
    settled(page)
    page.locator(".bar", has_text="small-vae · prior").click()
    page.wait_for_url(re.compile(r"[?&]focus="), timeout=PATIENCE)
    expect(page.locator(".head.focus")).to_have_text("small-vae · prior")
    expect(page.locator(".bar[aria-pressed=true]")).to_contain_text("small-vae · prior")


def test_no_control_is_shown_before_its_script_is_there(page):
    held = []
    page.route(re.compile("threshold/race.js"), lambda route: held.append(route))
    page.goto("/ood?model=small-gmp&others=0")
    settled(page)
    slider = page.locator(".race input")
    slider.wait_for(state="attached")
    expect(slider).to_be_hidden()
    for route in held:
        route.continue_()
    expect(slider).to_be_visible()
    assert sum(counts(page)) == 120 + OUTLIERS


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
@pytest.mark.parametrize(("width", "columns"), [(1440, 2), (390, 1)])
def test_both_themes_and_widths_have_room_for_everything(page, scheme, width, columns):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1000})
    open_ood(page, "?model=small-gmp")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tracks = page.locator(".halves").evaluate("element => getComputedStyle(element).gridTemplateColumns")
    assert len(tracks.split()) == columns
    race = page.locator(".race")
    assert race.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    assert race.locator(".set.outliers").get_attribute("d").count("L") > 50
