from __future__ import annotations

from dataclasses import replace

import pytest

from explorer.shared import progress
from explorer.train import measured
from tests.fixtures import example_metrics
from trainer.evaluation import ood
from trainer.jobs import evaluate
from trainer.jobs.task import JobState


@pytest.mark.parametrize(
    ("found", "share", "reported"),
    [
        (JobState("running", "starting"), 0.0, "Starting …"),
        (JobState("running", "waiting"), 0.0, "Waiting for another measurement to end …"),
        (JobState("running", "reading", part="reading"), 0.0, "Reading the test pictures …"),
        (
            JobState("running", "encoding", 50, 200, part="codes", place=1, places=5),
            0.05,
            "Measuring, part 1 of 5: Encoding the test pictures (50 of 200) …",
        ),
        (
            JobState("running", "scoring a_b", 3, 4, part="ood", place=4, places=5),
            0.75,
            r"Measuring, part 4 of 5: Outliers, scoring a_b (3 of 4) …",
        ),
        (JobState("running", "x", 9, 4, part="files", place=5, places=5), 1.0, None),
    ],
)
def test_progress_counts_all_parts_and_says_which_one_it_is(found, share, reported):
    assert progress.share(found) == pytest.approx(share)
    assert reported is None or progress.text(found, evaluate.TASK) == reported


def test_headlines_are_the_combined_score_on_reported_pairs_beside_the_usual_numbers():
    base = example_metrics("c" * 12)
    names = [
        ood.metric_name(measure, score, pair)
        for pair in ("mnist/omniglot polarity-matched", "drawn outliers")
        for score in ("combined", "PNG size")
        for measure in ("AUROC", "FPR95")
    ]
    scores = [replace(base[0], name=name, group="ood", value=0.9, unit="") for name in names]
    shown = measured.headlines([*base, *scores])
    assert [label for label, _ in shown] == ["PSNR", "SSIM", "cluster accuracy", "AUROC, omniglot polarity-matched"]
    assert shown[-1][1].name == "AUROC, combined, mnist/omniglot polarity-matched"


def test_the_table_tells_the_whole_protocol_of_every_number():
    metrics = example_metrics("c" * 12)
    table = measured.table(metrics)
    assert len(table) == len(metrics)
    first = table.iloc[0].to_dict()
    assert first == {
        "Group": "reconstruction",
        "Number": "PSNR, dB",
        "Value": 18.25,
        "95 % interval": "",
        "Better": "higher",
        "Data": "MNIST",
        "Split": "test",
        "n": 120,
        "Seed": "none",
        "Estimator": "posterior mean, mean over images",
        "Checkpoint": "c" * 12,
    }
