"""What a library does not import for us: trainer/system/modules.py."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading

import pytest

from trainer.system import modules


@pytest.fixture
def absent():
    """The name of a module that is installed and not imported yet."""
    name = "this"  # prints when it is imported, and nothing else needs it
    sys.modules.pop(name, None)
    yield name
    sys.modules.pop(name, None)


def test_a_module_is_missing_inside_and_there_again_afterwards(absent):
    before = list(sys.meta_path)
    with modules.without(absent), pytest.raises(ModuleNotFoundError, match=absent):
        importlib.import_module(absent)
    assert sys.meta_path == before
    assert importlib.import_module(absent)


def test_an_error_inside_leaves_nothing_behind(absent):
    with pytest.raises(KeyError), modules.without(absent):
        raise KeyError
    assert importlib.import_module(absent)


def test_what_is_imported_already_stays(absent):
    importlib.import_module(absent)
    with modules.without(absent):
        assert importlib.import_module(absent)


def test_another_thread_imports_it_meanwhile(absent):
    with modules.without(absent):
        thread = threading.Thread(target=importlib.import_module, args=[absent])
        thread.start()
        thread.join()
        assert absent in sys.modules


def test_a_training_does_without_what_it_does_not_use():
    unused = {"torchmetrics", "sklearn", "pandas", "scipy.signal"}
    code = f"import sys, trainer.training.fit; print(*{unused} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
