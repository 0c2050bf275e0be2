"""Pictures are scored by what a folder is calibrated for, whatever else its model can compute."""

from __future__ import annotations

import numpy as np

from tests.fixtures import blob_pictures, make_run
from trainer.ood import calibration, pictures
from trainer.ood.calibration import COMBINED


def test_scores_without_a_calibration_are_left_out(tmp_path):
    made = make_run(tmp_path / "run", pictures=40)
    known = {"relative error": np.linspace(0, 1, 40, dtype="float32")}
    made_of = calibration.calibrate(known, "gwae", checkpoint=made.hash, data="MNIST")
    calibration.write(made_of, made.path)
    table = pictures.score_pictures(made, blob_pictures(3)[0], ["a", "b", "c"], detectors=True)
    assert {COMBINED, "relative error", "relative error percentile"} <= set(table)
    assert "reconstruction error" not in table
    assert table["verdict"].isin(["outlier", "ordinary"]).all()
