"""Codes in groups: k-means, the table of clusters against classes, and components of a mixture that hold no code."""

import numpy as np


def kmeans(codes: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Return the cluster of each code, (N,), by k-means with 10 restarts."""
    from sklearn.cluster import KMeans  # a second, which drawing clusters does without

    return KMeans(n_clusters=clusters, n_init=10, random_state=seed).fit_predict(np.asarray(codes, dtype=np.float64))


def contingency(clusters: np.ndarray, labels: np.ndarray, n_clusters: int, n_labels: int) -> np.ndarray:
    """Return counts n[k, c] of pictures in cluster k with label c, int64 (n_clusters, n_labels)."""
    flat = np.asarray(clusters, dtype=np.int64) * n_labels + np.asarray(labels, dtype=np.int64)
    return np.bincount(flat, minlength=n_clusters * n_labels).reshape(n_clusters, n_labels)


def dead_components(weights: np.ndarray, assigned: np.ndarray) -> np.ndarray:
    """Return which components are dead: weight below 1 / (10 K), or no test code assigned; bool (K,).

    Args:
        weights: mixture weights, (K,), summing to 1.
        assigned: component of each test code, (N,).
    """
    counts = np.bincount(assigned, minlength=len(weights))
    return (weights < 1.0 / (10 * len(weights))) | (counts == 0)
