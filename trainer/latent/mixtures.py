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
CODES, PROGRESS, RESULT, LOG = "codes.npy", "progress.json", "memberships.npy", "output.txt"


class Moments(NamedTuple):
    """Weights (K,), means (K, d) and covariances (K, d, d), float64."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


def by_em(codes: np.ndarray, components: int, seed: int) -> Moments:
    """Return the mixture that EM finds on the codes (N, d) themselves."""
    mixture = _fitted(codes, components, seed, FLOOR)
    return Moments(mixture.weights_, mixture.means_, mixture.covariances_)


def by_neighbours(codes: np.ndarray, components: int, seed: int, progress: Progress = silent) -> Moments:
    """Return the mixture of the components that neighbours form, found by a child process (see `in_child`)."""
    return moments(codes, in_child(codes, components, seed, progress))


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


def moments(codes: np.ndarray, shares: np.ndarray) -> Moments:
    """Return the mixture, in the space of the codes (N, d), whose components have these memberships (N, K)."""
    counts = shares.sum(0) + 1e-6  # a component that nothing belongs to has a density all the same
    means = shares.T @ codes / counts[:, None]
    floor = FLOOR * np.eye(codes.shape[1])
    apart = (codes - mean for mean in means)  # of one component at a time: all at once may be gigabytes
    covariances = [(share * each.T) @ each / n + floor for share, each, n in zip(shares.T, apart, counts, strict=True)]
    return Moments(counts / counts.sum(), means, np.stack(covariances))


def assigned(mixture: Moments, codes: np.ndarray) -> np.ndarray:
    """Return the most responsible component of each code (N, d), (N,)."""
    from scipy.stats import multivariate_normal

    parts = zip(*mixture, strict=True)
    return np.stack([np.log(weight) + multivariate_normal(*each).logpdf(codes) for weight, *each in parts]).argmax(0)


def _fitted(points: np.ndarray, components: int, seed: int, floor: float = 1e-6):
    from sklearn.mixture import GaussianMixture  # 30 MB and a second that others do without

    mixture = GaussianMixture(components, reg_covar=floor, n_init=STARTS, random_state=seed)
    return mixture.fit(points.astype(np.float64))


# --- in a process of its own ------------------------------------------------------------------------------------------


def in_child(codes: np.ndarray, components: int, seed: int, progress: Progress = silent) -> np.ndarray:
    """Return `memberships` of the codes, found by a child process.

    Numba's threads go on spinning after UMAP and would take half of every later training step.

    Args:
        progress: called twice a second at least, so that it can serve as a heartbeat; what it raises ends the child.

    Raises: UserError, one sentence, if the child fails or the temporary folder cannot be written.
    """
    said: str | None
    try:
        with tempfile.TemporaryDirectory(prefix="gwae-mixture-") as name:
            np.save(Path(name) / CODES, codes)
            said = _watched(Path(name), components, seed, progress)
            if said is None:
                return np.load(Path(name) / RESULT)
    except OSError as error:
        said = str(error)
    raise UserError(f"Grouping the codes by neighbours failed ({said}); resume the training, or measure again.")


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
    np.save(folder / RESULT, memberships(np.load(folder / CODES), int(components), int(seed), report))


if __name__ == "__main__":
    main(*sys.argv[1:])
