"""A checkpoint of rendered shapes measured on the published pictures: other files, other labels, never mixed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.fixtures import add_disentanglement, make_run, shape_pictures
from trainer import data
from trainer.__main__ import main
from trainer.data import shapes3d as shapes_data
from trainer.data.imageset import ImageSet
from trainer.data.rendering import FACTORS, factors_of
from trainer.errors import UserError
from trainer.evaluation.disentanglement import dci as dci_module
from trainer.evaluation.disentanglement import group, protocol, record
from trainer.evaluation.disentanglement.protocol import Protocol
from trainer.jobs import disentangle, task
from trainer.runs import layout
from trainer.runs.folder import Run

PUBLISHED = "3D Shapes"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("runs") / "shapes"
    return make_run(folder, kind="vae", data="shapes3d-rendered", z_dim=4, pictures=160)


@pytest.fixture
def run(made, tmp_path, monkeypatch) -> Run:
    """A copy of its own, a tiny protocol, and a data set that says which name it was asked for by."""
    monkeypatch.setattr(dci_module, "STAGES", 2)
    monkeypatch.setitem(protocol.PROTOCOLS, "fast", Protocol("fast", 100, 60, 150, 150, 20, 10))
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    pixels, places = shape_pictures(160)

    def load(settings, split, *given, **named) -> ImageSet:
        title = data.DATASETS[settings.name].title
        ids = tuple(map(str, places))
        known = factors_of(torch.from_numpy(places))
        return ImageSet(torch.from_numpy(pixels), None, (), ids, title, split, known, FACTORS)

    monkeypatch.setattr(data, "load", load)
    return Run(shutil.copytree(made.path, tmp_path / "shapes"))


def test_the_command_measures_on_the_other_set_and_keeps_it_apart(run):
    assert main(["disentangle", str(run.path), "--fast"]) == 0
    own = (run.path / "disentanglement-fast.json").read_bytes()
    assert main(["disentangle", str(run.path), "--fast", "--data", "shapes3d"]) == 0
    assert (run.path / "disentanglement-fast.json").read_bytes() == own
    assert record.read(run, "fast").data == "3D Shapes (rendered)"
    found = record.read(run, "fast", other="shapes3d")
    assert (found.data, found.checkpoint) == (PUBLISHED, run.hash)
    assert {metric.data for metric in record.metrics(found)} == {PUBLISHED}
    assert disentangle.stored(run, other="shapes3d").data == PUBLISHED
    assert disentangle.stored(run).data == "3D Shapes (rendered)"


def test_its_own_set_by_name_is_its_own_set(run):
    assert main(["disentangle", str(run.path), "--fast", "--data", "shapes3d-rendered"]) == 0
    assert sorted(path.name for path in run.path.glob("disentanglement*")) == ["disentanglement-fast.json"]


def test_a_record_of_the_own_set_does_not_pass_for_one_of_the_other(run):
    found = add_disentanglement(run, "fast")
    path = run.path / layout.disentanglement("fast", "shapes3d")
    record.write(found, path)
    assert not record.fits(path, run.hash, "fast", "shapes3d")
    with pytest.raises(UserError, match=r"other weights .* data set; make it with '.* --data shapes3d --fast'"):
        record.read(run, "fast", other="shapes3d")
    record.write(replace(found, data=PUBLISHED), path)
    assert record.fits(path, run.hash, "fast", "shapes3d")
    assert not record.fits(path, "0" * 12, "fast", "shapes3d")


def test_other_factors_are_refused_in_one_sentence(run, capsys):
    assert group.others(run.config) == ("shapes3d",)
    assert main(["disentangle", str(run.path), "--data", "mnist"]) == 2
    assert "cannot be measured on 'mnist'; choose from: shapes3d-rendered, shapes3d." in capsys.readouterr().err
    assert not list(run.path.glob("disentanglement*"))


def test_the_job_measures_on_the_other_set(run, tmp_path):
    path = disentangle.target(run.path, run.hash, "fast", other="shapes3d")
    assert path == run.path / "disentanglement-shapes3d-fast.json"
    bundled = disentangle.target(run.path, run.hash, "fast", read_only=True, other="shapes3d")
    assert bundled == tmp_path / "cache" / "disentanglement" / f"{run.hash}-shapes3d-fast.json"
    disentangle.job(run, path, "fast", other="shapes3d").run()
    assert disentangle.job(run, path, "fast", other="shapes3d").state().status == "ready"
    assert record.read(run, "fast", other="shapes3d").data == PUBLISHED


def test_what_is_at_hand_needs_no_download(tmp_path):
    assert shapes_data.is_at_hand("shapes3d-rendered", tmp_path, 32)
    assert not shapes_data.is_at_hand("shapes3d", tmp_path, 32)
    (tmp_path / "3dshapes").mkdir()
    np.save(tmp_path / "3dshapes" / "3dshapes-32.npy", np.zeros(1))
    assert shapes_data.is_at_hand("shapes3d", tmp_path, 32)
    assert not shapes_data.is_at_hand("shapes3d", tmp_path, 64)
    (tmp_path / "3dshapes" / "3dshapes.h5").touch()
    assert shapes_data.is_at_hand("shapes3d", tmp_path, 64)
