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
from trainer.models import onnx_export
from trainer.runs import layout
from trainer.runs.folder import Run

PATIENCE = 90_000  # ms; a busy machine is no failure
WAIT = 350  # ms a finger rests until it is a pointer; a little more below
BRIGHT = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, i) => i % 4 < 3).reduce((a, b) => Math.max(a, b), 0);
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
    page.locator(".scatter[data-painted]").wait_for(timeout=PATIENCE)
    settled(page, PATIENCE / 1000)


def at(page, x: float, y: float) -> tuple[float, float]:
    """The pixel of the page where a place of the map lies."""
    left, bottom, scale = map(float, page.locator(".scatter").get_attribute("data-view").split(","))
    box = page.locator(".field").bounding_box()
    across, up = (float(x) - left) * scale, (float(y) - bottom) * scale
    return box["x"] + box["width"] / 2 + across, box["y"] + box["height"] / 2 - up


def click(page, x: float, y: float) -> None:
    """Click a place of the map, given in its coordinates."""
    page.mouse.click(*at(page, x, y))


def drawn(page, corners) -> None:
    """Draw over places of the map with the button held."""
    page.mouse.move(*at(page, *corners[0]))
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*at(page, *corner))
    page.mouse.up()


def query(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def isolated(made: map_file.Map) -> pd.Series:
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
    point = isolated(mapped)
    click(page, point["x"], point["y"])
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text(point["id"])).to_be_visible(timeout=PATIENCE)
    settled(page)
    assert query(page)["focus"] == "code"
    assert query(page)["index"] == str(int(point["id"][-5:]))
    expect(panel.get_by_text("reconstruction", exact=True)).to_be_visible()
    ring = page.locator(".ring")
    box, (x, y) = ring.bounding_box(), at(page, point["x"], point["y"])
    assert abs(box["x"] + box["width"] / 2 - x) < 2
    assert abs(box["y"] + box["height"] / 2 - y) < 2
    page.get_by_role("button", name="Zoom in").click()  # it moves with the zoom
    page.wait_for_timeout(300)
    if ring.is_visible():
        x, y = at(page, point["x"], point["y"])
        assert abs(ring.bounding_box()["x"] + 11 - x) < 2


def test_an_empty_place_is_decoded_with_its_reliability(page, mapped):
    open_map(page, "?model=mapped&layers=")
    x, y = gap(mapped)
    click(page, x, y)
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text("Empty place", exact=True)).to_be_visible(timeout=PATIENCE)
    settled(page)
    expect(panel.get_by_text(re.compile(r"Reliability [01]\.\d\d"))).to_be_visible()
    extent = np.ptp(mapped.frame[["x", "y"]].to_numpy(), axis=0).max()
    shown = [float(value) for value in query(page)["at"].split(",")]
    assert np.hypot(shown[0] - x, shown[1] - y) < extent / 50
    assert panel.locator("img").count() == 1
    field = page.locator(".field").bounding_box()
    for down in (6, field["height"] - 6):  # the bands above and below all points answer too
        before = page.url
        page.mouse.click(field["x"] + 40, field["y"] + down)
        page.wait_for_url(lambda url, before=before: url != before, timeout=PATIENCE)
        assert query(page)["focus"] == "place"
    click(page, x, y)
    expect(panel.get_by_text("Empty place", exact=True)).to_be_visible(timeout=PATIENCE)
    settled(page)
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
    page.get_by_role("radio", name="Lasso").click()
    drawn(page, [centre + radius * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 2 * np.pi, 41)])
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
    settled(page)
    link = urlparse(page.url).query  # the link holds the selection, and opens it elsewhere
    assert query(page)["selected"]
    open_map(page, f"?{link}")
    heading.wait_for(timeout=PATIENCE)
    assert abs(int(heading.inner_text().split()[0]) - inside) <= 4
    page.locator(".field").focus()
    page.keyboard.press("Escape")
    expect(heading).to_have_count(0, timeout=PATIENCE)


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
    star = page.locator(".own")
    star.wait_for(timeout=PATIENCE)
    box = star.bounding_box()
    want = mapped.frame.set_index("id").loc["mnist-test-00004", ["x", "y"]].astype(float)  # the same blob
    x, y = at(page, *want)
    assert abs(box["x"] + box["width"] / 2 - x) < 3
    assert abs(box["y"] + box["height"] / 2 - y) < 3


@pytest.fixture(scope="module")
def decodable(served_runs: Path, mapped: map_file.Map) -> str:
    """The mapped model with its decoder for the browser."""
    run = Run(served_runs / "mapped")
    onnx_export.export_decoder(run.load_model(), run.path / layout.DECODER)
    return "?model=mapped&layers="


def test_the_lens_shows_a_point_and_decodes_where_none_is(page, mapped, decodable):
    open_map(page, decodable)
    lens, scatter = page.locator(".lens"), page.locator(".scatter")
    point = isolated(mapped)
    page.mouse.move(*at(page, point["x"], point["y"]))
    expect(lens.locator("small")).to_have_text(re.compile(rf"picture {int(point['id'][-5:])}\b"))
    expect(lens.locator("b")).to_have_text(str(int(point["id"][-5:]) % 10))
    looked = int(scatter.get_attribute("data-looked") or 0)
    page.mouse.move(*at(page, *gap(mapped)))
    expect(lens.locator("b")).to_have_text("Decoded here")
    expect(lens.locator("small")).to_have_text(re.compile(r"reliability [01]\.\d\d"))
    wait_until(lambda: int(scatter.get_attribute("data-looked") or 0) > looked, 30)
    assert int(scatter.get_attribute("data-looked")) > looked
    assert lens.locator("canvas").evaluate(BRIGHT) > 20
    page.mouse.move(5, 5)
    expect(lens).to_be_hidden()


def test_a_path_paints_what_lies_between(page, mapped, decodable):
    open_map(page, decodable)
    codes = mapped.frame[mapped.frame["kind"] == "code"][["x", "y"]].to_numpy()
    page.keyboard.down("Alt")
    drawn(page, [codes[0].tolist(), codes[1].tolist()])
    page.keyboard.up("Alt")
    frames = page.locator(".frames button")
    expect(frames.last).to_have_attribute("title", re.compile("11 of 11, reliability"), timeout=PATIENCE)
    assert min(frame.evaluate(BRIGHT) for frame in frames.locator("canvas").all()) > 20
    frames.nth(5).click()
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text("Empty place", exact=True)).to_be_visible(timeout=PATIENCE)
    settled(page)
    x, y = (float(value) for value in query(page)["at"].split(","))
    np.testing.assert_allclose([x, y], codes[:2].mean(0), atol=0.02 * np.ptp(codes, axis=0).max())


def test_badges_are_pictures_and_win_the_click_over_points_below(page, mapped):
    open_map(page)
    badges = page.locator(".badges button")
    assert badges.count() == 10
    centres = mapped.frame[mapped.frame["kind"] == "centre"][["x", "y"]].to_numpy()
    assert badges.first.locator("canvas").evaluate("canvas => [canvas.width, canvas.height]") == [32, 32]
    for k in (3, 7):
        box, (x, y) = badges.nth(k).bounding_box(), at(page, *centres[k])
        assert abs(box["x"] + box["width"] / 2 - x) < 2
        assert abs(box["y"] + box["height"] / 2 - y) < 2
        badges.nth(k).dispatch_event("click")  # badges of this small model lie upon one another
        expect(page.locator(".st-key-clusters-panel").get_by_text(f"Component {k}", exact=True)).to_be_visible(
            timeout=PATIENCE
        )
    top = page.evaluate(
        """([x, y]) => {
          let node = document.elementFromPoint(x, y);
          while (node.shadowRoot) node = node.shadowRoot.elementFromPoint(x, y);
          return node.closest("button").parentElement.className;
        }""",
        at(page, *centres[3]),
    )
    assert top == "badges"


def test_the_keyboard_goes_from_point_to_point_and_opens_one(page, mapped):
    open_map(page, "?model=mapped&layers=")
    page.locator(".field").focus()
    seen = set()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
        note = page.locator(".lens small")
        expect(note).to_have_text(re.compile(r"picture \d+"))
        seen.add(note.inner_text())
    assert len(seen) >= 3
    last = int(re.search(r"\d+", note.inner_text())[0])
    page.keyboard.press("Enter")
    panel = page.locator(".st-key-clusters-panel")
    expect(panel.get_by_text(f"mnist-test-{last:05d}", exact=True)).to_be_visible(timeout=PATIENCE)
    before = page.locator(".scatter").get_attribute("data-view")
    page.keyboard.press("+")
    wait_until(lambda: page.locator(".scatter").get_attribute("data-view") != before, 10)
    scale = lambda text: float(text.split(",")[2])  # noqa: E731
    assert scale(page.locator(".scatter").get_attribute("data-view")) > scale(before)


def test_a_finger_held_still_looks_and_a_tap_opens(browser, server, mapped, decodable):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=server, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    open_map(page, decodable)
    point = isolated(mapped)
    page.locator(".field").scroll_into_view_if_needed()
    x, y = at(page, point["x"], point["y"])
    touch = context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    page.wait_for_timeout(WAIT + 250)
    expect(page.locator(".lens small")).to_have_text(re.compile(r"picture \d+"))
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".lens")).to_be_hidden()
    assert "focus" not in query(page)
    page.touchscreen.tap(*at(page, point["x"], point["y"]))
    expect(page.locator(".st-key-clusters-panel").get_by_text(point["id"])).to_be_visible(timeout=PATIENCE)
    context.close()


def test_the_legend_names_the_colours_is_in_view_and_sets_points_off(page):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_map(page)
    entries = page.locator(".legend button")
    assert entries.all_inner_texts() == [str(label) for label in range(10)]
    field = page.locator(".field").bounding_box()
    assert entries.last.bounding_box()["y"] + 20 < field["y"] < field["y"] + field["height"] <= 900
    colours = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    before = page.locator(".field > canvas").first.evaluate(colours)
    painted = page.locator(".scatter").get_attribute("data-painted")
    entries.nth(3).click()
    wait_until(lambda: page.locator(".scatter").get_attribute("data-painted") != painted, 10)
    assert page.locator(".field > canvas").first.evaluate(colours) != before
    expect(entries.nth(3)).to_have_attribute("aria-pressed", "true")


def test_a_cell_of_the_agreement_opens_its_pictures_and_they_the_map(page, mapped):
    page.goto("/clusters?model=mapped&view=agreement")
    cell = page.locator(".crosstab button").first
    cell.wait_for(timeout=PATIENCE)
    count = int(cell.inner_text().replace(",", ""))
    row, label = re.search(r"component (\d+), label (\d+)", cell.get_attribute("title")).groups()
    cell.click()
    expect(page.get_by_role("heading", name=f"Component {row}, label {label}")).to_be_visible(timeout=PATIENCE)
    settled(page)
    assert query(page)["cell"] == f"{row},{label}"
    tiles = page.locator(".gallery .tile")
    assert tiles.count() == min(count, 120)
    title = tiles.first.get_attribute("title")
    tiles.first.click()
    page.locator(".scatter[data-painted]").wait_for(timeout=PATIENCE)
    expect(page.locator(".st-key-clusters-panel").get_by_text(title.split(" · ")[1])).to_be_visible(timeout=PATIENCE)


def test_the_list_opens_a_picture(page):
    page.goto("/clusters?model=mapped&view=list&focus=code&index=12")
    table = page.get_by_test_id("stDataFrame")
    table.wait_for(timeout=PATIENCE)
    settled(page)
    expect(page.locator(".st-key-clusters-panel").get_by_text("mnist-test-00012")).to_be_visible(timeout=PATIENCE)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 20, box["y"] + 52)  # the box of the first row
    expect(page.locator(".st-key-clusters-panel").get_by_text("mnist-test-00000")).to_be_visible(timeout=PATIENCE)


def test_a_map_is_computed_while_the_linear_one_is_shown(page):
    open_map(page, "?model=plain")
    expect(page.get_by_text("The UMAP map of these settings is not computed yet.")).to_be_visible()
    page.get_by_role("button", name="Compute it").click()
    expect(page.get_by_text("meanwhile the linear map (PCA) is shown")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".scatter[data-painted]")).to_be_visible()
    expect(page.get_by_text(re.compile(r"by UMAP .* Trustworthiness 0\.\d{3}"))).to_be_visible(timeout=200_000)
    expect(page.get_by_text("meanwhile the linear map")).to_have_count(0)
