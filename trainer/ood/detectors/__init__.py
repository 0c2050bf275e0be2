"""Detectors of the literature, to compare the models' own scores with: one file each, with formula and source.

    likelihood    -log2 p(x), importance-weighted bound: the one to be better than
    complexity    -log2 p(x) minus the size of the picture in a lossless coder (PNG, WebP)
    typicality    distance of -log2 p(x) from its mean
    ratio         log2 p_background(x) - log2 p(x), against a model of pictures with replaced pixels
    regret        gain of the evidence lower bound by a posterior of the picture's own
    mahalanobis   distance of the code to the nearest class of training codes
    knn           distance of the code to the k-th nearest training code
    base          what a detector is, and what it knows of ordinary pictures;  batch: what it is given
    reference     what ordinary pictures score, stored with the calibration
    registry      all of them, and the scores of many pictures

A larger score is more out-of-distribution; none is ever flipped, and none is a part of the combined score. They take
about ten milliseconds a picture, so data sets are scored on a sample (`registry.PICTURES`). Of these modules `base`
and `reference` are free of torch.
"""
