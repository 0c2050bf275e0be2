"""Out-of-distribution detection: which pictures a model should say it does not know.

    ranking      AUROC, AUPR, FPR95 and their bootstrap intervals, from two sets of scores
    baselines    mean intensity, stroke area and PNG size: what any model has to beat
    calibration  quantiles of every score on held-out pictures, two-sided potentials and the combined default score
    pairs        which data are held against which, by name, and the pictures of the second
    tables       scores of whole data sets as rows of ood_scores.parquet
    inputs       a user's files, folders and zips as pictures
    pictures     scores, percentiles and verdicts of a user's pictures: the page and `python -m trainer score`
    history      AUROC over the course of a training

A larger score is more out-of-distribution, and out-of-distribution is the positive class; no score is ever flipped.
"""
