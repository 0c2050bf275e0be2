"""`python -m trainer score`: the numbers of the function behind the page, and no stop at one bad file."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy.spatial.distance import cdist

from tests.fixtures import blob_pictures, make_run
from trainer.__main__ import main
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.ood import calibration, command, neighbours
from trainer.ood.detectors import registry
from trainer.ood.inputs import read_pictures
from trainer.ood.pictures import as_text, score_pictures, shifted, to_csv
from trainer.ood.scores import raw_scores
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.runs.sprite import read_sprite_tiles

SHAPE = (1, 32, 32)
DETECTORS = [detector.name for detector in registry.DETECTORS if detector.name != "likelihood ratio"]
"""Those that need no background model."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A calibrated run on blobs."""
    made = make_run(tmp_path_factory.mktemp("runs") / "small", trained=True)
    pixels, _ = blob_pictures(200, seed=7)
    held_out = ImageSet(torch.from_numpy(pixels), None, (), tuple(map(str, range(200))), "Blobs", "train")
    raw = raw_scores(made.load_model(), held_out)
    trained = torch.from_numpy(blob_pictures(200, seed=1)[0])
    ids = tuple(f"mnist-train-{index:05d}" for index in range(200))
    neighbours.store(made, made.load_model(), ImageSet(trained, None, (), ids, "Blobs", "train"))
    reference = registry.measure(made.load_model(), held_out, neighbours.read(made), calibration.LEVELS)
    found = calibration.calibrate(raw, "gwae", checkpoint=made.hash, data="Blobs")
    calibration.write(replace(found, reference=reference), made.path)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six pictures of several formats and sizes, one of them noise, and two files that are none."""
    made = tmp_path_factory.mktemp("mine")
    pixels, _ = blob_pictures(4, seed=3)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture[0]).save(made / f"blob{index}.png")
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(made / "noise.jpg")
    Image.new("L", (40, 40), 255).save(made / "white.gif")
    (made / "broken.png").write_bytes((made / "blob0.png").read_bytes()[:60])
    (made / "notes.txt").write_text("no picture")
    return made


def invoke(capsys, *arguments: object) -> tuple[int, str, str]:
    status = main(["score", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_command_prints_the_numbers_of_the_function(run, folder, tmp_path, capsys):
    table_path = tmp_path / "scores.csv"
    status, out, err = invoke(capsys, run.path, folder, "--csv", table_path, "--as-it-is")
    assert status == 0
    pictures = read_pictures([folder], SHAPE)
    table = score_pictures(run, pictures.arrays, pictures.names, detectors=True)
    assert table_path.read_text(encoding="utf-8") == to_csv(table)
    text, names = as_text(table), [*calibration.read(run).names, *DETECTORS]
    rows = list(csv.DictReader(table_path.read_text(encoding="utf-8").splitlines()))
    assert [row["picture"] for row in rows] == [*(f"blob{index}.png" for index in range(4)), "noise.jpg", "white.gif"]
    for row, (_, expected) in zip(rows, text.iterrows(), strict=True):
        assert row == expected.to_dict()
        for name in names:
            assert f"{name:<36} {row[name]:>12}  percentile {row[name + ' percentile']:>6}" in out
    assert [line.split(":")[0] for line in err.splitlines()] == ["notes.txt", "broken.png", "No likelihood ratio"]


def test_csv_and_json_on_standard_output_have_the_same_numbers(run, folder, capsys):
    _, csv_text, _ = invoke(capsys, run.path, folder, "--format", "csv", "--fpr", "0.1")
    status, text, _ = invoke(capsys, run.path, folder, "--format", "json", "--fpr", "0.1")
    found, rows = json.loads(text), list(csv.DictReader(csv_text.splitlines()))
    assert status == 0
    assert (found["checkpoint"], found["fpr"], found["inverted"]) == (run.hash, 0.1, False)
    assert [line.split(":")[0] for line in found["left_out"]] == ["notes.txt", "broken.png"]
    names = [*calibration.read(run).names, *DETECTORS]
    for row, picture in zip(rows, found["pictures"], strict=True):
        assert (row["picture"], row["verdict"]) == (picture["picture"], picture["verdict"])
        assert list(picture["scores"]) == names
        for name, score in picture["scores"].items():
            assert (score["value"], score["percentile"]) == (float(row[name]), float(row[f"{name} percentile"]))
        assert picture["nearest"] == row["nearest"].split(";")
        assert picture["threshold"] == float(row["threshold"])


def test_detectors_change_no_number_of_the_page(run, folder):
    pictures = read_pictures([folder], SHAPE)
    page, every = (score_pictures(run, pictures.arrays, pictures.names, detectors=more) for more in (False, True))
    assert not set(page) & set(DETECTORS)
    assert as_text(every)[list(page)].equals(as_text(page))
    reference = calibration.read(run).reference
    known = registry.known_of(neighbours.read(run), reference.variance, reference.entropy)
    expected = registry.scores(run.load_model(), torch.from_numpy(pictures.arrays), known)
    for name, values in expected.items():
        np.testing.assert_allclose(every[name], values, rtol=1e-6)


def test_names_of_files_do_not_become_formulas(run, tmp_path, capsys):
    blob = Image.fromarray(blob_pictures(1, seed=3)[0][0, 0])
    names = ["=1+1.png", "+cmd.png", "-2.png", "@sum.png", "plain.png"]
    for name in names:
        blob.save(tmp_path / name)
    _, text, _ = invoke(capsys, run.path, tmp_path, "--format", "csv")
    cells = [row["picture"] for row in csv.DictReader(text.splitlines())]
    assert sorted(cells) == sorted([f"'{name}" for name in names[:4]] + names[4:])
    assert not any(cell.startswith(("=", "+", "@")) for row in csv.reader(text.splitlines()) for cell in row)
    _, text, _ = invoke(capsys, run.path, tmp_path, "--format", "json")
    assert sorted(picture["picture"] for picture in json.loads(text)["pictures"]) == sorted(names)


def test_more_pictures_than_the_command_takes_are_refused(run, folder, capsys, monkeypatch):
    monkeypatch.setattr(command, "LIMIT", 3)
    status, out, err = invoke(capsys, run.path, folder)
    assert (status, out) == (2, "")
    assert "at most 3" in err


def test_an_older_calibration_scores_without_the_detectors_and_says_how_to_have_them(run, folder, tmp_path, capsys):
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    calibration.write(replace(calibration.read(copy), reference=None), copy.path)
    status, out, err = invoke(capsys, copy.path, folder / "blob0.png")
    assert status == 0
    assert out.count("percentile") == len(calibration.read(copy).names)
    assert f"python -m trainer evaluate {copy.path} --only ood" in err


def test_blobs_are_ordinary_and_a_blank_picture_is_not(run, folder):
    pictures = read_pictures([folder], SHAPE)
    table = score_pictures(run, pictures.arrays, pictures.names).set_index("picture")
    assert table.loc["white.gif", "verdict inverted"] == "outlier"
    black = score_pictures(run, np.zeros((1, *SHAPE), np.uint8), ["black"])
    assert (black["verdict"][0], black["combined percentile"][0]) == ("outlier", 100)
    assert (table.loc[[f"blob{i}.png" for i in range(4)], "verdict"] == "ordinary").sum() >= 3
    strict, lax = (score_pictures(run, pictures.arrays, pictures.names, fpr) for fpr in (1e-4, 0.9999))
    assert strict["threshold"][0] > table["threshold"].iloc[0] > lax["threshold"][0]
    assert (lax["verdict"] == "outlier").sum() > (strict["verdict"] == "outlier").sum()
    assert (table["combined"] > table["threshold"]).eq(table["verdict"] == "outlier").all()


def test_a_picture_has_the_same_numbers_in_any_company(run):
    pixels, _ = blob_pictures(73, seed=5)
    together = score_pictures(run, pixels, [str(index) for index in range(73)])
    for index in (0, 49, 50, 72):
        alone = score_pictures(run, pixels[index : index + 1], [str(index)])
        assert as_text(alone).iloc[0].to_dict() == as_text(together).iloc[index].to_dict()


def test_stability_is_the_verdict_of_the_changed_pictures(run, folder):
    pictures = read_pictures([folder], SHAPE)
    table = score_pictures(run, pictures.arrays, pictures.names)
    inverted = score_pictures(run, 255 - pictures.arrays, pictures.names)
    assert list(table["verdict inverted"]) == list(inverted["verdict"])
    moved = [
        score_pictures(run, shifted(pictures.arrays, *step), pictures.names)["verdict"]
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0))
    ]
    expected = sum((verdict == table["verdict"]).astype(int) for verdict in moved)
    assert list(table["same when shifted"]) == list(expected)


def test_shifts_move_by_one_pixel_and_repeat_the_border():
    grid = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    assert shifted(grid, 1, 0)[0, 0].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]]
    assert shifted(grid, 0, -1)[0, 0].tolist() == [[1, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]]


def test_nearest_are_training_pictures_with_the_nearest_codes(run):
    known = neighbours.read(run)
    assert len(known) == 200
    assert set(known["checkpoint"]) == {run.hash}
    axes = [f"z{axis}" for axis in range(8)]
    points = known[axes].to_numpy(dtype=np.float64)
    assert [ids[0] for ids in neighbours.nearest(known, points[:5])] == list(known["id"][:5])
    between = points[:3] + 0.01
    for ids, code in zip(neighbours.nearest(known, between), between, strict=True):
        order = cdist(code[None], points)[0].argsort(kind="stable")
        assert ids == list(known["id"].to_numpy()[order[: neighbours.NEAREST]])
    assert neighbours.nearest(known.iloc[:0], points[:2]) == [[], []]


def test_a_training_picture_has_itself_as_nearest_and_its_tile_shows_it(run):
    trained = blob_pictures(200, seed=1)[0]
    table = score_pictures(run, trained[20:30], [str(index) for index in range(20, 30)])
    first = [ids.split(";")[0] for ids in table["nearest"]]
    assert first == [f"mnist-train-{index:05d}" for index in range(20, 30)]
    known = neighbours.read(run).set_index("id")
    tiles = read_sprite_tiles(run.path / layout.TRAIN_SPRITE, SHAPE, known.loc[first, "tile"].to_numpy())
    assert np.array_equal(tiles, trained[20:30])


def test_codes_of_other_weights_are_not_compared_with(run, tmp_path):
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    weights = load_file(copy.weights_path)
    weights["log_scale"] = weights["log_scale"] + 1
    save_file(weights, copy.weights_path)
    assert neighbours.read(Run(copy.path)).empty
    (copy.path / layout.TRAIN_CODES).write_bytes(b"cut")
    assert neighbours.read(copy).empty


def test_files_folders_and_zips_are_one_and_the_same(run, folder, tmp_path, capsys):
    packed = tmp_path / "mine.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
        archive.writestr("../evil.png", (folder / "blob0.png").read_bytes())
        archive.writestr("nested.zip", b"PK\x03\x04" + bytes(50))
    zipped, plain = read_pictures([packed], SHAPE), read_pictures([folder], SHAPE)
    assert zipped.names == plain.names
    assert (zipped.arrays == plain.arrays).all()
    assert any("../evil.png: unsafe path" in sentence for sentence in zipped.skipped)
    assert any(sentence.startswith("nested.zip") for sentence in zipped.skipped)
    files = sorted(path for path in folder.iterdir() if path.suffix != ".txt")
    single = read_pictures(files, SHAPE)
    assert sorted(single.names) == sorted(plain.names)
    both = read_pictures([packed, folder / "blob1.png"], SHAPE)
    assert both.names == (*[f"mine.zip/{name}" for name in plain.names], "blob1.png")
    status, out, err = invoke(capsys, run.path, packed)
    assert status == 0
    assert out.count("percentile") == 6 * (len(calibration.read(run).names) + len(DETECTORS))
    assert len(err.splitlines()) == len(zipped.skipped) + 1, "and one for the detector without its background"


def test_too_many_entries_are_refused_before_any_is_decoded(tmp_path):
    packed = tmp_path / "many.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for index in range(10_000):
            archive.writestr(f"{index}.png", b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match="at most 200"):
        read_pictures([packed], SHAPE, limit=200)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["notes.txt"], "None of the files is a readable picture"),
        (["missing.png"], "None of the files is a readable picture"),
        (["blob0.png", "--fpr", "1.5"], "between 0 and 1"),
        (["blob0.png", "--csv", "no/such/folder.csv"], ""),
    ],
)
def test_bad_input_is_one_line_and_status_2(run, folder, arguments, said, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    status, out, err = invoke(capsys, run.path, *arguments)
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_a_run_that_is_not_calibrated_says_how(folder, tmp_path, capsys):
    plain = make_run(tmp_path / "plain")
    status, out, err = invoke(capsys, plain.path, folder / "blob0.png")
    assert (status, out) == (2, "")
    assert f"python -m trainer evaluate {plain.path} --only ood" in err


def test_inversion_on_request(run, folder, capsys):
    white = score_pictures(run, read_pictures([folder / "white.gif"], SHAPE).arrays, ["white.gif"])
    black = score_pictures(run, np.zeros((1, *SHAPE), np.uint8), ["white.gif"])
    status, out, _ = invoke(capsys, run.path, folder / "white.gif", "--invert")
    assert status == 0
    assert as_text(black)["reconstruction error"][0] in out
    assert as_text(white)["reconstruction error"][0] not in out


def test_no_pictures_give_an_empty_table(run):
    table = score_pictures(run, np.zeros((0, *SHAPE), np.uint8), [])
    assert len(table) == 0
    assert list(table.columns) == list(score_pictures(run, np.zeros((1, *SHAPE), np.uint8), ["a"]).columns)
