"""Gaussian mixtures fitted to codes, without labels: by expectation maximisation, or found among neighbours first.

Among neighbours: UMAP draws together what is connected, whatever its form in the latent space, a mixture is fitted
there (the N2D of McConville et al., *N2D: (Not Too) Deep Clustering*, ICPR 2020, on the codes of an autoencoder), and
its memberships give the components' moments in the latent space itself. EM alone divides a curved cluster and joins
two close ones, because its first guess, k-means, does.

`python -m trainer.latent.mixtures FOLDER COMPONENTS SEED` is the child process that `in_child` starts.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.batching import Progress, silent
from trainer.errors import UserError
from trainer.latent import embedding, neighbours
from trainer.system import ROOT, files

NEIGHBOURS, DIMS = 15, 10
"""Of UMAP: its usual neighbourhood, and enough axes for ten clusters to lie apart (N2D takes as many as clusters)."""
STARTS = 4
"""k-means starts of every mixture, of which the likeliest is kept."""
FLOOR = 1e-3
"""Added to the variances, so that no component is flat; codes have unit variance."""
CODES, PROGRESS, RESULT, LOG = "codes.npy", "progress.json", "mixture.npz", "output.txt"


class Moments(NamedTuple):
    """Weights (K,), means (K, d) and covariances (K, d, d), float64."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def by_em(codes: np.ndarray, components: int, seed: int) -> Moments:
    """Return the mixture that EM finds on the codes (N, d) themselves."""
    mixture = _fitted(codes, components, seed, FLOOR)
    return Moments(mixture.weights_, mixture.means_, mixture.covariances_)


def memberships(codes: np.ndarray, components: int, seed: int, progress: Progress = silent) -> np.ndarray:
    """Return p(k | code) under a mixture on UMAP's coordinates of the codes (N, d), (N, K); rows sum to 1.

    Args:
        codes: more than NEIGHBOURS of them, and no fewer than components.
        progress: as embedding.embed, then "mixture".
    """
    start = neighbours.pca(codes, min(DIMS, codes.shape[1]))
    settings = {"neighbours": NEIGHBOURS, "min_dist": 0.0, "seed": seed, "progress": progress}
    together = embedding.embed(codes, start, **settings)
    progress("mixture", 0, 1)
    return _fitted(together, components, seed).predict_proba(together.astype(np.float64))


def by_neighbours(codes: np.ndarray, components: int, seed: int, progress: Progress = silent) -> Moments:
    """Return the moments, in the space of the codes (N, d), of the components that `memberships` finds."""
    shares = memberships(codes, components, seed, progress)
    counts = shares.sum(0) + 1e-6  # a component that nothing belongs to has a density all the same
    means = shares.T @ codes / counts[:, None]
    apart = codes[None] - means[:, None]  # (K, N, d)
    covariances = np.einsum("nk,kni,knj->kij", shares, apart, apart, optimize=True) / counts[:, None, None]
    return Moments(counts / counts.sum(), means, covariances + FLOOR * np.eye(codes.shape[1]))


def _fitted(points: np.ndarray, components: int, seed: int, floor: float = 1e-6):
    from sklearn.mixture import GaussianMixture  # 30 MB and a second that others do without

    mixture = GaussianMixture(components, reg_covar=floor, n_init=STARTS, random_state=seed)
    return mixture.fit(points.astype(np.float64))


# --- in a process of its own ------------------------------------------------------------------------------------------


def in_child(codes: np.ndarray, components: int, seed: int, progress: Progress = silent) -> Moments:
    """Return `by_neighbours` of the codes, found by a child process.

    Numba's threads go on spinning after UMAP and would take half of every later training step.

    Args:
        progress: called twice a second at least, so that it can serve as a heartbeat; what it raises ends the child.

    Raises: UserError, one sentence, if the child fails or the temporary folder cannot be written.
    """
    remedy = "resume to try again, or train anew with prior.placement=em"
    try:
        with tempfile.TemporaryDirectory(prefix="gwae-mixture-") as name:
            folder = Path(name)
            np.save(folder / CODES, codes)
            said = _watched(folder, components, seed, progress)
            if said is not None:
                raise UserError(f"The mixture could not be placed by neighbours ({said}); {remedy}.")
            with np.load(folder / RESULT) as found:
                return Moments(**found)
    except OSError as error:
        raise UserError(f"The mixture could not be placed by neighbours ({error}); {remedy}.") from error


def _watched(folder: Path, components: int, seed: int, progress: Progress) -> str | None:
    """Run the child to its end; return what it said last if it failed, else None."""
    log = folder / LOG
    with open(log, "w", encoding="utf-8") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "trainer.latent.mixtures", str(folder), str(components), str(seed)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is meant for the training, which ends after this step
        )
    try:
        while child.poll() is None:
            progress(*(json.loads((folder / PROGRESS).read_text()) if (folder / PROGRESS).exists() else ("", 0, 1)))
            try:
                child.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
    finally:
        child.kill()
        child.wait()
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "its process was ended")
    return said if child.returncode else None


def main(name: str, components: str, seed: str) -> None:
    """Do the work of the child process in its folder."""
    folder = Path(name)
    report = lambda *values: files.write_text(folder / PROGRESS, json.dumps(values))  # noqa: E731
    np.savez(folder / RESULT, **by_neighbours(np.load(folder / CODES), int(components), int(seed), report)._asdict())


if __name__ == "__main__":
    main(*sys.argv[1:])
