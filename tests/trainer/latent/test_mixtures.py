"""Mixtures found among neighbours: what connected clusters are, whatever their form and size, where EM alone errs."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from trainer.errors import StoppedError, UserError
from trainer.latent import mixtures
from trainer.latent.mixtures import Moments

COUNTS = (450, 225, 135, 90)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rings, one over the other, with a blob in the middle of each: 900 codes in five dimensions, and the cluster
    of each; which of the four clusters is large and which is small depends on the seed."""
    random = np.random.default_rng(seed)
    labels = np.repeat(random.permutation(4), COUNTS)
    angle, ring = random.uniform(0, 2 * np.pi, 900), labels < 2
    codes = 0.2 * random.normal(size=(900, 5))
    codes[:, 0] += 1.6 * ring * np.cos(angle)
    codes[:, 1] += 1.6 * ring * np.sin(angle)
    codes[:, 2] += 1.5 * (labels % 2)
    return codes, labels


def by_neighbours(codes: np.ndarray, components: int, seed: int) -> Moments:
    """As the trainer's, without the child process."""
    return mixtures.moments(codes, mixtures.memberships(codes, components, seed))


@pytest.mark.parametrize("seed", range(4))
def test_rings_of_unequal_size_are_found_where_em_alone_errs(seed):
    codes, labels = drawn(seed)
    agreement = {
        fit: normalized_mutual_info_score(labels, mixtures.assigned(fit(codes, 4, seed), codes))
        for fit in (by_neighbours, mixtures.by_em)
    }
    assert agreement[by_neighbours] > 0.87
    assert agreement[mixtures.by_em] < 0.85


@pytest.mark.parametrize("fit", [by_neighbours, mixtures.by_em])
def test_moments_of_clusters_far_apart_are_those_of_their_codes(fit):
    random = np.random.default_rng(0)
    labels = np.repeat(range(3), (300, 80, 40))
    codes = random.normal(size=(420, 4)) * [1, 0.2, 0.5, 1] + 30 * np.eye(4)[labels]
    weights, means, covariances = mixture = fit(codes, 3, 0)
    assert normalized_mutual_info_score(labels, mixtures.assigned(mixture, codes)) == pytest.approx(1)
    for place, label in enumerate((2, 1, 0)):  # the lightest first
        k, own = np.argsort(weights)[place], codes[labels == label]
        assert weights[k] == pytest.approx(len(own) / len(codes), abs=1e-6)
        assert means[k] == pytest.approx(own.mean(0), abs=1e-4)
        wanted = np.cov(own, rowvar=False, bias=True) + mixtures.FLOOR * np.eye(4)
        assert covariances[k] == pytest.approx(wanted, abs=1e-3)


def test_same_seed_same_mixture_in_this_process_or_another():
    codes, _ = drawn(0)
    seen = []
    first = mixtures.in_child(codes, 4, 3, lambda *values: seen.append(values))
    assert np.array_equal(first, mixtures.memberships(codes, 4, 3))
    assert not np.array_equal(first, mixtures.memberships(codes, 4, 4))
    assert np.allclose(first.sum(1), 1)
    assert {"neighbours", "layout"} & {what for what, *_ in seen}
    assert all(0 <= done <= total for _, done, total in seen)


def test_assignment_is_by_weight_and_density():
    mixture = Moments(np.array([0.9, 0.1]), np.array([[0.0], [2.0]]), np.array([[[1.0]], [[1.0]]]))
    middle = 1 + np.log(9) / 2  # where both have the same share
    assert mixtures.assigned(mixture, np.array([[middle - 0.01], [middle + 0.01]])).tolist() == [0, 1]


def test_a_child_that_fails_is_one_sentence():
    codes, _ = drawn(0)
    codes[0, 0] = np.nan
    with pytest.raises(
        UserError, match=r"by neighbours failed \(.*LinAlgError.*; resume the training, or measure again."
    ):
        mixtures.in_child(codes, 4, 0)


def test_who_stops_the_training_ends_the_child_too(monkeypatch):
    started = []
    popen = mixtures.subprocess.Popen

    def noted(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    def stop(*_):
        raise StoppedError

    monkeypatch.setattr(mixtures.subprocess, "Popen", noted)
    with pytest.raises(StoppedError):
        mixtures.in_child(drawn(0)[0], 4, 0, stop)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)
