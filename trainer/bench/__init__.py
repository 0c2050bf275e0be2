"""`python -m trainer bench`: what a training step costs beyond its network passes, and what every model costs.

settings    what is measured
passes      a step against the sum of the passes that the method cannot do without
variants    pictures a second and memory by model and size; threads, bfloat16, torch.compile
recipes     the bundled recipes on one kind of processor: steps a second, memory, time to train
memory      peak memory of a process of its own
"""

import torch

from trainer.bench import memory, passes, settings, variants


def measure(repeats: int = 15, all_models: bool = True) -> dict:
    """Return the numbers that `table` shows.

    Args:
        repeats: interleaved measurements of the step and its passes; a third as many of every model.
        all_models: whether every model and size is measured, which takes minutes.
    """
    times = {name: passes.time_step(wanted, repeats) for name, wanted in settings.by_name().items()}
    peak = memory.peak_gb(next(iter(settings.by_name().values())))
    models = variants.measure(max(3, repeats // 3)) if all_models else []
    return {"threads": torch.get_num_threads(), "times": times, "peak_gb": peak, "models": models}


def table(results: dict) -> str:
    """Return the results of `measure` as text."""
    peak = f"peak memory, published setting {results['peak_gb']:.3f} GB     target at most {memory.LIMIT}"
    parts = [passes.table(results["times"], results["threads"]), peak]
    return "\n".join(parts + ([variants.table(results["models"])] if results["models"] else []))
