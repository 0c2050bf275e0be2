"""A thousand edited links over all pages: each decodes to a valid state, and pages of them leave no traceback."""

from __future__ import annotations

import json
import time

import pytest

from explorer.shared import state
from explorer.train import presets
from tests.hostile.links import CHANGES, STATES, links
from tests.pages.reading import opened
from trainer import config

SAMPLE = 48
"""Links that a page is drawn for; the others differ in values that decoding already judged."""


def test_a_thousand_links_decode_to_states_that_can_be_written_again():
    start = time.process_time()
    for page, link in links(1000):
        kind = STATES[page]
        view, bad = state.decode(kind, link)
        assert set(bad) <= set(link)
        assert state.decode(kind, state.encode(view)) == (view, [])
        assert kind.model_validate(view.model_dump()) == view
    assert time.process_time() - start < 20


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_a_link_is_a_value_of_the_schema_or_left_out(change):
    for key, value in presets.changes_of([change]).items():
        assert config.setting(key, value) == value
        json.dumps(value, allow_nan=False)


def test_only_what_the_schema_takes_remains():
    whole = {"optim.max_steps": 1, "optim.warmup_beta": None, "optim.grad_clip": 1e30, "optim.batch_size": 1000}
    assert presets.changes_of(CHANGES) == whole


@pytest.mark.parametrize(("page", "link"), [each for number, each in enumerate(links(1000)) if number % 21 == 0])
def test_pages_of_edited_links_show_no_traceback(runs, page, link):
    link = dict(link)
    shown = opened(page, link.pop("model", "small-gmp"), **link)
    assert not shown.exception
