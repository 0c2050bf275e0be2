"""The commands of an installed package: `gwae-explorer` starts the app, `gwae` is the command line.

The wheel holds this file as the package gwae_explorer, with trainer/, explorer/, pages/ and pretrained/ inside it (see
pyproject.toml): names as common as these must not lie at the top of a user's site-packages. The commands put that
folder on the path of their own process.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE if (HERE / "trainer").is_dir() else HERE.parent


def app() -> int:
    """Start the app with the options of `streamlit run`; runs and data are those of the current folder."""
    _prepare()
    from explorer.shared import exposure

    arguments = sys.argv[1:]
    if status := exposure.check(arguments):
        return status
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(ROOT / "explorer" / "app.py"), *arguments]
    return cli.main()


def command_line() -> int:
    """Run `python -m trainer` with the arguments of this process; return its exit status."""
    _prepare()
    from trainer.__main__ import main

    return main()


def _prepare() -> None:
    """Put the packages on the path, and keep the user's files out of site-packages."""
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("GWAE_RUNS", str(Path.cwd() / "runs"))
    os.environ.setdefault("GWAE_DATA", str(Path.cwd() / "data"))
