"""The state of the Clusters page, which the URL mirrors, and how widgets read and change it."""

from typing import Literal

from pydantic import Field

from explorer.shared import state
from trainer.latent.map_file import MOST_POINTS, MapSettings

View = Literal["map", "list", "components", "agreement"]
Focus = Literal["", "code", "prior", "centre", "place", "upload"]

VIEWS: dict[str, str] = {"map": "Map", "list": "List", "components": "Components", "agreement": "Agreement with labels"}
LAYERS: dict[str, str] = {"prior": "Prior samples", "centres": "Centres", "outlines": "1σ, 2σ outlines"}


class ClustersState(state.PageState):
    """The whole view. Field names are the URL's; defaults are left out of it.

    `focus` is what the panel beside the map shows; `index` is a row of codes.parquet, the number of a prior
    sample or of a component; `code` is the code of an uploaded picture, because a picture cannot be in a URL.
    """

    checkpoint: str = ""  # hash of the weights that focus, place and code belong to
    view: View = "map"
    colour: str = ""  # a key of atlas.colourings; empty or unknown: the first one
    layers: tuple[Literal["prior", "centres", "outlines"], ...] = ("centres", "outlines")
    method: Literal["umap", "pca"] = "umap"
    neighbours: int = Field(15, ge=2, le=200)
    min_dist: float = Field(0.1, ge=0, le=0.99)
    metric: Literal["euclidean", "cosine", "manhattan"] = "euclidean"
    dims: Literal[2, 3] = 2
    points: int = Field(10_000, ge=100, le=MOST_POINTS)
    layout_seed: int = Field(0, ge=0, le=state.SEED_LIMIT)
    focus: Focus = ""
    index: int = Field(0, ge=0)
    at: tuple[float, ...] = ()
    code: tuple[float, ...] = ()
    selected: str = ""  # pictures, see selection.to_link
    component: int = Field(0, ge=0)
    other: int = Field(1, ge=0)
    spread: float = Field(1.0, ge=0, le=2)
    seed: int = Field(0, ge=0, le=state.SEED_LIMIT)
    table: Literal["component", "kmeans"] = "component"
    cell: tuple[int, ...] = ()  # cluster and label of the open cell

    @property
    def settings(self) -> MapSettings:
        """The map that is asked for."""
        return MapSettings(
            method=self.method,
            neighbours=self.neighbours,
            min_dist=round(self.min_dist, 2),
            metric=self.metric,
            dims=self.dims,
            points=self.points,
            seed=self.layout_seed,
        )


page = state.Page("clusters", ClustersState)
current, change, bound = page.current, page.change, page.bound


def look_at(focus: Focus, index: int = 0, at: tuple[float, ...] = (), code: tuple[float, ...] = ()) -> None:
    """Turn the panel to something else."""
    change(focus=focus, index=index, at=at, code=code)
