"""A small classifier of MNIST digits, whose features judge generated digits: the "Frechet classifier distance".

    python -m trainer.evaluation.generation.digits --data-root DIR    trains and replaces mnist-classifier.safetensors

Inception's features mean nothing on strokes. This network is part of the project, so the number needs no download and
is the same everywhere; it is no FID and compares with none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATH = Path(__file__).with_name("mnist-classifier.safetensors")
FEATURES = 64
EPOCHS, BATCH, RATE, SEED = 4, 128, 2e-3, 0


class DigitClassifier(nn.Module):
    """Pictures in [0, 1], (B, 1, 32, 32), to 64 features after a ReLU, (B, 64); `classify` gives logits, (B, 10)."""

    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.ReLU(),
        )
        self.features = nn.Linear(64 * 4 * 4, FEATURES)
        self.classes = nn.Linear(FEATURES, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return features, (B, 64)."""
        return F.relu(self.features(self.convolutions(x).flatten(1)))

    def classify(self, x: Tensor) -> Tensor:
        """Return logits of the ten digits, (B, 10)."""
        return self.classes(self(x))


def pretrained() -> DigitClassifier:
    """Return the bundled network in evaluation mode."""
    from safetensors.torch import load_file

    network = DigitClassifier()
    network.load_state_dict(load_file(PATH))
    return network.eval()


def train(data_root: Path | None, out: Path = PATH) -> float:
    """Train on MNIST's training pictures, write `out`; returns the accuracy on the test pictures."""
    from safetensors.torch import save_file

    from trainer import data

    images, test = data.load("mnist", "train", data_root), data.load("mnist", "test", data_root)
    torch.manual_seed(SEED)
    network = DigitClassifier()
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            loss = F.cross_entropy(network.classify(images.float_batch(rows)), images.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    save_file(network.state_dict(), out)
    with torch.inference_mode():
        answers = network.eval().classify(test.float_batch(slice(None))).argmax(1)
    return float((answers == test.labels).float().mean())


if __name__ == "__main__":
    root = Path(sys.argv[sys.argv.index("--data-root") + 1]) if "--data-root" in sys.argv else None
    sys.stdout.write(f"{PATH.name}: {train(root):.2%} of the test digits\n")
