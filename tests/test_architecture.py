"""The rules that hold the tree together, read off the source itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from trainer.runs import layout

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("trainer", "explorer", "pages")
HEAVY = {"torch", "torchvision", "lightning", "lightning_fabric", "torchmetrics", "umap", "sklearn", "onnx"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "pd.read_pickle", "pandas.read_pickle", "yaml.load", "yaml.unsafe_load"}
LINES = 400
FUNCTION_LINES = 40
"""Of a function at most, its docstring apart."""
FLOORS = (
    "errors",
    "system",
    "config",
    "data",
    "models",
    "runs",
    "batching",
    "latent",
    "ood",
    "training",
    "evaluation",
)
FLOORS += ("bench", "jobs", "study", "exchange", "manage", "library", "__main__")
"""The rooms of trainer/, low to high: none imports from a higher one, inside functions neither."""
BYTES = 16 * 2**20
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".npz", ".npy", ".zip"}


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in the module, `from a import b` as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything called, as written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func)


def forbidden_imports(source: str, names: set[str]) -> set[str]:
    return {name for name in imported(ast.parse(source)) if name.split(".")[0] in names}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def arrows(room: str) -> set[tuple[str, str]]:
    """(module, module of the same room that it imports), wherever in the module it does."""
    paths = {dotted(path): path for path in modules(room)}
    found = set()
    for name, path in paths.items():
        for target in imported(ast.parse(path.read_text(encoding="utf-8"))):
            target = target if target in paths else target.rpartition(".")[0]
            if target in paths and target not in (name, room) and name != room:
                found.add((name, target))
    return found


def astray(links: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Imports between modules of explorer/ that no plan allows: up from what is shared, or from one page's package to
    another's. components/ is for everybody and may use shared/."""
    rooms = {link: [name.split(".")[1] for name in link] for link in links}
    return {link for link, (own, other) in rooms.items() if other not in {own, "shared", "components"}}


def circle(links: set[tuple[str, str]]) -> set[str]:
    """Modules that are on a circle of imports, or between two of them."""
    while True:
        rest = {(a, b) for a, b in links if any(b == x for x, _ in links) and any(a == y for _, y in links)}
        if rest == links:
            return {name for link in links for name in link}
        links = rest


def long_functions(source: str) -> set[str]:
    """Names of functions of more than FUNCTION_LINES lines, docstrings apart."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0] if ast.get_docstring(node) is not None else None
            size = node.end_lineno - node.lineno + 1
            if size - (docstring.end_lineno - docstring.lineno + 1 if docstring else 0) > FUNCTION_LINES:
                found.add(node.name)
    return found


def given_twice(source: str) -> set[str]:
    """Constants of a module that it gives a second value: the first one is lost without a word."""
    targets = [target for node in ast.parse(source).body if isinstance(node, ast.Assign) for target in node.targets]
    names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return {name for name in names if name.isupper() and names.count(name) > 1}


def _weights_only(call: ast.Call) -> bool:
    """Whether a torch.load unpickles nothing but tensors, and says so where it stands."""
    return any(keyword.arg == "weights_only" and ast.unparse(keyword.value) == "True" for keyword in call.keywords)


def unsafe(source: str) -> set[str]:
    tree = ast.parse(source)
    loads = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"]
    safe = {"torch.load"} if all(_weights_only(node) for node in loads) else set()
    allowed = {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords}
    return (
        forbidden_imports(source, UNSAFE_MODULES)
        | (set(called(tree)) & UNSAFE_CALLS - safe)
        | ({name for name in imported(tree) if name in UNSAFE_CALLS})
        | (allowed & {"allow_pickle"})
    )


def tracked() -> list[Path]:
    """Files of the project: those git tracks, or, in an unpacked archive, those that are there."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        paths = [ROOT / name for name in listing.split("\0") if name]
        return [path for path in paths if path.is_file()]
    private = {".venv", "venv", "runs", "data", "__pycache__", ".pytest_cache", ".ruff_cache"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not private & set(path.relative_to(ROOT).parts)]


def may_not_be_bundled(name: str) -> bool:
    """Whether a path looks like pictures of a data set whose pictures the project may not carry."""
    name = name.lower()
    sets = ("omniglot", "images_background", "celeba")
    return Path(name).suffix in PICTURES and any(word in name for word in sets)


def spelled_files(source: str) -> set[str]:
    """File names of a run folder that a module spells itself; sentences that mention them are none of these."""
    tree = ast.parse(source)
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    names = set(layout.FILES) | {name.rpartition("/")[2] for name in layout.FILES if "." in name}
    return {text for text in texts if text.strip("/") in names or any(text.endswith(f"/{name}") for name in names)}


def test_the_rules_see_what_they_forbid():
    assert given_twice("A = 1\nB, C = 2, 3\nC = 4\nx = A\nx = B") == {"C"}
    assert spelled_files('path = folder / "codes.parquet"') == {"codes.parquet"}
    assert spelled_files('(f / "training" / "log.txt", f"{f}/training/stop")') == {"log.txt", "/training/stop"}
    assert not spelled_files(
        'raise UserError(f"{f}: no codes.parquet, so measure it"); phase = "training"; lock = "lock"'
    )
    assert forbidden_imports("def f():\n    from streamlit.runtime import x", {"streamlit"})
    assert forbidden_imports("import torch.nn as nn", {"torch"})
    assert not forbidden_imports("import torchless", {"torch"})
    for source in (
        "import pickle",
        "from torch import load",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "torch.load(p, weights_only=True)\ntorch.load(p)",
        "eval(p)",
        "np.load(p, allow_pickle=True)",
    ):
        assert unsafe(source)
    up, across = ("explorer.shared.latent", "explorer.traverse.state"), ("explorer.ood.page", "explorer.train.page")
    allowed = {("explorer.ood.page", "explorer.shared.state"), ("explorer.ood.page", "explorer.ood.panel")}
    assert astray({up, across, *allowed}) == {up, across}
    assert circle({("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")}) == {"a", "b", "c"}
    assert circle({("a", "b"), ("b", "c"), ("a", "c")}) == set()
    body = "    x = 1\n" * FUNCTION_LINES
    assert long_functions(f"def f():\n{body}") == {"f"}
    assert long_functions(f"def f():\n    'what it does'\n{body[:-10]}") == set()
    assert not unsafe("model.eval()\nnp.load(p)\ntorch.load(p, weights_only=True)")
    assert may_not_be_bundled("pretrained/omniglot-np/sprite.png")
    assert not may_not_be_bundled("docs/a.png")


@pytest.mark.parametrize("path", modules("trainer"), ids=lambda path: str(path.relative_to(ROOT)))
def test_trainer_knows_nothing_of_the_app(path):
    assert not forbidden_imports(path.read_text(encoding="utf-8"), {"streamlit", "explorer", "pages"})


def test_no_room_of_the_trainer_imports_from_a_higher_one():
    rooms = {name.split(".")[1] for link in arrows("trainer") for name in link}
    assert rooms <= set(FLOORS)
    upward = {
        (name, target)
        for name, target in arrows("trainer")
        if FLOORS.index(name.split(".")[1]) < FLOORS.index(target.split(".")[1])
    }
    assert upward == set()


@pytest.mark.parametrize("room", ["trainer", "explorer"])
def test_no_circle_of_imports(room):
    assert circle(arrows(room)) == set()


def test_no_page_imports_from_another_and_nothing_shared_from_a_page():
    assert astray(arrows("explorer")) == set()


def test_the_package_of_a_page_exposes_its_page_alone():
    """pages/ and app.py know of a package of explorer/ what stands in its module `page`, and what is shared."""
    known = set()
    for path in (*modules("pages"), ROOT / "explorer" / "app.py"):
        known |= {
            name for name in imported(ast.parse(path.read_text(encoding="utf-8"))) if name.startswith("explorer.")
        }
    outside = {name for name in known if name.split(".")[1] != "shared"}
    assert outside == {f"explorer.{path.stem}.page" for path in modules("pages")}


@pytest.mark.parametrize("path", modules("pages"), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_leave_the_heavy_libraries_to_cached_functions(path):
    assert not forbidden_imports(path.read_text(encoding="utf-8"), HEAVY)


def test_importing_the_explorer_loads_nothing_heavy():
    """The first page is painted before torch (1 to 1.5 s) is imported; umap and sklearn never are at start-up."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules("explorer")]
    names = [name.removesuffix(".__init__") for name in names if name not in ("explorer.app", "explorer.__main__")]
    code = (
        "import importlib, json, sys\nfound = {}\n"
        f"for name in {names}:\n"
        "    importlib.import_module(name)\n"
        f"    for heavy in {sorted(HEAVY)}:\n"
        "        if heavy in sys.modules: found.setdefault(heavy, name)\n"
        "print(json.dumps(found))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {}


def test_no_module_shadows_a_library():
    """`streamlit run` puts explorer/ first on sys.path: a module umap there would be everybody's umap."""
    taken = set(sys.stdlib_module_names) | set(packages_distributions()) | {"tests", *ROOMS}
    own = {
        path.stem
        for room in ("explorer", "pages")
        for path in (ROOT / room).iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    }
    assert own & taken == set()


@pytest.mark.parametrize("path", modules(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_safe_and_short(path):
    source = path.read_text(encoding="utf-8")
    assert unsafe(source) == set()
    assert len(source.splitlines()) <= LINES
    assert long_functions(source) == set()
    assert given_twice(source) == set()


@pytest.mark.parametrize("path", modules(*ROOMS), ids=lambda path: str(path.relative_to(ROOT)))
def test_file_names_of_a_run_folder_stand_in_one_place(path):
    assert path == Path(layout.__file__) or spelled_files(path.read_text(encoding="utf-8")) == set()


def test_tracked_files_are_small_and_ours_to_give():
    files = tracked()
    assert ROOT / "pyproject.toml" in files
    assert [str(path) for path in files if path.stat().st_size > BYTES] == []
    assert [str(path) for path in files if may_not_be_bundled(str(path.relative_to(ROOT)))] == []


def test_settings_hold_from_any_directory_and_without_symbolic_links():
    """Streamlit reads .streamlit beside the main script; git on Windows checks links out as text files."""
    assert (ROOT / "explorer" / ".streamlit" / "config.toml").is_file()
    assert [str(path) for path in tracked() if path.is_symlink()] == []
    assert not (ROOT / ".streamlit").exists()  # a second copy could say something else


def test_streamlit_understands_every_setting():
    wanted = {
        "server.address": "127.0.0.1",
        "server.enableStaticServing": True,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.allowedHosts": ["localhost", "*.localhost", "127.0.0.1", "::1"],
        "browser.gatherUsageStats": False,
        "runner.postScriptGC": False,
        "theme.light.primaryColor": "#3064C8",
        "theme.dark.backgroundColor": "#14171C",
    }
    code = (
        "import json; from streamlit import config\n"
        f"print(json.dumps({{key: config.get_option(key) for key in {list(wanted)}}}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "explorer", capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(run.stdout) == wanted
    assert "not a valid config" not in run.stdout + run.stderr
