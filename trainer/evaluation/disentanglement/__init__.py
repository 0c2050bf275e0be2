"""Do single latent axes follow single generative factors? DCI, MIG, SAP and the FactorVAE score.

The settings are those of disentanglement_lib's `unsupervised_study_v1` (Locatello et al., ICML 2019, arXiv:1811.12359):
codes are posterior means, factors are discrete. The measures are functions of arrays (dci, mig, sap, infomec, dci_es,
dci_forest) or of a FactorCodes (factor_vae); `protocol.measure` runs them all, `record` is what is stored of them.
"""
