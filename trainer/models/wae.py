"""The Wasserstein autoencoder with a deterministic encoder (Tolstikhin et al., ICLR 2018), on the same networks."""

from trainer.models.vae import Deterministic


class WAE(Deterministic):
    """Prior N(0, I), codes without noise; its objective pulls their distribution to the prior."""
