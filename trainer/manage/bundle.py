"""Bundling: a finished run as a small folder without training state, as in pretrained/."""

import shutil
from pathlib import Path

from trainer import models
from trainer.errors import UserError
from trainer.runs import layout, onnx_files
from trainer.runs.folder import Run
from trainer.system import files


def bundle(run: Run, out: Path) -> Run:
    """Write configuration, history, weights and the decoder for the browser to `out`; return the new run.

    Weights are stored in float16. The file has a hash of its own: evaluate the bundled run, not the original.
    load_weights converts it to float32, so every copy computes the same numbers.

    Raises: UserError if the run is untrained, or `out` is not empty or cannot be written.
    """
    if not run.is_trained:
        raise UserError(f"{run.path}: not trained yet; continue it with 'python -m trainer resume'.")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: not empty; choose another --out or delete it first.")
    files.make_folder(out)
    models.save_weights(run.load_model(), out / layout.WEIGHTS, half=True)
    for name in layout.BUNDLED:
        if (run.path / name).is_file():
            files.write_atomic(out / name, lambda temporary, name=name: shutil.copyfile(run.path / name, temporary))
    halved = models.load_weights(run.config, out / layout.WEIGHTS)
    onnx_files.write_decoder(out, halved)
    files.write_text(out / layout.CONFIG, run.config.to_yaml())  # last: it makes the folder a run
    return Run(out)
