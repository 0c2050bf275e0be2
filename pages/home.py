"""Home: what a GWAE is, and a gallery of the models there are, with their numbers and where those come from."""

from explorer.home import page
from explorer.shared import widgets

widgets.page_header(
    "GWAE Explorer",
    "A Gromov-Wasserstein autoencoder learns a latent space whose distances agree with those between pictures, under a "
    "prior that is learned along with it: so its axes, clusters and densities tell something about the data.",
)
page.show()
