"""The ranking of scores on one pair."""

from types import SimpleNamespace

from explorer.ood import table


def test_scores_below_plain_likelihood_are_named_with_their_pairs():
    curve = SimpleNamespace(model="a_b", score="combined", key="a_b|combined")
    assert table.worse_on([curve], {curve.key: ["x/y"]}) == "Below likelihood: a_b · combined on x/y."
    assert table.worse_on([curve], {curve.key: []}) == ""
    assert table.worse_on([curve], {curve.key: None}) == ""
