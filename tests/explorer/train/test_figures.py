"""Curves of trainings: every term once, thinned but complete, and validation and training drawn apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.shared.phases import duration
from explorer.train import figures, form
from trainer.config import Config

HISTORY = pd.DataFrame(
    {
        "step": [50, 100, 150],
        "seconds": [1.0, 2.0, 3.0],
        "loss": [3.0, 2.0, 1.0],
        "gw": [1.0, np.nan, 0.5],
        "unheard of": [1.0, 1.0, 1.0],
        "validation loss": [np.nan, 2.5, np.nan],
        "validation psnr": [np.nan, 17.0, np.nan],
        "prior_scale": [np.nan, 1.0, np.nan],
        "posterior_scale": [np.nan, 0.5, np.nan],
    }
)


def test_every_term_has_a_panel_known_ones_first():
    terms = figures.terms_of(HISTORY)
    assert terms == ["loss", "gw", figures.SCALES_TITLE, "psnr", "unheard of"]
    assert figures.terms_of(pd.DataFrame()) == []


@pytest.mark.parametrize("dark", [False, True])
def test_curves_hold_the_history(dark):
    terms = figures.terms_of(HISTORY)
    figure = figures.curves(HISTORY, terms, 3, dark)
    by_name = [(trace.name, list(trace.x), list(trace.y)) for trace in figure.data]
    assert by_name[0] == ("training", [50, 100, 150], [3.0, 2.0, 1.0])
    assert by_name[1] == ("validation", [100], [2.5])
    assert by_name[2] == ("training", [50, 150], [1.0, 0.5]), "gaps are left out"
    assert [name for name, *_ in by_name[3:5]] == ["prior", "posterior σ"]
    assert [note.text for note in figure.layout.annotations] == [figures.TITLES.get(term, term) for term in terms]


def test_long_histories_are_thinned_to_the_end():
    steps = np.arange(1, 10_001) * 50
    figure = figures.curves(pd.DataFrame({"step": steps, "loss": 1.0 / steps}), ["loss"], 3)
    assert len(figure.data[0].x) <= figures.MOST_POINTS
    assert figure.data[0].x[0] == steps[0]
    assert figure.data[0].x[-1] == steps[-1]


def test_runs_lie_over_each_other_by_what_they_share():
    vae = HISTORY.drop(columns=["gw"])
    figure = figures.overlay({"a": HISTORY, "b": vae}, "gw", log=True)
    assert [trace.name for trace in figure.data] == ["a"]
    assert figure.layout.yaxis.type == "log"
    figure = figures.overlay({"a": HISTORY, "b": vae}, "loss", log=False)
    assert [trace.name for trace in figure.data] == ["a", "b"]
    assert list(figure.data[0].y) == [2.5], "validation where there is such"
    assert figure.data[0].line.color != figure.data[1].line.color


def test_scales_are_sorted_by_the_codes():
    preview = {"prior_scale": np.ones(3), "code_scale": np.array([0.2, 0.9, 0.5]), "posterior_scale": np.zeros(3)}
    figure = figures.scales(preview)
    assert list(figure.data[0].x) == ["z1", "z2", "z0"]
    assert list(figure.data[1].y) == [0.9, 0.5, 0.2]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3000, "50 min"),
        (5400, "1 h 30 min"),
        (40_000, "11 h"),
        (2e5, "2 days"),
    ],
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


def test_every_setting_of_the_schema_has_bounds_that_the_schema_accepts():
    """What a widget can be set to is what pydantic takes, ends included."""
    for section in form.SECTIONS:
        kind = Config.model_fields[section].annotation
        for leaf, field in kind.model_fields.items():
            if field.annotation not in (int, float):
                continue
            low, high = form._bounds(field.metadata, field.annotation is float)
            for end in (low, high):
                if end is not None:
                    assert getattr(kind.model_validate({leaf: end}), leaf) == end, (section, leaf)
