"""What each player minimises on a batch: the terms of the main step and of the critic step, by model."""

from trainer.config import Config
from trainer.models.base import LatentModel
from trainer.models.dagmm import DAGMM
from trainer.models.gwae import GWAE
from trainer.models.vae import VAE
from trainer.models.wae import WAE
from trainer.training.objectives.base import Objective
from trainer.training.objectives.controls import DAGMMObjective, VAEObjective, WAEObjective
from trainer.training.objectives.gwae import GWAEObjective


def build(model: LatentModel, settings: Config) -> Objective:
    """Return the objective that belongs to the model."""
    kinds = {GWAE: GWAEObjective, VAE: VAEObjective, WAE: WAEObjective, DAGMM: DAGMMObjective}
    return kinds[type(model)](model, settings)
