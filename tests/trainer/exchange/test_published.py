"""Settings files of the published GWAE code: what they become here, and what is refused."""

from __future__ import annotations

import re

import pytest
import yaml

from trainer import config
from trainer.__main__ import main
from trainer.errors import UserError
from trainer.exchange import published
from trainer.runs.folder import Run
from trainer.system import ROOT

CELEBA = """\
model_name: gwae
hyperparameters:
  lr: 1e-4
  z_dim: 64
  coef_w: 1
  coef_d: 1
  coef_qentropy: 0.03
  sampler_type: neural
  merged_condition: true
  lr_disc: 1e-4
  coef_gp: 10
  times_d_training: 5
  batchnorm: false
  resblock: false
  distance_coef_initial: 2.5
dataset: celeba
logger_path: runs/celeba_gwae
batch_size: 64
cuda_sync: false
very_verbose: true
until_convergence: true
patience: 10"""
"""The form of the published settings/gwae.yaml: the setting of the paper on CelebA."""


@pytest.fixture
def file(tmp_path):
    """Writes a published file: the one above with changes, of hyperparameters where they stand there."""

    def write(text: str = "", drop: tuple[str, ...] = (), **changes):
        values = yaml.safe_load(text or CELEBA)
        for key, value in changes.items():
            home = values if key in values or key in ("epochs",) else values["hyperparameters"]
            home[key] = value
        for key in drop:
            values.pop(key, None)
            values["hyperparameters"].pop(key, None)
        path = tmp_path / "settings.yaml"
        path.write_text(yaml.safe_dump(values) if changes or drop else text or CELEBA, encoding="utf-8")
        return path

    return write


def test_the_setting_of_the_paper(file):
    settings, notes = published.load(file())
    assert (settings.name, settings.model.kind, settings.model.z_dim, settings.prior.kind) == (
        "celeba_gwae", "gwae", 64, "np",
    )  # fmt: skip
    assert settings.data.shape == (3, 64, 64)
    assert (settings.data.name, settings.data.crop) == ("celeba", 144)
    own = settings.objective
    assert (own.lambda_gw, own.lambda_w, own.lambda_d, own.lambda_h, own.gradient_penalty) == (1, 1, 1, 0.03, 10)
    assert own.drift == pytest.approx(1e-3)  # 1e-4 inside the penalty, which coef_gp multiplies
    optim = settings.optim
    assert (optim.name, optim.lr, optim.critic_lr, optim.critic_steps, optim.batch_size) == (
        "rmsprop",
        1e-4,
        1e-4,
        5,
        64,
    )
    assert (optim.validate_every, optim.patience) == (2544, 10)  # 162,770 pictures / 64
    assert optim.max_steps == 1000 * 2544
    assert [sentence.split()[0] for sentence in notes] == ["cuda_sync", "very_verbose"]


@pytest.mark.parametrize(
    ("sampler", "kind"), [("factorized_neural", "fnp"), ("gm", "gmp"), ("factorized_normal", "normal")]
)
def test_priors(file, sampler, kind):
    settings, _ = published.load(file(sampler_type=sampler, num_components=7))
    assert (settings.prior.kind, settings.prior.components) == (kind, 7)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "expected"),
    [
        ("vae", {}, {"model.kind": "vae", "objective.beta": 1.0, "optim.name": "adam"}),
        ("bvae", {"beta": 0.1}, {"model.kind": "vae", "objective.beta": 0.1}),
        ("wae", {"alpha": 0.9, "lambda": 100}, {"model.kind": "wae-mmd", "objective.lambda_mmd": 10.0}),
        (
            "dagmm",
            {"num_components": 12, "coef_energy": 0.1, "coef_prior": "1e-4"},
            {"prior.components": 12, "dagmm.energy": 0.05, "dagmm.covariance": 5e-5},
        ),
    ],
)
def test_the_other_models(tmp_path, name, hyperparameters, expected):
    values = yaml.safe_load(CELEBA) | {
        "model_name": name, "hyperparameters": {"lr": "1e-4", "z_dim": 64} | hyperparameters,
    }  # fmt: skip
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    settings, notes = published.load(tmp_path / "a.yaml")
    for key, value in expected.items():
        section, leaf = key.split(".")
        assert settings.model_dump()[section][leaf] == (pytest.approx(value) if isinstance(value, float) else value)
    assert any("batch normalisation" in sentence for sentence in notes)
    assert ("alpha" in " ".join(notes)) == (name == "wae")


def test_epochs_become_steps(file):
    settings, _ = published.load(file(until_convergence=False, epochs=3, dataset="mnist"))
    assert (settings.optim.validate_every, settings.optim.max_steps) == (844, 3 * 844)
    assert settings.optim.patience == 3


def test_a_folder_of_pictures_and_changes(file, tmp_path):
    settings, notes = published.load(file(dataset="/data/photos"), ["data.size=32", "seed=4"])
    assert (settings.data.name, settings.data.path, settings.data.size, settings.seed) == (
        "folder", "/data/photos", 32, 4,
    )  # fmt: skip
    assert any("500 steps" in sentence for sentence in notes)
    settings, _ = published.load(file(dataset="cifar10"), ["data.name=folder", "data.path=/data/cifar"])
    assert settings.data.path == "/data/cifar"


def test_what_differs_is_said(file):
    assert any("C always starts at 2.5" in note for note in published.load(file(distance_coef_initial=1.0))[1])
    assert any("C always starts at 2.5" in note for note in published.load(file(drop=("distance_coef_initial",)))[1])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_name": "factorvae"}, "model_name='factorvae' has no counterpart"),
        ({"sampler_type": "causal"}, "sampler_type='causal' has no counterpart"),
        ({"merged_condition": False}, "hyperparameters.merged_condition has no counterpart"),
        ({"batchnorm": True}, "batch normalisation is not part of this trainer"),
        ({"latent_bn": True}, "normalised codes"),
        ({"mixed_potential": True}, "the mixed potential"),
        ({"learned_similarity": True}, "the learned similarity"),
        ({"dataset": "cifar10"}, "--set data.name=folder"),
        ({"dataset": 3}, "dataset=3 is not text"),
        ({"gamma": 1}, "unknown setting 'hyperparameters.gamma'"),
        ({"z_dim": 1.5}, "z_dim=1.5 is no whole number"),
        ({"lr": "fast"}, "lr='fast' is no number"),
        ({"lr": [1]}, "lr=[1] is no number"),
        ({"z_dim": 10**6}, "model.z_dim=1000000 is not valid"),
        ({"batch_size": ".inf"}, "batch_size='.inf' is no whole number"),
    ],
)
def test_what_is_refused(file, changes, said):
    with pytest.raises(UserError, match=re.escape(said)):
        published.load(file(**changes))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("model: {kind: gwae}", "no published settings"),
        ("- 1", "no published settings"),
        (CELEBA + "\nextra: 1", "unknown setting 'extra'"),
        ("a: &a [1]\nb: *a", "anchors and aliases are not read"),
        ("a: !!python/object/apply:os.system ['true']", "tags are not read"),
        ("a: " + "x" * 70_000, "larger than 64 kB"),
        ("a: " + "[" * 50 + "]" * 50, "more than 8 levels"),
    ],
)
def test_files_that_are_none(tmp_path, text, said):
    (tmp_path / "settings.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(said)):
        published.load(tmp_path / "settings.yaml")


def test_the_command_trains_it(tmp_path, capsys, monkeypatch):
    from tests.trainings import write_pictures

    monkeypatch.chdir(tmp_path)
    source = write_pictures(tmp_path / "pictures", train=40)
    (tmp_path / "gwae.yaml").write_text(CELEBA, encoding="utf-8")
    own = ["data.name=folder", f"data.path={source}", "data.size=32", "model.width=4", "model.z_dim=4"]
    own += ["optim.batch_size=8", "optim.max_steps=3"]
    arguments = [part for text in own for part in ("--set", text)]
    assert main(["fit", "--published", "gwae.yaml", *arguments, "--accelerator", "cpu"]) == 0
    said = capsys.readouterr()
    assert "runs/celeba_gwae: finished at step 3" in said.out
    assert "cuda_sync has no counterpart" in said.err
    made = Run("runs/celeba_gwae").config
    assert made == config.load("runs/celeba_gwae/config.yaml")
    assert (made.optim.name, made.objective.drift) == ("rmsprop", pytest.approx(1e-3))


@pytest.mark.parametrize("arguments", [[], ["a.yaml", "--published", "b.yaml"]])
def test_one_file_is_named(arguments, capsys):
    assert main(["fit", *arguments]) == 2
    assert "name one file" in capsys.readouterr().err


def test_the_document_has_every_setting():
    text = (ROOT / "docs" / "from-gwae.md").read_text(encoding="utf-8")
    table = {word for cell in re.findall(r"`([^`]*)`", text) for word in re.findall(r"\w+", cell)}
    known = {key for model in published.MODELS.values() for key in model.hyperparameters} | set(published.MODELS)
    known |= published._KNOWN | set(published._FLAGS) | set(published.PRIORS) | set(published.DATASETS)
    known |= {key for keys in published._NOTED.values() for key in keys} | {"sampler_type", "distance_coef_initial"}
    assert known - table == set()
