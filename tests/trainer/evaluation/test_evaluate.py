from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.fixtures import DIGITS, blob_pictures
from trainer import config, data
from trainer.data.imageset import ImageSet
from trainer.errors import UserError
from trainer.evaluation import card
from trainer.evaluation import evaluate as evaluation
from trainer.evaluation.clustering import matched_accuracy
from trainer.evaluation.evaluate import GROUPS, evaluate
from trainer.evaluation.ood import is_headline
from trainer.latent.clusters import contingency
from trainer.models import build, save_weights
from trainer.runs import sprite
from trainer.runs.folder import Metric, Run, create
from trainer.runs.sprite import read_sprite_tiles

PICTURES = 130
SMALL = {"z_dim": 6, "width": 8, "critic_width": 4}


def write_idx(path: Path, values: np.ndarray) -> None:
    """The file format of MNIST: magic (type uint8, dimensions), sizes as big-endian int32, bytes."""
    head = np.array([0x0800 + values.ndim, *values.shape], dtype=">i4")
    path.write_bytes(head.tobytes() + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Path:
    """A data root with MNIST's files: noise, with a bright bar whose place is the label."""
    root = tmp_path_factory.mktemp("data")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, n in (("train", 20), ("t10k", PICTURES)):
        labels = rng.integers(0, 10, n)
        pixels = rng.integers(0, 120, (n, 28, 28))
        for row, label in enumerate(labels):
            pixels[row, 2 * label : 2 * label + 4] += 130
        write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    return root


def make_run(path: Path, seed: int = 0, **sections) -> Run:
    settings = config.from_dict({"name": "small", "seed": seed, "model": SMALL, "prior": {"kind": "gmp"}} | sections)
    made = create(path, settings)
    save_weights(build(settings).eval(), made.weights_path)
    return made


@pytest.fixture(scope="module")
def evaluated(digits, tmp_path_factory) -> Path:
    run = make_run(tmp_path_factory.mktemp("runs") / "small")
    evaluate(run, digits)
    return run.path


@pytest.fixture
def run(evaluated, tmp_path) -> Run:
    """A private copy of the evaluated run."""
    return Run(shutil.copytree(evaluated, tmp_path / "small"))


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def by_name(metrics: list[Metric]) -> dict[str, Metric]:
    assert len({(m.group, m.name) for m in metrics}) == len(metrics)
    return {metric.name: metric for metric in metrics}


# --- files -----------------------------------------------------------------------------------------------------


def test_the_folder_is_complete_and_nothing_else_is_left(run):
    expected = ["card.md", "codes.parquet", "config.yaml", "decoder.onnx", "metrics.json"]
    expected += ["model.safetensors"]
    expected += ["ood_calibration.json", "ood_scores.parquet", "sprite.png", "train_codes.parquet", "train_sprite.png"]
    assert sorted(path.name for path in run.path.iterdir()) == expected


def test_codes_are_those_of_the_named_pictures(run, digits):
    images = data.load(run.config.data, "test", digits)
    codes, model = run.codes, run.load_model()
    assert tuple(codes["id"]) == images.ids
    assert (codes["label"] == images.labels.numpy()).all()
    assert (codes["label_name"] == [images.label_names[label] for label in images.labels]).all()
    x = images.float_batch(slice(None))
    mu, log_var = model.encode(x)
    for prefix, expected, kind, tolerance in (("z", mu, "float32", 1e-5), ("log_var", log_var, "float16", 4e-3)):
        table = codes[[f"{prefix}{axis}" for axis in range(6)]]
        assert set(table.dtypes) == {np.dtype(kind)}
        np.testing.assert_allclose(table.to_numpy("float32"), expected.numpy(), atol=tolerance)
    for name, scores in model.ood_scores(x).items():
        np.testing.assert_allclose(codes[f"score_{name}"], scores.numpy(), rtol=1e-4, atol=1e-4)
    error = (model.reconstruct(x) - x).square().mean((1, 2, 3))
    np.testing.assert_allclose(codes["psnr"], -10 * np.log10(error.numpy()), atol=1e-3)
    assert (codes["component"] == model.prior.responsibilities(mu).argmax(1).numpy()).all()
    assert codes[["label", "sprite_index", "component"]].dtypes.eq("int64").all()


def test_every_tile_is_the_picture_of_its_row(run, digits):
    images = data.load(run.config.data, "test", digits)
    shown = run.codes[run.codes["sprite_index"] >= 0].set_index("sprite_index")
    assert sorted(shown.index) == list(range(PICTURES))
    tiles = read_sprite_tiles(run.sprite_path, (1, 32, 32), shown.index.to_numpy())
    position = {identity: row for row, identity in enumerate(images.ids)}
    for tile, identity in zip(tiles, shown["id"], strict=True):
        assert (tile == images.images[position[identity]].numpy()).all()


def test_only_some_pictures_fit_and_the_rest_say_so(run, digits, monkeypatch):
    choose = sprite.choose_tiles
    monkeypatch.setattr(sprite, "choose_tiles", lambda labels, n: choose(labels, n, limit=30))
    evaluate(run, digits, only=["reconstruction"])
    images, codes = data.load(run.config.data, "test", digits), run.codes
    shown = codes[codes["sprite_index"] >= 0]
    assert sorted(shown["sprite_index"]) == list(range(30))
    tiles = read_sprite_tiles(run.sprite_path, (1, 32, 32), shown["sprite_index"].to_numpy())
    assert (tiles == images.images[shown.index.to_list()].numpy()).all()


def test_pictures_that_may_not_be_bundled_are_not(run, digits, monkeypatch):
    monkeypatch.setitem(data.DATASETS, "mnist", replace(data.DATASETS["mnist"], may_bundle=False))
    evaluate(run, digits, only=["reconstruction"])
    assert run.sprite_path is None  # that of the earlier evaluation is gone too
    assert (run.codes["sprite_index"] == -1).all()


def test_evaluating_again_gives_the_same_bytes_and_prints_nothing(run, digits, capfd):
    before = hashes(run.path)
    evaluate(Run(run.path), digits)
    assert hashes(run.path) == before
    assert capfd.readouterr().out == ""


# --- numbers ---------------------------------------------------------------------------------------------------


def test_metrics_carry_protocol_and_survive_the_file(run):
    metrics = run.metrics
    assert {m.group for m in metrics} == set(GROUPS) - {
        "map",
        "disentanglement",
    }  # too few pictures for the one, no factors for the other
    for metric in metrics:
        assert metric.checkpoint == run.hash
        assert metric.data == "MNIST"
        assert metric.estimator
        assert metric.n > 0
        assert np.isfinite(metric.value)
        if metric.low is not None:
            assert metric.low <= metric.high
    run.write_metrics(metrics)
    assert Run(run.path).metrics == metrics
    assert json.loads((run.path / "metrics.json").read_text()) == [asdict(metric) for metric in metrics]


def test_numbers_agree_with_the_codes(run):
    found, codes = by_name(run.metrics), run.codes
    assert found["PSNR"].value == pytest.approx(codes["psnr"].mean(), abs=1e-4)
    assert (found["PSNR"].n, found["PSNR"].unit, found["PSNR"].split) == (PICTURES, "dB", "test")
    table = contingency(codes["component"].to_numpy(), codes["label"].to_numpy(), 10, 10)
    assert found["cluster accuracy"].value == pytest.approx(matched_accuracy(table))
    unused = 10 - codes["component"].nunique()
    assert found["dead components"].value == unused  # equal weights: none is below the limit
    assert found["largest weight"].value == pytest.approx(0.1)


def test_a_mixture_planted_on_the_classes_is_recognised(tmp_path, digits):
    """Least squares puts the classes apart in the codes; a mixture with a component on each must then score high."""
    run = make_run(tmp_path / "planted")
    images, model = data.load(run.config.data, "test", digits), run.load_model()
    hidden = []
    handle = model.encoder.heads.register_forward_hook(lambda module, inputs, output: hidden.append(inputs[0]))
    model.encode(images.float_batch(slice(None)))
    handle.remove()
    generator = torch.Generator().manual_seed(0)
    places = 2 * torch.nn.functional.normalize(torch.randn(10, 6, generator=generator), dim=1)
    design = torch.cat([hidden[0], torch.ones(PICTURES, 1)], 1).double()
    solution = torch.linalg.lstsq(design, places[images.labels].double(), driver="gelsd").solution.float()
    # Code space is the standardised mixture: the component means land on `centres`, so the codes have to as well.
    model.prior.place(torch.full((10,), 0.1), places.flip(0), 0.01 * torch.eye(6).expand(10, 6, 6))
    centres = model.prior.means().flip(0)
    affine = torch.linalg.lstsq(
        torch.cat([places, torch.ones(10, 1)], 1), centres
    ).solution  # axis-wise scale and shift
    model.encoder.heads.weight[:6] = (solution[:-1] @ affine[:-1]).T
    model.encoder.heads.bias[:6] = solution[-1] @ affine[:-1] + affine[-1]
    save_weights(model, run.weights_path)

    found = by_name(evaluate(Run(run.path), digits, only=["clustering"]))
    assert found["cluster accuracy"].value > 0.95
    assert found["cluster NMI"].value > 0.9
    assert found["dead components"].value == 0
    codes = Run(run.path).codes
    assert (codes["component"] == 9 - codes["label"]).mean() > 0.95


def test_a_vae_has_only_the_baseline(tmp_path, digits):
    run = make_run(tmp_path / "vae", model=SMALL | {"kind": "vae"}, prior={"kind": "normal"})
    found = by_name(evaluate(run, digits, only=["clustering"]))
    assert set(found) == {"k-means accuracy", "k-means NMI", "k-means ARI"}
    assert "K = 10" in found["k-means NMI"].estimator
    assert "component" not in run.codes


# --- which groups ----------------------------------------------------------------------------------------------


def test_only_replaces_its_own_group(run, digits):
    before = {m.name: m for m in run.metrics}
    changed = [replace(m, value=-1.0) for m in run.metrics]
    run.write_metrics(changed)
    returned = evaluate(run, digits, only=["clustering"])
    assert {m.group for m in returned} == {"clustering"}
    for metric in run.metrics:
        assert metric.value == (before[metric.name].value if metric.group == "clustering" else -1.0)


def test_metrics_of_another_checkpoint_are_dropped(run, digits):
    old = run.hash
    save_weights(build(config.from_dict(run.config.model_dump() | {"seed": 5})).eval(), run.weights_path)
    changed = Run(run.path)
    assert changed.hash != old
    evaluate(changed, digits, only=["reconstruction"])
    assert {(m.group, m.checkpoint) for m in changed.metrics} == {("reconstruction", changed.hash)}


def test_an_unknown_group_lists_the_known_ones(run, digits):
    before = hashes(run.path)
    with pytest.raises(UserError, match=r"beauty: not available.*reconstruction, clustering, geometry"):
        evaluate(run, digits, only=["reconstruction", "beauty"])
    assert hashes(run.path) == before


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    for split, n in (("train", 3), ("test", 8)):
        (folder / split).mkdir(parents=True)
        for index in range(n):
            pixels = np.random.default_rng(index).integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / split / f"{index}.png")
    return folder


def test_unlabelled_colour_pictures_of_the_user(tmp_path, photos):
    pictures = {"name": "folder", "path": str(photos), "size": 64, "channels": 3}
    run = make_run(tmp_path / "photos-np", data=pictures, prior={"kind": "np"})
    with pytest.raises(UserError, match=r"clustering: not available.*reconstruction, geometry"):
        evaluate(run, only=["clustering"])
    assert {m.group for m in evaluate(run)} == {"reconstruction", "geometry"}
    codes = run.codes
    assert (codes["label"] == -1).all()
    assert (codes["label_name"] == "").all()
    tiles = read_sprite_tiles(run.sprite_path, (3, 64, 64), codes["sprite_index"].to_numpy())
    assert (tiles == data.load(run.config.data, "test").images.numpy()).all()
    assert "rights are not known" in run.card


def test_unlabelled_pictures_still_describe_a_mixture(tmp_path, photos):
    pictures = {"name": "folder", "path": str(photos), "size": 64, "channels": 3}
    run = make_run(tmp_path / "photos-gmp", data=pictures)
    assert set(by_name(evaluate(run, only=["clustering"]))) == {"dead components", "largest weight"}


# --- bad input -------------------------------------------------------------------------------------------------


def test_a_damaged_metrics_file_is_told_and_repaired_by_evaluate(run, digits):
    good = run.metrics
    for text in ("[{", '{"a": 1}', '[{"name": "x"}]', "7"):
        (run.path / "metrics.json").write_text(text)
        with pytest.raises(UserError, match="python -m trainer evaluate"):
            _ = run.metrics
    evaluate(run, digits)
    assert run.metrics == good


def test_absent_data_is_told_and_changes_nothing(tmp_path):
    missing = {"name": "folder", "path": str(tmp_path / "nowhere"), "size": 64, "channels": 3}
    run = make_run(tmp_path / "lost", data=missing, prior={"kind": "np"})
    before = hashes(run.path)
    with pytest.raises(UserError, match="nowhere"):
        evaluate(run)
    assert hashes(run.path) == before


def test_truncated_weights_are_told(run, digits):
    run.weights_path.write_bytes(run.weights_path.read_bytes()[:5000])
    with pytest.raises(UserError, match="safetensors"):
        evaluate(Run(run.path), digits)


def test_weights_replaced_during_the_evaluation_are_noticed(run, digits):
    other = build(config.from_dict(run.config.model_dump() | {"seed": 5})).eval()
    before = hashes(run.path)

    def meanwhile(what: str, done: int, total: int) -> None:
        if what == "SSIM":
            save_weights(other, run.weights_path)

    with pytest.raises(UserError, match="evaluate again"):
        evaluate(run, digits, only=["reconstruction"], progress=meanwhile)
    after = hashes(run.path)
    assert {name for name in before if before[name] != after[name]} == {"model.safetensors"}


def test_weights_that_are_not_finite_are_told(run, digits):
    model = run.load_model()
    model.encoder.heads.bias[0] = float("nan")
    save_weights(model, run.weights_path)
    before = hashes(run.path)
    with pytest.raises(UserError, match="not finite"):
        evaluate(run, digits)
    assert hashes(run.path) == before


# --- card ------------------------------------------------------------------------------------------------------


def test_the_card_says_what_whence_and_how(run):
    text = run.card
    assert run.hash in text
    assert "CC BY-SA 3.0" in text
    assert "Gaussian mixture prior (GMP) of 10 components" in text
    assert "python -m trainer fit small/config.yaml --out runs/small-again" in text
    assert "not recorded" in text
    for metric in run.metrics:
        assert (f"| {metric.group}: {metric.name} | {metric.value:.4g}" in text) == is_headline(metric)


def test_the_card_tells_duration_and_checkpoint(run):
    table = {"step": [50, 500, 1000, 1500], "seconds": [6.0, 60.0, 120.0, 180.0]}
    history = pd.DataFrame(table | {"validation loss": [None, 5.0, 3.0, 4.0]})
    history.to_csv(run.path / "history.csv", index=False)
    text = card.card_text(run)
    assert "Trained for 1,500 steps in 3 minutes" in text
    assert "before its limit" in text
    assert "lowest validation loss, at step 1,000" in text


def test_the_card_names_the_shipped_recipe(tmp_path):
    recipe = next(config.RECIPES.glob("*.yaml"))
    run = create(tmp_path / "any", config.load(recipe))
    save_weights(build(run.config), run.weights_path)
    assert f"python -m trainer fit trainer/configs/{recipe.name} --out" in card.card_text(run)


# --- real digits -----------------------------------------------------------------------------------------------


def test_real_digits(tmp_path, data_root):
    run = make_run(tmp_path / "real", model=SMALL | {"width": 4})
    (psnr, similarity) = evaluate(run, data_root, only=["reconstruction"])
    assert (psnr.n, psnr.data, psnr.split) == (10_000, "MNIST", "test")
    assert psnr.low < psnr.value < psnr.high < psnr.low + 0.1
    assert -1 < similarity.value < 1
    codes = run.codes
    shown = codes[codes["sprite_index"] >= 0]
    assert shown["label"].value_counts().to_list() == [200] * 10
    assert run.sprite_path.stat().st_size < 700_000


def test_of_a_large_test_set_a_fixed_sample_is_measured(monkeypatch):
    monkeypatch.setattr(evaluation, "TEST_PICTURES", 12)
    images, labels = blob_pictures(30)
    ids = tuple(f"blob-{index:02d}" for index in range(30))
    whole = ImageSet(torch.from_numpy(images), torch.from_numpy(labels), DIGITS, ids, "Blobs", "test")
    sample = evaluation.measured(whole)
    places = [ids.index(id_) for id_ in sample.ids]
    assert len(places) == 12
    assert places == sorted(set(places))
    assert torch.equal(sample.images, whole.images[places])
    assert evaluation.measured(whole).ids == sample.ids
    assert evaluation.measured(sample) is sample
