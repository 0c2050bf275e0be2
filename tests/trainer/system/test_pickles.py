"""Checkpoints in Python's pickle format: refused wherever one could be given, with what to do; never opened."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.fixtures import make_run, zipped
from trainer.__main__ import main
from trainer.errors import UserError
from trainer.manage import archive
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import ROOT, pickles

SAID = "convert it to safetensors in a process of your own, as docs/from-gwae.md shows"


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint as the published code writes it, which also says when it is opened."""
    folder = tmp_path / "celeba_gwae"
    folder.mkdir()
    torch.save(
        {"model_state_dict": {"w": torch.ones(2)}, "trap": Trap(tmp_path / "sprung")}, folder / "checkpoint_last.pth"
    )
    yield folder / "checkpoint_last.pth"
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("old", [False, True])
def test_both_forms_of_torch_are_recognised(tmp_path, old):
    torch.save({"w": torch.ones(2)}, tmp_path / "a", _use_new_zipfile_serialization=not old)
    assert pickles.is_pickle(tmp_path / "a")


@pytest.mark.parametrize("content", [b"", b"model: {kind: gwae}", b"PK\x03\x04", b"\x80\x01", zipped({"a.png": b"x"})])
def test_other_files_are_none(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert not pickles.is_pickle(tmp_path / "a")
    pickles.refuse(tmp_path / "a")


def test_nor_are_safetensors_and_folders(tmp_path):
    made = make_run(tmp_path / "run", pictures=20)
    assert not pickles.is_pickle(made.weights_path)
    pickles.refuse(made.path)
    pickles.refuse(tmp_path / "absent")


@pytest.mark.parametrize(
    "command", [["evaluate"], ["resume"], ["fit"], ["fit", "--published"], ["bundle", "--out", "b"]]
)
@pytest.mark.parametrize("whole", [False, True])
def test_the_command_line_refuses_them(checkpoint, capsys, monkeypatch, command, whole):
    monkeypatch.chdir(checkpoint.parent.parent)
    place = checkpoint.parent if whole else checkpoint
    assert main([command[0], str(place), *command[1:]] if command[-1] == "b" else [*command, str(place)]) == 2
    said = capsys.readouterr().err
    assert SAID in said
    assert str(checkpoint) in said
    assert len(said.strip().splitlines()) == 1


def test_weights_that_are_one(tmp_path, checkpoint):
    made = make_run(tmp_path / "run", pictures=20)
    shutil.copy(checkpoint, made.weights_path)
    for read in (lambda: Run(made.path).load_model(), lambda: layout.check_safetensors(made.weights_path, "x")):
        with pytest.raises(UserError, match=re.escape(SAID)):
            read()


def test_the_import_refuses_them(tmp_path, checkpoint):
    renamed = shutil.copy(checkpoint, tmp_path / "run.zip")
    with pytest.raises(UserError, match=f"^run.zip: .*{re.escape(SAID)}"):
        archive.import_zip(renamed, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_document_shows_it():
    text = (ROOT / "docs" / "from-gwae.md").read_text(encoding="utf-8")
    assert "weights_only=True" in text
    assert "save_file" in text


def test_the_shown_conversion_works(tmp_path, monkeypatch):
    """The lines of the document, run as they stand in a process of their own."""
    import subprocess
    import sys

    text = (ROOT / "docs" / "from-gwae.md").read_text(encoding="utf-8")
    lines = [line[4:] for line in text[text.index("    import torch") :].split("\n\n`weights_only")[0].splitlines()]
    place = tmp_path / "runs" / "celeba_gwae"
    place.mkdir(parents=True)
    wanted = torch.arange(6.0).reshape(2, 3).T
    torch.save({"options": {"a": 1}, "model_state_dict": {"w": wanted}}, place / "checkpoint_last.pth")
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, check=True, timeout=60)
    from safetensors.torch import load_file

    assert torch.equal(load_file(tmp_path / "celeba_gwae.safetensors")["w"], wanted)


def test_a_sound_file_whose_first_bytes_look_like_a_pickle_is_none(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"k": "x" * 555})
    assert path.read_bytes()[:2] == b"\x80\x02"  # a header of 640 bytes
    layout.check_safetensors(path, "x")
