"""Out-of-distribution detection: which pictures are unlike the training data.

    ranking      AUROC, AUPR, FPR95 and their bootstrap intervals, from two sets of scores
    detectors/   detectors of the literature to compare with: likelihood, input complexity, typicality, regret, ...
    baselines    mean intensity, stroke area and PNG size: scores without a model
    calibration  quantiles of every score on held-out pictures, two-sided potentials and the combined default score
    pairs        pairs of ordinary pictures and outliers, by name
    tables       scores of whole data sets as rows of ood_scores.parquet
    inputs       a user's files, folders and zips as pictures
    pictures     scores, percentiles and verdicts of a user's pictures: the page and `python -m trainer score`
    history      AUROC over training

A larger score is more out-of-distribution, and out-of-distribution is the positive class; no score is ever flipped.
"""
