"""Runs damaged one field at a time: every page and every command goes on, and no other run is hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.shared import catalog
from tests.hostile import folders
from tests.pages.reading import opened
from trainer import __main__ as command
from trainer.errors import UserError
from trainer.manage import flaws
from trainer.runs import layout, status
from trainer.runs.folder import Run

PAGES_OF = {
    "weights ": ("traverse", "generate"),
    layout.METRICS: ("clusters", "generate"),
    layout.CODES: ("traverse", "clusters", "generate"),
    layout.MAP: ("clusters",),
    layout.GEOMETRY: ("geometry",),
    layout.OOD_CALIBRATION: ("ood",),
    layout.OOD_SCORES: ("ood",),
    layout.OOD_HISTORY: ("ood",),
    layout.TRAIN_CODES: ("ood",),
    layout.disentanglement("full"): ("disentangle",),
    layout.SPRITE: ("traverse", "generate"),
    layout.HISTORY: ("train",),
    layout.STATUS: ("train",),
    layout.TAGS: ("train",),
    layout.AXIS_NAMES: ("traverse",),
    layout.CHECKPOINT: ("train",),
}
"""The pages that read a file; Home, the list of trainings and the command line read all runs at once."""
DRAWN = 8
"""Damages of a file that its pages are drawn for; the readers below the pages are tried with all."""


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Some 270 runs, by what is wrong with them, and a sound one."""
    root = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "roots", lambda: (root / "none", root))
        yield folders.make_all(root)


def test_there_are_two_hundred(damaged):
    assert len(damaged) >= 200


def test_every_entry_is_there_and_the_sound_one_is_sound(damaged):
    entries = {entry.path.name: entry for entry in catalog.entries()}
    assert len(entries) == len(damaged) + 1
    sound = entries["sound"]
    assert (sound.broken, sound.note) == (None, "")
    assert sound.metrics
    for folder in damaged.values():
        entry = entries[folder.name]
        assert all("\n" not in text for text in (entry.note, entry.broken or ""))


def test_what_cannot_be_a_model_says_so(damaged):
    entries = {entry.path: entry for entry in catalog.entries()}
    for what, folder in damaged.items():
        if what.startswith(("config.yaml", "weights: ")) and not what.endswith("is an object"):
            assert entries[folder].broken, what
        elif what.startswith(layout.METRICS):
            assert entries[folder].broken is None, what


HARMLESS = re.compile(
    r"metrics\.json (is a list|group is text|without (unit|high)|low is null|high is negative)|card\.md is deep"
    r"|training/status\.json (pid is null|message is text|without (pid|step|max_steps|heartbeat|message))"
    r"|ood_calibration\.json data is text|disentanglement\.json (checkpoint is long|pictures is huge)"
    r"|codes\.parquet (without (label_name|log_var1|component|psnr)|label_name is text|(z0|psnr) is (huge|negative))"
    r"|axis_names\.json checkpoint is text"
    r"|map\.parquet (x is (huge|negative)|without kmeans|id is text)|config\.yaml is an object"
    r"|ood_scores\.parquet (checkpoint is text|without score_combined)|weights huge"
)
"""Changes that leave a value which its file may have."""


def test_every_damaged_file_is_named_on_its_card_and_in_the_list(damaged, capsys):
    root = next(iter(damaged.values())).parent
    command.main(["list", "--check", str(root)])
    listed = capsys.readouterr().err
    for entry in catalog.usable():
        what = next((what for what, folder in damaged.items() if folder == entry.path), "")
        said = flaws.of_run(entry.run)
        if what == "config.yaml is an object":  # a model of the usual settings, which its codes do not fit
            continue
        if not what or HARMLESS.fullmatch(what):
            assert said == {}, what
            continue
        assert [*said] == [layout.WEIGHTS if what.startswith("weights") else what.split()[0]], what
        (name, sentence), *_ = said.items()
        assert re.fullmatch(rf"{re.escape(name)}: .* cannot be used \([^\n]+\); [^\n]+\.", sentence)
        assert f"{entry.path}: {sentence}" in listed
        assert catalog.flaws(entry) == (sentence,) or (name == layout.METRICS and entry.note), what


def sentence(call) -> str:
    """What a reader says where it refuses; everything but a UserError is a fault."""
    try:
        call()
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("part", ["config", "metrics", "codes", "history", "card", "hash"])
def test_readers_return_or_say_one_sentence(damaged, part):
    for what, folder in damaged.items():
        assert "\n" not in sentence(lambda folder=folder: getattr(Run(folder), part)), what
        assert isinstance(status.look(folder).phase, str), what


def test_the_command_line_lists_them_all(damaged, capsys):
    root = next(iter(damaged.values())).parent
    assert command.main(["list", str(root), "--json"]) == 0
    listed = {row["path"] for row in json.loads(capsys.readouterr().out)}
    readable = {str(folder) for what, folder in damaged.items() if not what.startswith("config.yaml")}
    assert readable | {str(root / "sound")} <= listed


@pytest.mark.parametrize(("page", "view"), [("home", ""), ("train", "runs"), ("train", "compare")])
def test_pages_of_all_runs(damaged, page, view):
    app = opened(page, "sound", **({"view": view} if view else {}))
    assert not app.exception
    if page == "home":
        cards = [text.value for text in app.caption if "cannot be used" in text.value]
        assert len(cards) > 100
        titles = [text.value for text in app.markdown if "**damaged-" in text.value or "**sound" in text.value]
        assert len(titles) == len(damaged) + 1


@pytest.mark.parametrize("part", PAGES_OF)
def test_pages_of_one_damaged_run(damaged, part, tmp_path, monkeypatch):
    root = next(iter(damaged.values())).parent
    monkeypatch.setattr(catalog, "roots", lambda: (root / "none", tmp_path))  # some runs, not hundreds to compare with
    (tmp_path / "sound").symlink_to(root / "sound")
    failed, own = [], [what for what in damaged if what.startswith(part)]
    own = own[:: -(-len(own) // (2 if PAGES_OF[part] == ("ood",) else DRAWN))]  # the page of outliers draws for seconds
    for number, what in enumerate(own):
        folder = tmp_path / damaged[what].name
        folder.symlink_to(damaged[what])
        page = PAGES_OF[part][number % len(PAGES_OF[part])]
        if page == "train" or catalog.of_folder(folder):
            link = {"view": "runs", "run": folder.name} if page == "train" else {}
            try:
                opened(page, folder.name, **link)
            except AssertionError as error:
                failed.append(f"{page}, {what}: {str(error)[-1500:]}")
    assert failed == []
