from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer import preload


def test_the_installed_streamlit_has_the_file():
    name = preload.chart_file()
    assert (Path(st.__file__).parent / "static" / "static" / "js" / name).stat().st_size > 10**6


def test_another_streamlit_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr(preload.st, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setattr(preload.st, "html", lambda *_a, **_k: 1 / 0)
    preload.chart_file.cache_clear()
    try:
        preload.plotly()
        assert preload.chart_file() == ""
    finally:
        preload.chart_file.cache_clear()
