"""One's own pictures on the OoD page, and the same table from the command line."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.ood.own_pictures import changes
from explorer.shared import links
from tests.fixtures import blob_pictures
from tests.pages.ood import opened, own_pictures, table, upload
from tests.pages.reading import png, ran, sent_to, texts
from trainer.ood import calibration
from trainer.runs import onnx_files
from trainer.runs.folder import Run
from trainer.system import ROOT


@pytest.fixture(autouse=True)
def runs(scored_runs: Path) -> Path:
    return scored_runs


# ---------------------------------------------------------------- one's own pictures


def result(app: AppTest):
    """The scores the page has computed last."""
    results = app.session_state["ood.results"]
    return [value for value in results.values() if isinstance(value, pd.DataFrame)][-1]


def shown(app: AppTest):
    return app.dataframe[0].value


def assert_same(page: str, file: Path) -> None:
    """The file of the command has every column of the page's, cell by cell, and the detectors of the literature."""
    page, command = (pd.read_csv(source, dtype=str) for source in (io.StringIO(page), file))
    pd.testing.assert_frame_equal(command[list(page)], page)
    assert {"likelihood", "likelihood percentile", "nearest codes"} <= set(command) - set(page)


def test_uploads_are_scored_as_on_the_command_line(runs, tmp_path):
    from trainer.ood import command
    from trainer.ood.pictures import to_csv

    files = own_pictures(5)
    app = upload(opened(view="mine"), files)
    paths = []
    for name, data in files:
        (tmp_path / name).write_bytes(data)
        paths.append(tmp_path / name)
    command.score(Run(runs / "small-gmp"), paths, tmp_path / "out.csv")
    assert_same(to_csv(result(app)), tmp_path / "out.csv")
    view = shown(app)
    assert view["picture"].tolist() == [name for name, _ in files]
    assert view["verdict"].tolist() == result(app)["verdict"].tolist()
    for name in calibration.read(Run(runs / "small-gmp")).names:
        assert view[name].tolist() == result(app)[f"{name} percentile"].round(2).tolist()
    assert f"{(view['verdict'] == 'outlier').sum()} of 5" in texts(app)


def test_the_command_itself_writes_the_same_file(runs, tmp_path):
    from trainer.ood.pictures import to_csv

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in [*own_pictures(3), ("broken.png", b"\x89PNG\r\n\x1a\n")]:
            archive.writestr(f"set/{name}", data)
    (tmp_path / "set.zip").write_bytes(content.getvalue())
    command = [sys.executable, "-m", "trainer", "score", str(runs / "small-gmp"), str(tmp_path / "set.zip")]
    more = ["--csv", str(tmp_path / "out.csv"), "--fpr", "0.1"]
    subprocess.run([*command, *more], cwd=ROOT, check=True, capture_output=True, timeout=250)
    app = upload(opened(view="mine", fpr="0.1"), [("set.zip", content.getvalue())])
    assert_same(to_csv(result(app)), tmp_path / "out.csv")
    assert "1 file was left out, the others were scored" in [each.label for each in app.expander]
    assert "broken.png" in texts(app)


def test_the_pictures_shown_are_what_the_model_sees_and_makes(runs):
    files = own_pictures(3)
    app = as_they_are(upload(opened(view="mine"), files), 3)
    for (_, data), url in zip(files, shown(app)["input"], strict=True):
        with (
            Image.open(io.BytesIO(data)) as sent,
            Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as seen,
        ):
            assert np.array_equal(np.asarray(seen)[1::3, 1::3], np.asarray(sent))
    import torch

    pixels = torch.tensor(np.asarray(Image.open(io.BytesIO(files[0][1]))))[None, None] / 255
    with torch.no_grad():
        made = (Run(runs / "small-gmp").load_model().reconstruct(pixels)[0, 0].clamp(0, 1) * 255).round().byte()
    with Image.open(io.BytesIO(base64.b64decode(shown(app)["made"][0].partition(",")[2]))) as seen:
        assert np.abs(np.asarray(seen)[1::3, 1::3].astype(int) - made.numpy()).max() <= 1


def test_another_target_changes_verdicts_and_another_version_one_picture():
    app = upload(opened(view="mine"), own_pictures(6))
    before = result(app)
    app.number_input(key="ood.fpr").set_value(50.0)
    ran(app)
    assert result(app)["threshold"][0] < before["threshold"][0]
    assert np.array_equal(result(app)["combined"], before["combined"])
    version = version_of(app)
    version.set_value(next(each for each in version.options if each != version.value))
    ran(app)
    assert (result(app)["combined"] != before["combined"]).sum() == 1
    assert result(app)["verdict"].tolist() == [
        "outlier" if value > result(app)["threshold"][0] else "ordinary" for value in result(app)["combined"]
    ]


def version_of(app: AppTest):
    """The control that says, and changes, how the picture of the details is read."""
    return next(each for each in app.button_group if str(each.key).startswith("ood.version"))


def as_they_are(app: AppTest, n: int) -> AppTest:
    """Undo whatever was done to the pictures."""
    app.session_state["ood.versions"] = dict.fromkeys(range(n), "as it is")
    return ran(app)


def test_what_was_done_to_the_pictures_is_counted_and_undone_by_one_click():
    read = pd.Series(["as it is", "strokes cut out", "inverted", "strokes cut out"])
    assert "2 strokes cut out, 1 inverted" in changes(read, "MNIST")
    assert changes(read[:1], "MNIST") == ""
    app = upload(opened(view="mine"), own_pictures(4))
    row = int(result(app)["combined"].to_numpy().argmax())
    version_of(app).set_value("inverted")
    app = ran(app)
    assert result(app)["read as"][row] == "inverted"
    assert "1 inverted" in texts(app)
    version_of(as_they_are(app, 4))
    assert result(app)["read as"].tolist() == ["as it is"] * 4


def test_the_details_say_why():
    app = upload(opened(view="mine"), own_pictures(3))
    table = result(app)
    assert table["why"][int(table["combined"].to_numpy().argmax())] in texts(app)
    assert all(each.endswith(".") and ("reconstructed" in each) for each in table["why"])


def test_a_model_of_grey_pictures_can_be_drawn_for(runs):
    assert "has no decoder for the browser yet" in texts(opened(view="draw"))
    run = Run(runs / "small-gmp")
    onnx_files.write_decoder(run.path, run.load_model())
    app = opened(view="draw")
    assert not app.exception
    assert not app.info
    assert app.number_input(key="ood.fpr").value == 5.0
    run.write_codes(run.codes.drop(columns="z0"))
    (run.path / "train_sprite.png").unlink(missing_ok=True)
    assert not opened(view="draw").exception
    (run.path / "encoder.onnx").write_bytes(b"no network")
    assert "encoder.onnx: it is not an ONNX file" in "".join(error.value for error in opened(view="draw").error)


def test_traverse_opens_the_canvas():
    app = opened(pair="your own pictures")
    app.session_state[links.DRAWING] = True
    assert ran(app).session_state["gwae.state.OodState"].view == "draw"
    assert links.DRAWING not in app.session_state


def test_a_hostile_zip_is_refused_in_a_sentence_and_nothing_is_shown():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for i in range(10_000):
            archive.writestr(f"{i}.png", b"")
    app = upload(opened(view="mine"), [("many.zip", content.getvalue())])
    assert [error.value for error in app.error] == [
        "many.zip: the zip holds 10,000 files; upload one with at most 200 pictures."
    ]
    assert not app.dataframe


def test_only_bad_files_are_named_without_a_table():
    app = upload(opened(view="mine"), [("notes.txt.png", b"hello"), ("empty.png", b"")])
    assert [each.label for each in app.expander] == ["2 files were left out"]
    assert "notes.txt.png" in texts(app)
    assert not app.dataframe


def test_another_model_scores_the_same_pictures(runs):
    app = upload(opened(view="mine"), own_pictures(3))
    app.session_state["gwae.model"] = "small-vae"
    ran(app)
    assert set(shown(app)) >= {"combined", "prior"}
    assert "potential f(x, mu)" not in shown(app)
    assert "No potential here: only a GWAE has a critic." in texts(app)


def test_ones_own_pictures_are_a_pair_too():
    app = opened(pair="your own pictures")
    assert "No own pictures yet" in texts(app)
    app.button(key="ood.to_mine").click()
    ran(app)
    upload(app, own_pictures(6))
    app.segmented_control(key="ood.view").set_value("measured") if hasattr(app, "segmented_control") else None
    app.session_state["gwae.state.OodState"] = app.session_state["gwae.state.OodState"].model_copy(
        update={"view": "measured"}
    )
    ran(app)
    names = [row[0] for row in table(app)]
    assert {"**small-gmp** · combined", "**small-vae** · combined"} <= set(names)
    assert sent_to(app, "race")["scores"]["names"][1] == "your own pictures · 6"
    assert "Your pictures are the outliers here" in texts(app)


def test_removing_the_files_forgets_the_pictures():
    app = upload(opened(view="mine"), own_pictures(3))
    assert app.dataframe
    app.file_uploader[0].set_value(None)
    ran(app)
    assert not app.dataframe
    assert "Every score as a percentile" in texts(app)


def test_two_hundred_uploads_are_scored():
    files = [(f"{i:03d}.png", png(picture[0])) for i, picture in enumerate(blob_pictures(200, seed=7)[0])]
    app = upload(opened(view="mine"), files)
    assert len(shown(app)) == 200
