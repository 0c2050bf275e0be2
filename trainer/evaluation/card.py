"""card.md: what a model is, where its data came from, what its numbers mean, and how to make it again."""

from trainer import config, data
from trainer.errors import UserError
from trainer.evaluation import ood
from trainer.ood.calibration import COMBINED
from trainer.runs import layout
from trainer.runs.folder import Metric, Run
from trainer.system import files

MODELS = {
    "gwae": "Gromov-Wasserstein autoencoder (GWAE)",
    "vae": "variational autoencoder (VAE)",
    "wae-mmd": "Wasserstein autoencoder with maximum mean discrepancy (WAE-MMD)",
    "dagmm": "deep autoencoding Gaussian mixture model (DAGMM)",
}
PRIORS = {
    "np": "neural prior (NP)",
    "fnp": "factorised neural prior (FNP)",
    "gmp": "Gaussian mixture prior (GMP)",
    "normal": "standard normal prior N(0, I)",
}


def write_card(run: Run) -> None:
    """Write card.md from config.yaml, history.csv, metrics.json and the checkpoint's hash.

    Raises: UserError if the folder cannot be written.
    """
    files.write_text(run.path / layout.CARD, card_text(run))


def card_text(run: Run) -> str:
    """Return the card as Markdown; the same folder gives the same text."""
    sections = [_title(run), _data(run), _training(run), _numbers(run.metrics), _limits(run), reproduce(run)]
    return "\n\n".join(sections) + "\n"


def _title(run: Run) -> str:
    settings = run.config
    prior = PRIORS[settings.prior.kind]
    if settings.prior.kind == "gmp":
        prior += f" of {settings.prior.components} components"
    size = settings.data.size
    colour = "grey" if settings.data.channels == 1 else "colour"
    beta = f" with beta = {settings.objective.beta:g}" if settings.model.kind == "vae" else ""
    return (
        f"# {settings.name}\n\nA {MODELS[settings.model.kind]}{beta} with a {prior} and {settings.model.z_dim} latent "
        f"axes, trained on {_data_title(settings)} as {size}x{size} {colour} pictures. Checkpoint `{run.hash}`."
    )


def _data_title(settings: config.Config) -> str:
    return "the user's own pictures" if settings.data.name == "folder" else data.DATASETS[settings.data.name].title


def _data(run: Run) -> str:
    settings = run.config
    if settings.data.name == "folder":
        return (
            "## Data\n\nPictures from a folder or zip of the user. Their rights are not known here: this folder holds "
            "some of them in `sprite.png`, so check before passing it on."
        )
    info = data.DATASETS[settings.data.name]
    bundled = (
        "Test pictures, and some training pictures, are included"
        if info.may_bundle
        else "The weights were made from it and are for the same use; no pictures of it are included"
    )
    licence = info.licence.rstrip(".")
    source = f"<{info.url}>" if info.url else "rendered by this project (trainer/data/rendering)"
    return f"## Data\n\n{info.title}. Licence: {licence}. Source: {source}. {bundled} in this folder."


def _training(run: Run) -> str:
    optim = run.config.optim
    lines = [
        f"* Seed {run.config.seed}; {run.config.data.validation:.0%} of the training pictures held out for validation.",
        f"* {optim.name} at {optim.lr:g}, batches of {optim.batch_size}, at most {optim.max_steps:,} steps.",
    ]
    history = run.history
    if len(history) and "step" in history:
        lines.append(_duration(history, optim))
    else:
        lines.append("* How long it trained is not recorded (no history.csv).")
    if optim.keep == "best" and "validation loss" in history:
        later = history[history["step"] > optim.warmup_steps].dropna(subset=["validation loss"])
        if len(later):
            best = int(later.loc[later["validation loss"].idxmin(), "step"])
            lines.append(f"* The weights are those of the lowest validation loss, at step {best:,}.")
    elif optim.keep == "last":
        lines.append("* The weights are those of the last checkpoint.")
    return "## Training\n\n" + "\n".join(lines)


def _duration(history, optim: config.OptimConfig) -> str:
    step = int(history["step"].max())
    took = ""
    if "seconds" in history:
        took = f" in {float(history['seconds'].max()) / 60:.0f} minutes on the machine that trained it"
    early = "; it ended before its limit (early stop, time limit, or by hand)" if step < optim.max_steps else ""
    return f"* Trained for {step:,} steps{took}{early}."


def _numbers(metrics: list[Metric]) -> str:
    if not metrics:
        return "## Numbers\n\nNone yet: run `python -m trainer evaluate` on this folder."
    groups = {metric.group for metric in metrics}
    rows = ["| number | value | 95 % interval | data, n | how |", "|---|---|---|---|---|"]
    for metric in filter(ood.is_headline, metrics):
        unit = f" {metric.unit}" if metric.unit else ""
        seed = "" if metric.seed is None else f"; seed {metric.seed}"
        how = (metric.estimator + seed).replace("|", "\\|")
        where = f"{metric.data} {metric.split}, {metric.n:,}"
        rows.append(
            f"| {metric.group}: {metric.name} | {metric.value:.4g}{unit} | {metric.interval} | {where} | {how} |"
        )
    other = "whose spread is the range of seeds" if "seeds" in groups else "of which there is one here"
    return (
        f"## Numbers\n\nIntervals cover the choice of test pictures or samples, not another training, {other}.\n\n"
        + "\n".join(rows)
        + ("\n\nThe other out-of-distribution numbers are in `metrics.json`." if ood.GROUP in groups else "")
    )


def _limits(run: Run) -> str:
    lines = [
        "* For study and demonstration. Not for decisions about people, nor for filtering real inputs.",
        f"* It has seen only {_data_title(run.config)}; any other picture is squeezed into what it knows.",
        "* An out-of-distribution score is a number of this model, not a probability; compare it with plain baselines.",
    ]
    lines += [
        f"* Its combined score does not beat the trivial baselines on {pair}: no evidence there of anything learnt."
        for pair in ood.pairs_measured(run.metrics)
        if not ood.beats_baselines(run.metrics, COMBINED, pair)
    ]
    if worse := ood.below_likelihood(run.metrics, COMBINED):
        lines.append(f"* Its combined score is worse than the plain likelihood on {' and '.join(worse)}.")
    if run.config.prior.kind == "gmp":
        lines.append("* Components were found without labels. One need not be one class: see the clustering numbers.")
    if run.config.model.kind in ("vae", "wae-mmd"):
        lines.append("* A control on the same networks: it has no critic and no mixture.")
    return "## Use and limits\n\n" + "\n".join(lines)


def reproduce(run: Run) -> str:
    """Return the section with the commands that make a run and its numbers again."""
    recipe = _recipe(run.config)
    source = f"trainer/configs/{recipe}" if recipe else f"{run.path.name}/{layout.CONFIG}"
    where = "From the root of the repository" if recipe else "With this folder in the current directory"
    again = f"runs/{run.config.name}-again"
    return (
        f"## Make it again\n\n{where}:\n\n"
        f"    python -m trainer fit {source} --out {again}\n    python -m trainer evaluate {again}\n\n"
        "Bit-equal weights are to be expected only on the same machine with the versions of requirements.txt; "
        "elsewhere the numbers differ."
    )


def _recipe(settings: config.Config) -> str | None:
    """File name of the shipped recipe that equals this configuration, or None."""
    for path in sorted(config.RECIPES.glob("*.yaml")):
        try:
            if config.load(path) == settings:
                return path.name
        except UserError:  # a broken recipe is not this one
            continue
    return None
