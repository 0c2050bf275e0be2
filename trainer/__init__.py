"""Train and use Gromov-Wasserstein autoencoders from Python; docs/python.md explains each step.

    import trainer

    run = trainer.open_run("pretrained/mnist-gmp")
    pictures = trainer.stored_pictures(run)                        # uint8, (2000, 1, 32, 32)
    codes = trainer.encode(run, pictures)                          # posterior means, (2000, 16)
    reconstructions = trainer.decode(run, codes)                   # floats from 0 to 1, (2000, 1, 32, 32)
    samples = trainer.decode(run, trainer.sample(run, 8, seed=0))  # pictures of 8 codes drawn from the prior
    scores = trainer.score(run, pictures[:10])                     # a table: outlier scores and their percentiles
    numbers = trainer.metrics(run)                                 # a table: each number with its protocol
    run = trainer.fit("trainer/configs/mnist-vae.yaml", out="runs/new")

The functions live in trainer/library.py and are imported with what they need (torch, pandas) when the first is used:
`import trainer` itself is instant. Nothing here imports streamlit or explorer.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "DATASETS", "Run", "UserError", "decode", "encode", "evaluate", "fit", "list_runs", "load_config", "metrics",
    "open_run", "read_pictures", "resume", "sample", "score", "stored_pictures",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'trainer' has no attribute '{name}'")
    return getattr(import_module("trainer.library"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
