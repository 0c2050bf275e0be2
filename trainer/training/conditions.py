"""What is known before a training: whether there are enough pictures for what is asked. No torch here."""

from trainer.config import Config
from trainer.latent.mixtures import NEIGHBOURS

CHANGED = "its training pictures have changed since the last checkpoint"


def conditions(settings: Config, pictures: int) -> list[str]:
    """Return a sentence on each condition that so many training pictures do not meet, validation taken off."""
    unmet = []
    mixture = settings.prior.components if settings.prior.kind == "gmp" else 0
    needs = mixture if settings.prior.warm_start or settings.model.kind == "dagmm" else 0
    if pictures < 1:
        unmet.append("no picture is left to train on; add some.")
    elif pictures < needs:
        unmet.append(
            f"{pictures:,} training pictures are fewer than the {needs} mixture components; add pictures, or lower "
            "prior.components."
        )
    elif needs and settings.prior.placement == "neighbours" and pictures <= NEIGHBOURS:
        unmet.append(
            f"{pictures:,} training pictures are too few for {NEIGHBOURS} neighbours of each; add pictures, or set "
            "prior.placement=em."
        )
    return unmet


def remarks(settings: Config, pictures: int, test: int | None = None) -> list[str]:
    """Return a sentence on what works with so many training pictures, and test pictures, but not as one may expect."""
    said, batch = [], settings.optim.batch_size
    if 0 < pictures < batch:
        said.append(
            f"{pictures:,} training pictures are fewer than a batch of {batch}, which then holds some twice; add "
            "pictures, or lower optim.batch_size."
        )
    if test == 0:
        said.append("no test picture is left, so the model cannot be measured; add pictures.")
    return said
