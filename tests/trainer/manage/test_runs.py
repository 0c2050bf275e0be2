"""Rename, tag and delete runs: nothing leaves its folder."""

from __future__ import annotations

import json
import os

import pytest

from tests.trainings import contents, settings
from trainer.errors import UserError
from trainer.manage import runs
from trainer.runs import layout
from trainer.runs.folder import Run, create
from trainer.runs.status import look_at_all
from trainer.system import locks, processes


def test_a_renamed_run_is_the_same_run(trained):
    before = {name: data for name, data in contents(trained).items() if not name.endswith("lock")}
    renamed = runs.rename(trained, "b")
    assert renamed.name == "b"
    assert not trained.exists()
    assert {name: data for name, data in contents(renamed).items() if not name.endswith("lock")} == before
    assert runs.rename(renamed, "b") == renamed


@pytest.mark.parametrize("name", ["", "..", "../b", "a/b", ".hidden", "x" * 65, "ü", "a b"])
def test_a_name_stays_a_name(trained, name):
    with pytest.raises(UserError, match="a name has letters"):
        runs.rename(trained, name)
    assert trained.is_dir()


def test_a_taken_name_is_refused(trained, root):
    create(root / "b", settings())
    with pytest.raises(UserError, match="b: a run of this name already exists"):
        runs.rename(trained, "b")
    assert runs.free_name(root, "a") == "a-2"
    assert runs.free_name(root, "Zoë's photos!") == "Zo-s-photos"


def test_a_run_keeps_the_pictures_that_were_uploaded_for_it(root):
    made = create(root / "a", settings(data={"name": "folder", "path": "data/pictures.zip"}))
    (made.path / "data").mkdir()
    (made.path / "data" / "pictures.zip").write_bytes(b"")
    assert Run(made.path).config.data.path == str((root / "a" / "data" / "pictures.zip").resolve())
    renamed = runs.rename(made.path, "b")
    assert Run(renamed).config.data.path == str((root / "b" / "data" / "pictures.zip").resolve())
    assert "path: data/pictures.zip" in (renamed / "config.yaml").read_text(encoding="utf-8")


def test_a_busy_run_is_left_alone(trained):
    write = trained / "training" / "launch.json"
    write.write_text(json.dumps({"pid": os.getpid(), "started": processes.start_time(os.getpid())}), encoding="utf-8")
    for act in (lambda: runs.delete(trained), lambda: runs.rename(trained, "b")):
        with pytest.raises(UserError, match="a: is training; stop it first"):
            act()
    write.unlink()
    with locks.exclusive(trained / "training" / "lock", "held"), pytest.raises(UserError, match="stop it first"):
        runs.delete(trained)
    assert trained.is_dir()


def test_tags_are_few_short_and_each_once(trained):
    assert runs.tags(trained) == ()
    runs.tag(trained, ["  best  so far ", "mnist", "mnist", ""])
    assert runs.tags(trained) == ("best so far", "mnist")
    with pytest.raises(UserError, match="At most 12 tags"):
        runs.tag(trained, ["x" * 33])
    assert runs.tags(trained) == ("best so far", "mnist")
    (trained / layout.TAGS).write_text('{"a": 1}', encoding="utf-8")
    assert runs.tags(trained) == ()


def test_deleting_removes_the_run_and_nothing_else(trained, root):
    other = create(root / "b", settings()).path
    (trained / "data").mkdir()
    (trained / "data" / "link").symlink_to(other)
    assert runs.size(trained) > 1000
    runs.delete(trained)
    assert [job.name for job in look_at_all(root)] == ["b"]
    assert not list(root.glob(".deleted*"))
    assert (other / "config.yaml").is_file(), "a link is removed, not what it points to"


def test_what_is_no_run_of_its_own_is_not_deleted(trained, root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(trained)
    for folder in (tmp_path / "elsewhere", root / "link", root):
        with pytest.raises(UserError, match="a link or no run folder"):
            runs.delete(folder)
    assert trained.is_dir()
