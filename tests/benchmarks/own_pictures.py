"""How own pictures are judged: digits and letters as people photograph them, by the default settings.

python -m tests.benchmarks.own_pictures [--model NAME] [--count N] [--only TEXT]: for each way of taking the picture, or
those with the text in their names, how many of the same test digits are called ordinary, and how many letters outliers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from tests.handwriting import Judge, digits, enlarged, letter, ways

LETTERS = "AEFGHKMRW"
"""Unlike any digit, in capitals."""
FONTS = ("DejaVuSans-ExtraLight", "DejaVuSerif")


def letters() -> list[np.ndarray]:
    """Return printed letters as ink, in several fonts."""
    folder = Path("/usr/share/fonts/truetype/dejavu")
    fonts = ["", *(str(folder / f"{name}.ttf") for name in FONTS)]
    return [letter(each, 320, font=font) for font in fonts if not font or Path(font).is_file() for each in LETTERS]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mnist-gmp")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    judge, own, others, sums = (
        Judge(options.model),
        [enlarged(each) for each in digits(options.count, seed=5)],
        letters(),
        np.zeros((2, 2), int),
    )
    print(f"| {len(own)} digits, {len(others)} letters | digits taken for ordinary | letters flagged |\n|---|---|---|")
    for name, way in ways().items():
        if options.only not in name:
            continue
        passed = judge([way(ink, seed) for seed, ink in enumerate(own)])[1].count("ordinary")
        flagged = judge([way(ink, seed) for seed, ink in enumerate(others)])[1].count("outlier")
        sums += [[passed, len(own)], [flagged, len(others)]]
        print(f"| {name} | {passed / len(own):.0%} | {flagged / len(others):.0%} |", flush=True)
    print(f"| together | {sums[0, 0]} of {sums[0, 1]} | {sums[1, 0]} of {sums[1, 1]} |")


if __name__ == "__main__":
    sys.exit(main())
