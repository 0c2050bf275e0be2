"""Training and evaluation of Gromov-Wasserstein autoencoders; never imports streamlit or explorer."""

__version__ = "0.1.0"
