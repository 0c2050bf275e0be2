from __future__ import annotations

import json

import pytest

from trainer.errors import UserError
from trainer.manage import axis_names
from trainer.manage.axis_names import LONGEST, clean
from trainer.runs import layout


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("slant", "slant"),
        ("  two \n words\t", "two words"),
        ("\u202eab\x1b[2Jc\0", "ab [2Jc"),
        ("<b>é 😀</b>", "<b>é 😀</b>"),  # data: the page that shows it escapes it
        ("x" * 10_000, "x" * LONGEST),
        ("\n \u200b", ""),
    ],
)
def test_a_name_is_short_and_printable(text, name):
    assert clean(text) == name


def test_names_are_kept_with_the_weights_they_were_given_to(tmp_path):
    assert axis_names.read(tmp_path) == axis_names.Names()
    axis_names.write(tmp_path, "abc", {3: " slant ", 0: "", 7: "größe"}, 8)
    assert axis_names.read(tmp_path) == ("abc", {3: "slant", 7: "größe"})
    axis_names.write(tmp_path, "abc", {}, 8)
    assert axis_names.read(tmp_path).by_axis == {}
    with pytest.raises(UserError, match="z0 to z7"):
        axis_names.write(tmp_path, "abc", {8: "a"}, 8)


@pytest.mark.parametrize(
    "names",
    [{"01": "a"}, {"-1": "a"}, {"x": "a"}, {"0": ""}, {"0": "x" * 33}, {"0": 1}, {"99999": "a"}, ["a"], None, 5,
     {str(i): "x" * 32 for i in range(9000)}],
)  # fmt: skip
def test_a_damaged_file_names_nothing(tmp_path, names):
    (tmp_path / layout.AXIS_NAMES).write_text(json.dumps({"checkpoint": "abc", "names": names}))
    assert axis_names.read(tmp_path) == axis_names.Names()


def test_visitors_name_nothing_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("GWAE_MODE", "view")
    with pytest.raises(UserError, match="not offered"):
        axis_names.write(tmp_path, "abc", {0: "a"}, 8)
    assert list(tmp_path.iterdir()) == []
