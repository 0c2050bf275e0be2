"""What the training minimises: each term with its formula, weight, present value and meaning."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from explorer.geometry import course
from explorer.shared import catalog, share
from explorer.shared.escape import markdown


class Term(NamedTuple):
    """A term of an objective.

    Attributes:
        weight: name in the settings of the objective; "" for a weight of 1 that cannot be set.
        column: of history.csv.
        without: what happens when the weight is 0.
    """

    name: str
    formula: str
    weight: str
    column: str
    meaning: str
    without: str


RECONSTRUCTION = r"\tfrac12\,\mathbb{E}\,\lVert x - g(z)\rVert^2,\; z\sim q(z|x)"
CONTOURS = Term(
    "L_C, contours",
    r"\tfrac12\,\mathbb{E}\,\lVert c(x) - h(z)\rVert^2,\; z\sim q(z|x)",
    "lambda_c",
    "contours",
    "A second decoder h should draw contours c(x) from the code (an addition to the published objective).",
    "As published: size and form of objects count as far as they change pixels.",
)
TERMS = {
    "gwae": (
        Term(
            "L_GW, distances", r"\mathbb{E}_{z,z'\sim\pi}\,\bigl|\,C\,d_Z(z,z')/s - d_X(g(z),g(z'))\,\bigr|",
            "lambda_gw", "gw",
            "Codes that lie twice as far apart should decode to pictures that differ twice as much.",
            "Nothing ties distances of codes to those of pictures. Compare a VAE, which has no such term.",
        ),
        Term(
            "L_W, reconstruction", RECONSTRUCTION, "lambda_w", "reconstruction",
            "A picture that is encoded and decoded again should come back.",
            "Codes need not hold the picture: reconstructions are ordinary samples, not the picture that went in.",
        ),
        Term(
            "L_D, critic's gap",
            r"\mathbb{E}_{z\sim\pi}\,f(g(z),z) - \mathbb{E}_{x,\,z\sim q(z|x)}\,f(x,z)", "lambda_d", "critic gap",
            "A critic may not tell pairs of sample and picture made from noise from pairs made from data.",
            "Codes of pictures may lie where the prior has none, so samples need not look like the data.",
        ),
        Term(
            "R_H, entropy", r"-\,\mathbb{E}_x \textstyle\sum_j \log\sigma_j^2(x)", "lambda_h", "entropy",
            "The encoder should stay unsure: each picture takes up room in the latent space.",
            "The encoder shrinks to points, and the space between the codes is never decoded in training.",
        ),
        Term(
            "L_P, prior on the codes", r"-\,\mathbb{E}_{x,\,z\sim q(z|x)}\,\log\pi(z)", "lambda_p", "prior",
            "The prior should give the codes of pictures a high density (an addition to the published objective).",
            "As published: only the critic brings prior and codes together.",
        ),
        CONTOURS,
    ),
    "vae": (
        Term(
            "Reconstruction", RECONSTRUCTION, "", "reconstruction",
            "A picture that is encoded and decoded again should come back.",
            "It cannot be set to 0.",
        ),
        Term(
            "KL", r"\mathbb{E}_x\,\mathrm{KL}\bigl(q(z|x)\,\Vert\,\mathcal N(0,I)\bigr)", "beta", "kl",
            "Codes should be distributed like standard normal noise. No term looks at distances.",
            "A plain autoencoder: codes lie anywhere, and noise decodes to nothing.",
        ),
        CONTOURS,
    ),
}  # fmt: skip
ABLATED = ("Spearman", "distortion", "GW to data")
"""Numbers of a model trained without a term that are shown beside this model's own."""
ADDED = {"lambda_p": r" + \lambda_P L_P", "lambda_c": r" + \lambda_C L_C"}
"""Terms that are not in the paper, and are off by default."""
FORMULA = {
    "gwae": r"\mathcal L = \lambda_{GW} L_{GW} + \lambda_W L_W + \lambda_D L_D + \lambda_H R_H",
    "vae": r"\mathcal L = L_W + \beta\,\mathrm{KL}",
}


def show(entry: catalog.Entry, side: int = 0) -> None:
    """Draw the panel; `side` tells two models on one page apart. Raises: UserError if history.csv is damaged."""
    terms = TERMS.get(entry.model_kind)
    if terms is None:
        st.caption(f"{entry.name} is a {markdown(entry.model_kind)}: no term of its objective compares distances.")
        return
    history = course.read(entry)
    weights = entry.run.config.objective
    used = [term for term in terms if term.weight not in ADDED or getattr(weights, term.weight)]
    _formula(FORMULA[entry.model_kind] + "".join(ADDED.get(term.weight, "") for term in used))
    known = [getattr(weights, term.weight) if term.weight else 1.0 for term in used]
    values = [course.last(history, term.column) for term in used]
    with st.container(gap="small", key=f"geometry-terms-{side}"):
        for term, weight, value in zip(used, known, values, strict=True):
            _card(term, weight, value, ablation(entry, term) if weight else "", side)
    names, formulas = [term.name for term in used], [term.formula for term in used]
    share.table(f"{entry.name}-terms", {"term": names, "formula": formulas, "weight": known, "value": values})
    st.caption(
        "Values are those of held-out pictures at the last validation, else of the last steps, before weighting. "
        "Formulas: Nakagawa et al., Gromov-Wasserstein Autoencoders, ICLR 2023, section 3."
    )


def _formula(text: str) -> None:
    """Draw a formula at the left, as text is."""
    st.markdown(rf"$\displaystyle {text}$")


def ablation(entry: catalog.Entry, term: Term) -> str:
    """Return the measured geometry of a stored model trained alike but for this weight at 0, beside this model's own.

    Empty where there is no such model, or nothing of it is measured.
    """
    for other in catalog.comparable(entry) if term.weight else ():
        if other.model_kind == entry.model_kind and _without(entry, other, term.weight):
            here, there = ({m.name: m.value for m in each.metrics if m.group == "geometry"} for each in (entry, other))
            known = [name for name in ABLATED if name in here and name in there]
            both = [f"{name} {there[name]:.3f} (here {here[name]:.3f})" for name in known]
            if both:
                return f"Measured without it, {markdown(other.name)}: {', '.join(both)}"
    return ""


def _without(entry: catalog.Entry, other: catalog.Entry, weight: str) -> bool:
    """Return whether the settings differ in name and seed at most, besides this weight, which is 0 in the other."""
    plain, ablated = entry.run.recipe, other.run.recipe
    plain["objective"][weight] = 0
    return plain == ablated


def _card(term: Term, weight: float, value: float | None, measured: str, side: int) -> None:
    with st.container(border=True, key=f"geometry-term-{term.column.replace(' ', '-')}-{side}"):
        left, right = st.columns([1, 1.15], gap="large", vertical_alignment="center")
        with left:
            st.markdown(f"**{term.name}** :gray[{'not used' if weight == 0 else f'weight {weight:g}'}]")
            _formula(term.formula)
        with right:
            st.markdown(term.meaning)
            shown = "no record" if value is None else f"{value:.4g}"
            share = "" if value is None else f" · contributes **{weight * value:.4g}**"
            st.markdown(f"Value **{shown}**{share}")
            st.markdown(f":gray[{'It is 0 here' if weight == 0 else 'At weight 0'}: {term.without}]")
            if measured:
                st.markdown(f":gray[{measured}]")
