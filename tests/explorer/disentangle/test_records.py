"""The share of movement, names of axes, and which record is which."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from explorer.disentangle import compare
from explorer.disentangle import records as disentangle_records
from explorer.disentangle.records import Measurement
from explorer.shared import axis_names, catalog, factors, studies
from tests.fixtures import add_disentanglement, make_run
from trainer.evaluation.disentanglement import record as records
from trainer.jobs import task
from trainer.runs.folder import Run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("disentangle") / "runs"
    add_disentanglement(make_run(root / "shapes", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=160))
    make_run(root / "digits", kind="vae", z_dim=4, pictures=20)
    return root


@pytest.fixture
def root(made, tmp_path, monkeypatch) -> Path:
    copied = Path(shutil.copytree(made, tmp_path / "runs"))
    monkeypatch.setattr(catalog, "roots", lambda: (tmp_path / "pretrained", copied))
    monkeypatch.setenv(task.CACHE_VARIABLE, str(tmp_path / "cache"))
    return copied


@pytest.fixture
def entry(root) -> catalog.Entry:
    return catalog.find("shapes")


def space(codes: torch.Tensor, live: list[bool]) -> SimpleNamespace:
    return SimpleNamespace(codes=codes, table=SimpleNamespace(live=torch.tensor(live)))


def test_movement_is_shared_in_the_units_of_each_axis():
    usual = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 0.001])
    steps = torch.linspace(0, 1, 9)[:, None]
    moved = steps * torch.tensor([[1.0, 10.0, 0.0]])
    both = disentangle_records.movement(moved, space(usual, [True, True, True]))
    assert both.tolist() == pytest.approx([0.5, 0.5, 0.0], abs=0.05)
    noise = moved * torch.tensor([1.0, 0.0, 0.0]) + torch.tensor([0.0, 0.0, 0.01]) * steps
    alone = disentangle_records.movement(noise, space(usual, [True, True, False]))
    assert alone.tolist() == pytest.approx([1.0, 0.0, 0.0])
    assert disentangle_records.movement(torch.zeros(9, 3), space(usual, [True, True, True])).tolist() == [0, 0, 0]


def test_axes_are_named_after_the_full_record(root, entry):
    found = records.read(Run(root / "shapes"))
    importance = np.zeros_like(found.dci.importance)
    importance[3, 2] = 0.91
    importance[1, 2] = 0.09
    named = replace(found, dci=replace(found.dci, importance=importance))
    records.write(named, root / "shapes" / "disentanglement.json")
    assert axis_names.names(entry)[3] == "z3, object hue (0.91)"
    assert axis_names.names(entry)[1] == "z1"
    assert axis_names.names(catalog.find("digits"))[0] == "z0"


def test_names_follow_a_new_record(root, entry):
    before = axis_names.stamp(entry)
    assert any(axis_names.carried(entry))
    (root / "shapes" / "disentanglement.json").unlink()
    assert axis_names.stamp(entry) != before
    assert axis_names.carried(entry) == [""] * entry.z_dim
    assert axis_names.names(entry)[3] == "z3"


def test_records_of_other_weights_name_nothing(root, entry):
    path = root / "shapes" / "disentanglement.json"
    records.write(replace(records.read(Run(root / "shapes")), checkpoint="0" * 12), path)
    assert axis_names.carried(entry) == [""] * entry.z_dim
    assert disentangle_records.records(entry) == {}


def test_only_pictures_of_known_factors_have_kinds_of_records(entry, root):
    assert factors.has_factors(entry)
    assert not factors.has_factors(catalog.find("digits"))
    assert disentangle_records.kinds(entry) == [
        Measurement("full"),
        Measurement("fast"),
        Measurement("full", "shapes3d"),
        Measurement("fast", "shapes3d"),
    ]
    assert disentangle_records.data_title(entry, Measurement("full")) == "3D Shapes (rendered)"
    assert disentangle_records.data_title(entry, Measurement("full", "shapes3d")) == "3D Shapes"


def test_different_protocols_and_data_never_meet_in_a_ranking(root):
    run = Run(root / "shapes")
    add_disentanglement(run, "fast")
    add_disentanglement(run, "full", "shapes3d")
    make_run(root / "unmeasured", kind="vae", data="shapes3d-rendered", z_dim=4, pictures=20)
    found, without = compare.groups()
    assert list(found) == [
        "3D Shapes (rendered), 160 codes · full protocol",
        "3D Shapes, 160 codes · full protocol",
        "3D Shapes (rendered), 160 codes · fast protocol",
    ]
    for name, models in found.items():
        assert {(each.protocol, each.data) for each in models.values()} == {
            ("fast" if "fast" in name else "full", name.split(",")[0])
        }
    assert without == ["unmeasured"]


def test_the_best_number_of_a_row_is_bold(root, entry):
    record = records.read(Run(root / "shapes"))
    better = replace(record, mig=replace(record.mig, score=0.9))
    text = compare.table({"*a|1*": record, "b": better}).splitlines()
    assert text[0].split(" | ")[1:-1] == ["\\*a\\|1\\*", "b"]
    (row,) = (line for line in text if line.startswith("| MIG |"))
    assert row.endswith("| **0.900** | ")
    assert "**" not in compare.table({"a": record})


def test_spreads_stand_beside_the_numbers_and_what_is_not_measured_is_a_dash(root, entry):
    record = records.read(Run(root / "shapes"))
    spread = studies.Spread(0.5, 0.41, 0.62, 3, "")
    lines = compare.table({"a": record}, {"a": {"MIG": spread}}).splitlines()
    assert next(line for line in lines if line.startswith("| MIG |")).endswith(":gray[0.410 to 0.620] | ")
    older = replace(record, infomec=None, dci_es=None, dci_forest=None)
    text = compare.further({"a": record, "b": older})
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:3] for line in text.splitlines()[2:]}
    assert list(rows) == [
        *("InfoM", "InfoC", "InfoE", "DCI-ES explicitness", "DCI-ES size"),
        *(f"DCI {name}, GWAE protocol" for name in ("disentanglement", "completeness", "informativeness")),
    ]
    assert all(cells[1] == "–" for cells in rows.values())
    assert "**" not in rows["DCI-ES size"][0], "a larger code is no better"
    assert compare.further({"b": older}) == ""


def test_what_the_first_model_does_not_win_is_said(root, entry):
    record = records.read(Run(root / "shapes"))
    importance = np.full_like(record.dci.importance, 0.1)
    first = replace(record, mig=replace(record.mig, score=0.5), dci=replace(record.dci, importance=importance + 0.5))
    importance[2, 3] = 0.94  # the scale
    other = replace(first, mig=replace(record.mig, score=0.7), dci=replace(record.dci, importance=importance))
    said = compare.behind({"first": first, "*other*": other})
    assert said.endswith(r"Others are ahead in MIG (0.50; \*other\* 0.70), scale (0.60; \*other\* 0.94).")
    assert "No other model is ahead" in compare.behind({"first": first, "same": first})
    assert compare.behind({"first": first}) == ""


def test_models_that_were_trained_longer_are_named():
    assert compare.lengths({"a": 20, "b": 20}) == ""
    assert compare.lengths({}) == ""
    said = compare.lengths({"a": 20_000, "*b*": 70_000, "c": 20_000})
    assert said == "Their training steps differ: 70,000 (\\*b\\*); 20,000 (a, c)."
