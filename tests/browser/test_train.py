"""Train in a real browser: start, watch, reload in the middle, stop, resume, open in Traverse; a killed server."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import APP, PATIENCE, App, fresh_page, settled, streamlit, wait_until
from tests.fixtures import blob_pictures
from trainer import config
from trainer.jobs import queue
from trainer.runs import monitor
from trainer.runs.folder import create
from trainer.runs.status import look
from trainer.training import checkpoint

SETTINGS = ",".join(
    ["optim.max_steps=1000000", "optim.validate_every=50", "optim.batch_size=16", "optim.patience=100000",
     "model.width=4", "model.z_dim=4"]
)  # fmt: skip
TRAINING = 300_000
"""Milliseconds for what a process at low priority does, which first imports torch, on a busy machine."""
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture
def archive(tmp_path) -> Path:
    """A zip of 60 pictures in two classes, with a damaged one among them."""
    path = tmp_path / "blobs.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for index, picture in enumerate(blob_pictures(60)[0]):
            buffer = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture[0])).save(buffer, "PNG")
            opened.writestr(f"blobs/{'odd' if index % 2 else 'even'}/{index}.png", buffer.getvalue())
        opened.writestr("blobs/odd/broken.png", b"\x89PNG\r\n\x1a\nnothing")
    return path


@pytest.fixture
def trained(served_runs):
    """Folder of the run of a test; whatever trains there afterwards is killed."""
    names: list[str] = []

    def folder(name: str) -> Path:
        names.append(name)
        return served_runs / name

    yield folder
    for name in names:
        (served_runs / name / "training" / "request.json").unlink(missing_ok=True)
        if look(served_runs / name).is_active:
            queue.end_by_force(served_runs / name)


def step(page) -> int:
    """The step the page shows, 0 while there is none."""
    text = page.get_by_test_id("stProgress").first.inner_text(timeout=TRAINING)
    found = re.search(r"Step ([\d,]+)", text)
    return int(found[1].replace(",", "")) if found else 0


def later_step(page, seen: int) -> int:
    """Wait until the page shows a later step."""
    wait_until(lambda: step(page) > seen, TRAINING / 1000)
    now = step(page)
    assert now > seen
    return now


def points(page) -> int:
    """How many points the first of the curves has, 0 where there is none."""
    return page.evaluate(
        "() => document.querySelector('.st-key-train-curves .js-plotly-plot')?.calcdata?.[0]?.length ?? 0"
    )


def watch_it_move(page) -> int:
    """Wait until curves and pictures are there and the curves have grown; returns the step that is shown then."""
    expect(page.get_by_text("Samples from the prior")).to_be_visible(timeout=TRAINING)
    page.get_by_text("Curves", exact=True).click(timeout=TRAINING)
    expect(page.locator(".st-key-train-curves .js-plotly-plot").first).to_be_visible(timeout=TRAINING)
    drawn = points(page)
    wait_until(lambda: points(page) > drawn, TRAINING / 1000)
    assert points(page) > drawn, "the curves move"
    return later_step(page, 0)


def click(page, label: str) -> None:
    settled(page)
    page.get_by_role("button", name=label, exact=True).click(timeout=PATIENCE)


def begin(page, data: str, name: str) -> None:
    """Fill in the form by its address."""
    page.goto(
        f"/train?preset=mnist-vae&data={data}&choice=vae&changes={SETTINGS},data.size=32,data.channels=1&name={name}"
    )
    settled(page)


def test_the_life_of_a_training_on_real_digits(page, trained):
    folder = trained("digits")
    begin(page, "mnist", "digits")
    click(page, "Start training")
    page.wait_for_url(re.compile("run=digits"), timeout=PATIENCE)
    before = watch_it_move(page)
    assert "MNIST: 9000 training pictures" in monitor.log(folder)

    page.reload()
    expect(page.get_by_text("Samples from the prior")).to_be_visible(timeout=TRAINING)
    assert later_step(page, before) > before, "it went on while nobody looked"

    click(page, "Stop")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible(timeout=TRAINING)
    stopped = look(folder)
    assert stopped.phase == "stopped"
    assert checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step == stopped.step
    click(page, "Resume")
    # The step that the page shows: while it still turns from "starting" to "training", it is built anew, and a click
    # may meet a button that is no longer there.
    assert later_step(page, stopped.step) > stopped.step
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=TRAINING)

    click(page, "Open in Traverse")
    page.wait_for_url(re.compile(r"/traverse.*model=digits"), timeout=PATIENCE)
    page.locator(".stage[data-painted=server]").first.wait_for(timeout=PATIENCE)


def test_uploaded_pictures_train_on_while_the_server_is_killed(browser, trained, archive, served_runs, tmp_path):
    """Uploaded with a damaged one among them; then kill -9 of the server, and another server takes over."""
    folder = trained("uploaded")
    app = App(APP, tmp_path, served_runs)
    try:
        with fresh_page(browser, app.address) as page:
            begin(page, "folder", "uploaded")
            page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(str(archive))
            expect(page.get_by_text("blobs.zip")).to_be_visible()
            settled(page)
            click(page, "Start training")
            page.wait_for_url(re.compile("run=uploaded"), timeout=PATIENCE)
            before = later_step(page, 0)
            expect(page.get_by_text("1 file was left out", exact=True)).to_be_visible()
            assert [line.split(":")[0] for line in monitor.skipped(folder)] == ["odd/broken.png"]
    finally:
        app.kill()
    pid = look(folder).pid
    assert look(folder).phase == "running"
    wait_until(lambda: look(folder).step > before, TRAINING / 1000)
    after = look(folder)
    assert (after.phase, after.pid) == ("running", pid), "it trains on without a server"
    assert after.step > before

    with streamlit(APP, tmp_path, served_runs) as address, fresh_page(browser, address) as page:
        page.goto("/train?view=runs&run=uploaded")
        assert later_step(page, before) >= after.step
        assert (look(folder).phase, look(folder).pid) == ("running", pid), "it is the same process"
        click(page, "Stop")
        expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible(timeout=TRAINING)
    stopped = look(folder)
    assert stopped.phase == "stopped"
    assert checkpoint.read_counters(folder / "training" / "checkpoint.safetensors").step == stopped.step


def test_a_run_goes_out_as_a_zip_is_deleted_and_comes_back(page, served_runs, tmp_path):
    create(served_runs / "to-move", config.from_dict({"name": "to-move"}))
    page.goto("/train?view=runs&run=to-move")
    settled(page)
    click(page, "More")
    with page.expect_download() as downloading:
        click(page, "Export as zip")
    downloading.value.save_as(tmp_path / "to-move.zip")
    click(page, "Delete …")
    click(page, "Delete")
    wait_until(lambda: not (served_runs / "to-move").exists(), PATIENCE / 1000)
    assert not (served_runs / "to-move").exists()
    settled(page)
    click(page, "Import a run")
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(str(tmp_path / "to-move.zip"))
    click(page, "Import")
    page.wait_for_url(re.compile("run=to-move"), timeout=PATIENCE)
    assert (served_runs / "to-move" / "config.yaml").is_file()
