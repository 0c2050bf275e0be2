"""GWAE_MODE=view: whatever starts, writes, deletes or reads folders of the server refuses, however it is called."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fixtures import make_run, zipped
from trainer import data
from trainer.__main__ import main
from trainer.config import Config
from trainer.data import survey
from trainer.errors import UserError
from trainer.jobs import estimate, evaluate, idle, queue, task
from trainer.manage import archive, bundle, hub, runs
from trainer.runs.folder import Run, create
from trainer.system import ROOT, files, mode

SAID = "this server only shows models (GWAE_MODE=view)"


@pytest.fixture
def run(tmp_path) -> Run:
    return make_run(tmp_path / "runs" / "a", pictures=20)


@pytest.fixture
def view(run, tmp_path, monkeypatch):
    """The mode, in which no process may start and no file of the runs or of the cache may change."""

    def refuse(*given, **options):
        pytest.fail(f"a process was started: {given}")

    monkeypatch.setenv("GWAE_MODE", "view")
    monkeypatch.setenv("GWAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(task, "subprocess", SimpleNamespace(Popen=refuse, DEVNULL=None))
    before = contents(tmp_path)
    yield run
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


REFUSING = {
    "training": lambda run: queue.start(run.path),
    "creating a run": lambda run: create(run.path.parent / "b", Config()),
    "stopping": lambda run: queue.stop(run.path),
    "killing": lambda run: queue.end_by_force(run.path),
    "parallel trainings": lambda run: queue.set_limit(run.path.parent, 3),
    "measuring": lambda run: evaluate.job(run.path).start(),
    "stopping a measurement": lambda run: evaluate.job(run.path).stop(),
    "timing": lambda run: estimate.launch(Config()),
    "a process by hand": lambda run: evaluate.TASK.launch(run.path / "x", {}, run.path / "log"),
    "renaming": lambda run: runs.rename(run.path, "b"),
    "tagging": lambda run: runs.tag(run.path, ["x"]),
    "deleting": lambda run: runs.delete(run.path),
    "sweeping": lambda run: runs.sweep(run.path.parent),
    "bundling": lambda run: bundle.bundle(run, run.path.parent / "b"),
    "sending to a hub": lambda run: hub.push(run, "me/a"),
    "fetching from a hub": lambda run: hub.pull("me/a", run.path.parent),
    "metrics": lambda run: run.write_metrics([]),
    "codes": lambda run: run.write_codes(run.codes),
    "a file": lambda run: files.write_text(run.path / "x", "y"),
    "removing a file": lambda run: files.remove(run.path / "config.yaml"),
    "a folder": lambda run: files.make_folder(run.path / "x"),
    "a data set": lambda run: data.load("mnist", "test", run.path),
    "a folder of the server": lambda run: survey.survey("/etc", Path("/")),
}


@pytest.mark.parametrize("what", list(REFUSING))
def test_a_call_by_hand_is_refused(view, what):
    with pytest.raises(UserError, match=re.escape(SAID)):
        REFUSING[what](view)


def test_an_import_is_refused(view, tmp_path_factory):
    packed = tmp_path_factory.mktemp("zip") / "a.zip"
    packed.write_bytes(zipped({"a/config.yaml": b"name: a"}))
    with pytest.raises(UserError, match=re.escape(SAID)):
        archive.import_zip(packed, view.path.parent)


def test_what_happens_by_the_way_is_left_out(view):
    (queued := view.path / "training").mkdir()
    (queued / "request.json").write_text("{}", encoding="utf-8")
    queue.dispatch(view.path.parent)  # no process starts: the fixture fails otherwise
    idle.ask(view.path.parent)
    assert not (view.path.parent / ".in-use").exists()
    (queued / "request.json").unlink()


def test_the_data_folder_is_the_bundled_one(view, monkeypatch):
    monkeypatch.setenv("GWAE_DATA", "/etc")
    assert data.default_data_root() == ROOT / "pretrained" / "data"


@pytest.mark.parametrize("arguments", [["fit", "trainer/configs/mnist-vae.yaml"], ["bundle", "RUN"], ["export", "RUN"]])
def test_the_command_line_refuses_too(view, capsys, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(ROOT)
    more = {"fit": ["--out", str(tmp_path / "new")], "bundle": ["--out", str(tmp_path / "m")]}
    more["export"] = ["--format", "csv", "--out", str(tmp_path / "e")]
    given = [str(view.path) if text == "RUN" else text for text in arguments]
    assert main([*given, *more[arguments[0]]]) == 2
    assert SAID in capsys.readouterr().err


def test_models_are_still_read(view):
    assert len(view.codes) == 20
    assert view.load_model().z_dim == 8


@pytest.mark.parametrize(("value", "is_view"), [("", False), ("local", False), ("view", True), ("veiw", True)])
def test_an_unknown_mode_counts_as_view(monkeypatch, value, is_view):
    monkeypatch.setenv("GWAE_MODE", value)
    assert mode.is_view() is is_view
    monkeypatch.delenv("GWAE_MODE")
    assert not mode.is_view()
