"""Home: what a GWAE is, and a gallery of the models with their metrics and protocols."""

from explorer.home import page
from explorer.shared import widgets

widgets.page_header(
    "GWAE Explorer",
    "A Gromov-Wasserstein autoencoder learns codes of pictures whose distances agree with those between the pictures, "
    "and a prior that is trained with them. What each part adds, and where a VAE does as well, was measured here.",
)
page.show()
