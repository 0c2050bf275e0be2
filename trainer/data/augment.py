"""Random changes of training pictures: a mirror image, a small shift, and pixels replaced by random ones."""

import torch
from torch import Tensor
from torch.nn.functional import pad


def draw(n: int, shift: int, mirror: bool, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return n random moves, (n, 2) int64 in [-shift, shift] (down, right), and which pictures to mirror, (n,) bool."""
    moves = torch.randint(-shift, shift + 1, (n, 2), generator=generator, device=generator.device)
    return moves, torch.rand(n, generator=generator, device=generator.device) < 0.5 * mirror


def changed(images: Tensor, moves: Tensor, mirrored: Tensor, most: int | None = None) -> Tensor:
    """Return pictures (B, C, H, W) mirrored left to right where asked for, then moved; the border is repeated.

    Args:
        moves: (B, 2) whole pixels, down and right; negative ones go up and left.
        mirrored: (B,) bool.
        most: no move is longer; if not given they are looked at, for which a graphics card has to be waited for.
    """
    images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)
    if most is None:
        most = int(moves.abs().max()) if len(moves) else 0
    if not most:
        return images
    height, width = images.shape[-2:]
    padded = pad(images, (most,) * 4, mode="replicate")
    down = most - moves[:, :1] + torch.arange(height, device=moves.device)
    right = most - moves[:, 1:] + torch.arange(width, device=moves.device)
    every = torch.arange(len(images), device=moves.device)
    return padded.movedim(1, -1)[every[:, None, None], down[:, :, None], right[:, None, :]].movedim(-1, 1)


def draw_mutation(
    n: int, shape: tuple[int, int, int], share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return which pixels of n pictures (C, H, W) to replace, (n, 1, H, W) bool, and by which of 256 values in [0, 1],
    (n, C, H, W). Source: the mutation of Ren et al., NeurIPS 2019, which trains a background model.
    """
    chosen = torch.rand(n, 1, *shape[1:], generator=generator, device=generator.device) < share
    return chosen, torch.randint(256, (n, *shape), generator=generator, device=generator.device).float() / 255
