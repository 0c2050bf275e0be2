"""Clusters in a real browser: clicking points and empty places, the lasso, one's own picture, and a map computed."""

from __future__ import annotations

import re
import shutil
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import settled, wait_until
from tests.fixtures import blob_pictures, make_run
from trainer.latent import map as mapping
from trainer.latent import map_file
from trainer.latent.map_file import MapSettings
from trainer.runs import layout

PATIENCE = 90_000  # ms; a busy machine is no failure
CHART = ".st-key-clusters-chart .js-plotly-plot"
AT = """([selector, x, y]) => {
  const chart = document.querySelector(selector), { xaxis, yaxis } = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
}"""


@pytest.fixture(scope="module", autouse=True)
def mapped(served_runs: Path) -> map_file.Map:
    """A model with a stored map: a linear one under the usual settings, which costs nothing. And one without any."""
    if not (served_runs / "plain").exists():
        make_run(served_runs / "plain", kind="vae", pictures=80)
    run = make_run(served_runs / "mapped", trained=True, pictures=300)
    made = mapping.of_run(run, MapSettings(method="pca"))
    meta = made.meta | {"settings": MapSettings().model_dump(), "trustworthiness": 0.9712}
    found = map_file.Map(made.frame, meta)
    map_file.write(found, run.path / layout.MAP)
    return found


@pytest.fixture(scope="module", autouse=True)
def _remove(served_runs: Path):
    yield
    for name in ("plain", "mapped"):
        shutil.rmtree(served_runs / name, ignore_errors=True)


def open_map(page, link: str = "?model=mapped") -> None:
    page.goto(f"/clusters{link}")
    page.wait_for_selector(f"{CHART} .gl-canvas", timeout=PATIENCE)
    settled(page, PATIENCE / 1000)
    page.wait_for_function(f"() => document.querySelector('{CHART}')?._fullLayout?.xaxis?._length > 0")


def click(page, x: float, y: float) -> None:
    """Click a place of the map, given in its coordinates, as a hand would: there first, then down."""
    page.mouse.move(*page.evaluate(AT, [CHART, float(x), float(y)]))
    page.wait_for_timeout(250)
    page.mouse.down()
    page.mouse.up()


def query(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def lonely(made: map_file.Map) -> pd.Series:
    """The test code with the most room around it on the map."""
    codes = made.frame[made.frame["kind"] == "code"]
    places = made.frame[["x", "y"]].to_numpy()
    distances = np.linalg.norm(codes[["x", "y"]].to_numpy()[:, None] - places, axis=2)
    distances[np.arange(len(codes)), np.arange(len(codes))] = np.inf
    return codes.iloc[distances.min(1).argmax()]


def gap(made: map_file.Map) -> tuple[float, float]:
    """A place far from every point, within the map."""
    places = made.frame[["x", "y"]].to_numpy()
    grid = np.stack(np.meshgrid(*(np.linspace(places[:, i].min(), places[:, i].max(), 60) for i in (0, 1))), -1)
    tried = grid.reshape(-1, 2)
    return tuple(tried[np.linalg.norm(tried[:, None] - places, axis=2).min(1).argmax()].tolist())


def test_a_point_shows_its_picture_and_a_ring(page, mapped):
    open_map(page, "?model=mapped&layers=")
    point = lonely(mapped)
    click(page, point["x"], point["y"])
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text(point["id"])).to_be_visible(timeout=PATIENCE)
    settled(page)
    assert query(page)["focus"] == "code"
    assert query(page)["index"] == str(int(point["id"][-5:]))
    expect(panel.get_by_text("reconstruction", exact=True)).to_be_visible()
    ring = page.locator(".gwae-pin")
    box, (x, y) = ring.bounding_box(), page.evaluate(AT, [CHART, float(point["x"]), float(point["y"])])
    assert abs(box["x"] + box["width"] / 2 - x) < 2
    assert abs(box["y"] + box["height"] / 2 - y) < 2
    page.get_by_test_id("stPlotlyChart").locator(".modebar-btn[data-val=in]").click()  # it moves with the zoom
    page.wait_for_timeout(600)
    if ring.count():
        x, y = page.evaluate(AT, [CHART, float(point["x"]), float(point["y"])])
        assert abs(ring.bounding_box()["x"] + 11 - x) < 2


def test_an_empty_place_is_decoded_with_its_reliability(page, mapped):
    open_map(page, "?model=mapped&layers=")
    x, y = gap(mapped)
    click(page, x, y)
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text("Empty place")).to_be_visible(timeout=PATIENCE)
    settled(page)
    expect(panel.get_by_text(re.compile(r"Reliability [01]\.\d\d"))).to_be_visible()
    extent = np.ptp(mapped.frame[["x", "y"]].to_numpy(), axis=0).max()
    shown = [float(value) for value in query(page)["at"].split(",")]
    assert np.hypot(shown[0] - x, shown[1] - y) < extent / 50
    assert panel.locator("img").count() == 1
    panel.get_by_role("button", name="Open in Traverse").click()
    page.get_by_role("heading", name="Traverse", exact=True).wait_for(timeout=PATIENCE)
    settled(page, PATIENCE / 1000)
    assert query(page)["model"] == "mapped"
    assert len(query(page)["edits"].split(",")) == 8


def test_what_the_lasso_holds_is_shown_and_leads_on(page, mapped):
    open_map(page)
    codes = mapped.frame[mapped.frame["kind"] == "code"]
    places = codes[["x", "y"]].to_numpy()
    centre = np.median(places, axis=0)
    radius = np.quantile(np.linalg.norm(places - centre, axis=1), 0.3)
    page.locator(".modebar-btn[data-val=lasso]").click()
    corners = [centre + radius * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 2 * np.pi, 41)]
    page.mouse.move(*page.evaluate(AT, [CHART, *corners[0].tolist()]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*page.evaluate(AT, [CHART, *corner.tolist()]))
    page.mouse.up()
    heading = page.get_by_role("heading", name=re.compile(r"\d+ selected"))
    heading.wait_for(timeout=PATIENCE)
    settled(page)
    inside = int((np.linalg.norm(places - centre, axis=1) < radius).sum())
    assert abs(int(heading.inner_text().split()[0]) - inside) <= 4  # corners are cut, edges are pixels
    gallery = page.locator(".st-key-clusters-gallery, .st-key-clusters\\.gallery").first
    tile = gallery.get_by_role("button").first
    title = tile.get_attribute("title")
    tile.click()
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text(title.split(" · ")[1])).to_be_visible(timeout=PATIENCE)
    assert codes.set_index("id").loc[title.split(" · ")[1]] is not None


def test_ones_own_picture_is_placed(page, mapped, tmp_path):
    open_map(page)
    picture, _ = blob_pictures(300)  # the fixture's: as many, or the noise would differ
    buffer = BytesIO()
    Image.fromarray(picture[4, 0]).save(buffer, "PNG")
    page.get_by_role("button", name="Place a picture").click()
    file = {"name": "four.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([file])
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text("Your picture")).to_be_visible(timeout=PATIENCE)
    settled(page, PATIENCE / 1000)
    page.keyboard.press("Escape")
    expect(panel.get_by_text("four.png")).to_be_visible()
    page.wait_for_function(
        f"() => document.querySelector('{CHART}').data.some(trace => trace.name === 'your picture')", timeout=PATIENCE
    )
    star = page.evaluate(
        f"() => {{ const t = document.querySelector('{CHART}').data.find(t => t.name === 'your picture');"
        "return [t.x[0], t.y[0]]; }"
    )
    want = mapped.frame.set_index("id").loc["mnist-test-00004", ["x", "y"]]  # the same blob, so the same place
    np.testing.assert_allclose(star, want.astype(float), atol=0.02)


def test_a_map_is_computed_while_the_linear_one_is_shown(page):
    open_map(page, "?model=plain")
    expect(page.get_by_text("The UMAP map of these settings is not computed yet.")).to_be_visible()
    page.get_by_role("button", name="Compute it").click()
    expect(page.get_by_text("meanwhile the linear map (PCA) is shown")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(f"{CHART} .gl-canvas").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"by UMAP .* Trustworthiness 0\.\d{3}"))).to_be_visible(timeout=200_000)
    expect(page.get_by_text("meanwhile the linear map")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800])
@pytest.mark.parametrize("view", ["map", "components", "agreement"])
def test_every_view_fits_both_themes_and_widths(page, scheme, width, view):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1100})
    page.goto(f"/clusters?model=mapped&view={view}&focus=code&index=3")
    page.get_by_role("heading", name="Clusters").wait_for(timeout=PATIENCE)
    settled(page, PATIENCE / 1000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    main = page.get_by_test_id("stMain")
    fits = lambda: main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")  # noqa: E731
    wait_until(fits, 20)  # the chart is drawn once before it knows its width
    assert fits()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for picture in main.locator("img").all():
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
