"""What the browser computes of a drawing, run by Node, against the server's scores of the same pictures."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch

from tests.fixtures import make_run
from tests.handwriting import digits
from trainer.ood import browser, calibration, neighbours, pictures
from trainer.runs.folder import Run
from trainer.system import ROOT

NODE = shutil.which("node")
CODE = """
import { readFileSync } from "node:fs";
import { judge, nearest, why } from "./explorer/static/js/canvas/scores.js";
const { scoring, pictures, codes, made, trained } = JSON.parse(readFileSync(0, "utf8"));
const found = pictures.map((picture, i) => {
  const one = judge(Float32Array.from(picture), Float32Array.from(codes[i]), Float32Array.from(made[i]), scoring);
  const near = nearest(codes[i], Float32Array.from(trained.flat()), 3).map(({ row }) => row);
  return { value: one.value, percentile: one.percentile, parts: one.parts.map(({ value }) => value),
    why: why(one.parts, scoring), near };
});
console.log(JSON.stringify(found));
"""


@pytest.mark.skipif(NODE is None, reason="needs Node")
@pytest.mark.parametrize("name", ["mnist-gmp", "mnist-vae", "mnist-dagmm", "fashion-gmp"])
def test_scores_in_the_browser_are_those_of_the_server(name):
    run = Run(ROOT / "pretrained" / name)
    model, known = run.load_model(), calibration.read(run)
    some = np.concatenate([digits(6), np.random.default_rng(0).integers(0, 255, (2, 32, 32)).astype(np.uint8)])[:, None]
    some[-1] = 0
    x = torch.from_numpy(some).float() / 255
    with torch.inference_mode():
        mu, _ = model.encode(x)
        made = model.decode(mu)
    codes = neighbours.read(run)
    axes = [column for column in codes if column.startswith("z")]
    given = {
        "scoring": browser.scoring(model, known),
        "pictures": x.flatten(1).tolist(),
        "codes": mu.tolist(),
        "made": made.flatten(1).tolist(),
        "trained": codes[axes].to_numpy(dtype=float).tolist(),
    }
    command = [NODE, "--input-type=module", "--eval", CODE]
    out = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, cwd=ROOT, check=True)
    table = pictures.score_pictures(run, some, [""] * len(some), model=model)
    for found, (_, row) in zip(json.loads(out.stdout), table.iterrows(), strict=True):
        assert found["value"] == pytest.approx(row["combined"], rel=1e-3, abs=1e-3)
        assert found["percentile"] == pytest.approx(row["combined percentile"], abs=0.05)
        assert found["why"] == row["why"]
        assert [codes["id"][place] for place in found["near"]] == row["nearest"].split(";")
        for part, value in zip(known.parts, found["parts"], strict=True):
            assert value == pytest.approx(row[part], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("prior", ["fnp", "normal", "gmp"])
def test_densities_are_those_of_the_priors(tmp_path, prior):
    model = make_run(tmp_path / "run", prior=prior, z_dim=4).load_model()
    found, z = browser.density(model), torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    if prior == "fnp":
        scaled = (z.double().unsqueeze(1) - torch.tensor(found["draws"]).double()) / found["width"]
        norm = np.log(found["width"] * np.sqrt(2 * np.pi)) + np.log(len(found["draws"]))
        value = ((-0.5 * scaled.square()).logsumexp(1) - norm).sum(1)
    else:
        roots = torch.zeros(len(found["log"]), 4, 4, dtype=torch.float64)
        rows, columns = torch.tril_indices(4, 4)
        roots[:, rows, columns] = torch.tensor(found["roots"]).double()
        apart = z.double().unsqueeze(1) - torch.tensor(found["means"])
        squares = torch.einsum("kij,nkj->nki", roots, apart).square().sum(2)
        value = (torch.tensor(found["log"]) - 0.5 * squares).logsumexp(1)
    torch.testing.assert_close(value.float(), model.prior.log_prob(z), rtol=1e-3, atol=1e-3)


def test_a_prior_without_density_has_none(tmp_path):
    assert browser.density(make_run(tmp_path / "run", prior="np", z_dim=4).load_model()) is None
