from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from trainer.batching import silent
from trainer.evaluation import clustering
from trainer.latent import clusters


def partitions(k: int, classes: int, n: int = 300, agree: float = 0.6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    found = np.where(rng.random(n) < agree, (labels + 1) % k, rng.integers(0, k, n))
    return found, labels


def test_contingency_counts_every_pair():
    table = clusters.contingency(np.array([0, 0, 2, 2, 2]), np.array([1, 1, 0, 3, 3]), 3, 4)
    assert table.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [1, 0, 0, 2]]


@pytest.mark.parametrize("seed", range(8))
def test_accuracy_is_the_best_of_all_permutations(seed):
    found, labels = partitions(4, 4, agree=0.1 * seed, seed=seed)
    best = max(np.mean(np.array(p)[found] == labels) for p in permutations(range(4)))
    assert clustering.matched_accuracy(clusters.contingency(found, labels, 4, 4)) == pytest.approx(best)


@pytest.mark.parametrize(("k", "classes"), [(6, 4), (3, 5)])
def test_accuracy_with_unequal_numbers_matches_one_to_one(k, classes):
    found, labels = partitions(k, classes, seed=3)
    size = max(k, classes)  # brute force on the padded square: what stays unmatched is wrong
    best = max(np.mean(np.array(p)[found] == labels) for p in permutations(range(size)))
    assert clustering.matched_accuracy(clusters.contingency(found, labels, k, classes)) == pytest.approx(best)


def test_splitting_one_class_over_two_clusters_costs_accuracy():
    found, labels = np.array([0, 0, 1, 2]), np.array([0, 0, 0, 1])
    assert clustering.matched_accuracy(clusters.contingency(found, labels, 3, 2)) == 0.75


@pytest.mark.parametrize(("k", "classes", "agree"), [(4, 4, 0.9), (10, 10, 0.3), (7, 3, 0.0), (2, 6, 0.5)])
def test_nmi_and_ari_match_scikit_learn(k, classes, agree):
    found, labels = partitions(k, classes, agree=agree, seed=k)
    table = clusters.contingency(found, labels, k, classes)
    expected = normalized_mutual_info_score(labels, found)
    assert clustering.normalised_mutual_information(table) == pytest.approx(expected, abs=1e-10)
    assert clustering.adjusted_rand_index(table) == pytest.approx(adjusted_rand_score(labels, found), abs=1e-10)


def test_renamed_clusters_are_perfect_and_one_cluster_is_worthless():
    labels = np.arange(100) % 4
    renamed = clusters.contingency((labels + 3) % 4, labels, 4, 4)
    assert [measure(renamed) for measure in clustering.AGREEMENT.values()] == pytest.approx([1, 1, 1])
    one = clusters.contingency(np.zeros(100, dtype=int), labels, 4, 4)
    assert [measure(one) for measure in clustering.AGREEMENT.values()] == pytest.approx([0.25, 0, 0])


def test_bootstrap_of_accuracy_has_the_binomial_width():
    table = np.diag([400, 400]) + np.array([[0, 100], [100, 0]])  # accuracy 0.8, n 1000
    low, high = clustering.bootstrap_interval(table, clustering.matched_accuracy, seed=0)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert (low, high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.004)
    assert (low, high) == clustering.bootstrap_interval(table, clustering.matched_accuracy, seed=0)


def test_dead_components_by_weight_and_by_absence():
    weights = np.array([0.019, 0.021, 0.3, 0.36, 0.3])  # the limit is 1 / 50
    assigned = np.array([0, 1, 2, 2, 4])
    assert clusters.dead_components(weights, assigned).tolist() == [True, False, False, True, False]


def test_kmeans_finds_separated_blobs():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    codes = 10 * np.eye(4)[labels] + rng.normal(0, 0.5, (200, 4))
    table = clusters.contingency(clusters.kmeans(codes, 4, seed=0), labels, 4, 4)
    assert clustering.matched_accuracy(table) == 1.0


def test_controls_need_no_prior_and_are_what_they_say():
    """Two clusters on a line each, long and close: k-means cuts them across, whatever looks at neighbours does not."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    codes = np.stack([rng.uniform(-8, 8, 400), 2 * labels + rng.normal(0, 0.15, 400), rng.normal(0, 0.15, 400)], 1)
    found = clustering._controls(SimpleNamespace(mu=torch.from_numpy(codes), seed=0, progress=silent), 2)
    assert set(found) == {"k-means", "fitted mixture", "N2D", "placed mixture"}
    accuracy = {k: clustering.matched_accuracy(clusters.contingency(v, labels, 2, 2)) for k, (v, _) in found.items()}
    assert accuracy["k-means"] < 0.6
    assert accuracy["N2D"] == accuracy["placed mixture"] == 1
    few = SimpleNamespace(mu=torch.from_numpy(codes[:199]), seed=0, progress=silent)
    assert set(clustering._controls(few, 2)) == {"k-means"}
