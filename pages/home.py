"""Home: what a GWAE is, and a gallery of the models with their metrics and protocols."""

from explorer.home import page
from explorer.shared import widgets

widgets.page_header(
    "GWAE Explorer",
    "A Gromov-Wasserstein autoencoder learns a latent space whose distances agree with those between pictures, under a "
    "prior that is learned with it: so its axes, clusters and densities describe the data.",
)
page.show()
