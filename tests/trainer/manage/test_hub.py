"""A run to a model hub and back, over HTTP against a stand-in: what is sent, and what is not believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.fixtures import make_run
from tests.model_hub import TOKEN, serving
from trainer.errors import UserError
from trainer.manage import hub as hubs
from trainer.runs import layout
from trainer.runs.folder import Run
from trainer.system import ROOT

TEXT = {"README.md", "config.yaml", "metrics.json", "model.safetensors"}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A measured model with what a training leaves."""
    made = make_run(tmp_path_factory.mktemp("sent") / "small", pictures=30)
    (made.path / "training").mkdir()
    (made.path / layout.LOG).write_text("/home/somebody/pictures")
    (made.path / layout.TAGS).write_text('["a"]')
    return made


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, in the place of huggingface.co, for a user who is logged in."""
    library = hubs._library()
    from huggingface_hub import constants

    with serving() as started:
        monkeypatch.setattr(constants, "ENDPOINT", started.address)
        template = "{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{started.address}/{template}")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        library.HfFileSystem.clear_instance_cache()
        yield started


def test_there_and_back(hub, run, tmp_path):
    assert hubs.push(run, "me/small") == f"{hub.address}/me/small"
    sent = hub.repos["me/small"]
    assert set(sent) == TEXT | {"tags.json"}
    assert hub.private == {"me/small": True}
    assert hub.messages == [f"small, checkpoint {run.hash}"]
    back = Run(hubs.pull("me/small", tmp_path / "runs"))
    assert back.path == tmp_path / "runs" / "small"
    assert (back.hash, back.config, back.metrics, back.card) == (run.hash, run.config, run.metrics, run.card)
    assert back.load_model().z_dim == run.config.model.z_dim
    assert hubs.pull("me/small", tmp_path / "runs").name == "small-2"


def test_the_card_is_the_model_card(hub, run):
    hubs.push(run, "me/small", public=True)
    text = hub.repos["me/small"]["README.md"].decode()
    assert text.startswith("---\nlibrary_name: gwae-explorer\ntags:\n- gwae-explorer\n")
    assert text.endswith(run.card)
    assert hub.private == {"me/small": False}


def test_tables_and_pictures_travel_where_asked_for(hub, run, tmp_path):
    hubs.push(run, "me/small", everything=True)
    assert set(hub.repos["me/small"]) == TEXT | {"tags.json", "codes.parquet", "sprite.png"}
    plain = Run(hubs.pull("me/small", tmp_path))
    assert plain.sprite_path is None
    assert plain.codes.empty
    full = Run(hubs.pull("me/small", tmp_path, everything=True))
    assert full.codes.equals(run.codes)
    assert full.sprite_path.read_bytes() == run.sprite_path.read_bytes()


def test_a_path_of_the_user_stays_here(hub, tmp_path):
    made = make_run(tmp_path / "own", pictures=20)
    folder = {"name": "folder", "path": "/home/somebody/patients"}
    settings = made.config.model_copy(update={"data": made.config.data.model_copy(update=folder)})
    (made.path / layout.CONFIG).write_text(settings.to_yaml())
    hubs.push(Run(made.path), "me/own")
    assert all(b"somebody" not in content for content in hub.repos["me/own"].values())
    assert Run(hubs.pull("me/own", tmp_path / "back")).config.data.path == "patients"


def test_what_is_no_file_of_a_run_is_not_even_asked_for(hub, run, tmp_path):
    hubs.push(run, "me/small")
    strange = ["../../evil", "training/log.txt", "training/lock", "pytorch_model.bin", "x/config.yaml", "card.md"]
    hub.repos["me/small"] |= dict.fromkeys(strange, b"\x80\x04evil")
    back = hubs.pull("me/small", tmp_path / "runs", everything=True)
    assert {path.name for path in back.rglob("*")} == {"config.yaml", "metrics.json", "model.safetensors", "tags.json",
                                                       "card.md"}  # fmt: skip
    assert not [request for request in hub.requests if "resolve" in request and request.endswith(tuple(strange))]
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


WRONG = {
    "a pickle for weights": ("model.safetensors", b"\x80\x04\x95" + bytes(50), "pickle"),
    "weights cut short": ("model.safetensors", b"cut short", "truncated"),
    "settings with a tag": ("config.yaml", b"!!python/object:os.system {}", "cannot be read as YAML"),
    "metrics of another form": ("metrics.json", b'[{"name": 1}]', "metrics"),
    "tags that nest": ("tags.json", b"[" * 100_000, "the tags cannot be used"),
    "a table that is none": ("codes.parquet", b"PAR1", "the test codes cannot be used"),
    "a picture that is none": ("sprite.png", b"GIF89a", "the test pictures cannot be used"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_a_damaged_or_hostile_file_is_refused_and_nothing_stays(hub, run, tmp_path, what):
    name, content, why = WRONG[what]
    hubs.push(run, "me/small", everything=True)
    hub.repos["me/small"][name] = content
    with pytest.raises(UserError, match=why) as raised:
        hubs.pull("me/small", tmp_path, everything=True)
    assert str(tmp_path) not in str(raised.value)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("declared", [None, 10])
def test_bytes_are_counted_whatever_the_hub_declares(hub, run, tmp_path, monkeypatch, declared):
    hubs.push(run, "me/small")
    if declared:
        hub.declared = {"model.safetensors": declared}
    monkeypatch.setattr(hubs, "MAX_FILE", run.weights_path.stat().st_size - 1)
    with pytest.raises(UserError, match=r"model\.safetensors: larger than a file of a run"):
        hubs.pull("me/small", tmp_path)
    monkeypatch.setattr(hubs, "MAX_FILE", 2**30)
    monkeypatch.setattr(hubs, "MAX_TOTAL", run.weights_path.stat().st_size)
    with pytest.raises(UserError, match="larger than a file of a run"):
        hubs.pull("me/small", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_of_others_are_named_and_not_fetched(hub, tmp_path):
    hub.repos["other/model"] = {"checkpoint_last.pth": b"\x80\x04", "README.md": b"# x"}
    with pytest.raises(UserError, match=r"checkpoint_last\.pth: a checkpoint in Python's pickle format"):
        hubs.pull("other/model", tmp_path)
    hub.repos["other/model"] = {"README.md": b"# x", "config.json": b"{}"}
    with pytest.raises(UserError, match="holds no model of this project"):
        hubs.pull("other/model", tmp_path)
    assert not [request for request in hub.requests if request.endswith(".pth")]


def test_refusals_are_sentences(hub, run, tmp_path, monkeypatch):
    for repo, why in (("me/none", "not on the hub"), ("a b", "no name of a model"), ("../x", "no name of a model")):
        with pytest.raises(UserError, match=why):
            hubs.pull(repo, tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(UserError, match=r"the hub refuses it \(status 401\).*hf auth login"):
        hubs.push(run, "me/small")
    bare = make_run(tmp_path / "bare", pictures=20)
    bare.weights_path.unlink()
    with pytest.raises(UserError, match="not trained yet"):
        hubs.push(bare, "me/bare")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be reached"):
        hubs.pull("me/small", tmp_path)


def test_the_commands(hub, run, tmp_path):
    own = os.environ | {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home")}
    for words, said in (
        (["push", str(run.path), "me/small"], f"{hub.address}/me/small"),
        (["pull", "me/small", "--out", str(tmp_path / "runs")], str(tmp_path / "runs" / "small")),
    ):
        command = [sys.executable, "-m", "trainer", *words]
        ended = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=120, check=False)
        assert (ended.returncode, ended.stdout.strip()) == (0, said), ended.stderr
    assert json.loads((tmp_path / "runs" / "small" / "tags.json").read_text()) == ["a"]
    assert not (tmp_path / "home").exists()
