"""A run on a model hub, by huggingface_hub: sent with its card as the model card, fetched as from a stranger.

HF_ENDPOINT names another hub than huggingface.co, `hf auth login` or HF_TOKEN says who you are. What travels is plain
text and safetensors (PLAIN), with `everything` also tables, pictures and the decoder for the browser, as in a zip.
Nothing of the training travels, neither its state nor its log nor its pictures.
"""

import contextlib
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from trainer.errors import UserError
from trainer.manage import archive, flaws
from trainer.runs import layout, validation
from trainer.runs.folder import Run
from trainer.system import files, mode, pickles

README = "README.md"
"""What a hub shows as the model card."""
PLAIN = (".yaml", ".md", ".csv", ".json", ".safetensors")
MAX_FILE, MAX_TOTAL = 2**30, 2 * 2**30
"""Bytes of one file and of all together that are fetched, whatever the hub declares."""
FRONT = re.compile(r"\A---\n.*?\n---\n+", re.S)
"""What a hub reads of a model card before its text."""


def travels(name: str, everything: bool = False) -> bool:
    """Return whether a file of a run folder is sent and fetched."""
    in_training = name.startswith(f"{layout.TRAINING}/")
    return name in layout.TRAVELS and not in_training and (everything or name.endswith(PLAIN))


@mode.local_only("Sending a run to a model hub")
def push(run: Run, repo: str, public: bool = False, everything: bool = False) -> str:
    """Send a run as one commit, and return its address; the repository is made, private unless `public`.

    Args:
        repo: "owner/name", or "name" of your own.
        everything: also what is neither text nor safetensors. It may show pictures of the data set, or your own.

    Raises: UserError if the run is untrained or damaged, or the hub refuses.
    """
    if not run.is_trained:
        raise UserError(f"{run.path}: not trained yet; continue it with 'python -m trainer resume'.")
    names = [name for name in sorted(layout.TRAVELS) if travels(name, everything) and (run.path / name).is_file()]
    for name, sentence in flaws.of_run(run).items():
        if name in names:
            raise UserError(f"{run.path}: {sentence}")
    with _explained(repo):
        hub, add = _hub(), _library().CommitOperationAdd
        replaced = {layout.CARD: _model_card(run), layout.CONFIG: _settings(run).encode()}
        content = {README if name == layout.CARD else name: replaced.get(name, run.path / name) for name in names}
        address = hub.create_repo(repo, private=not public, exist_ok=True)
        sent = [add(path_in_repo=name, path_or_fileobj=content[name]) for name in content]
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # a table of codes is no data set
            hub.create_commit(address.repo_id, sent, commit_message=f"{run.name}, checkpoint {run.hash}")
    return str(address)


@mode.local_only("Fetching a run from a model hub")
def pull(repo: str, root: Path, revision: str | None = None, everything: bool = False) -> Path:
    """Fetch a run into `root`, check it file by file, and return its folder, which gets a free name.

    Asked for are files of a run alone, by the names that this project gives them; whatever else the repository
    holds stays there.

    Args:
        repo: "owner/name".
        revision: a branch, tag or commit of it; default its main branch.

    Raises: UserError if the hub has no such run, it is larger than a run, or anything in it is damaged.
    """

    def fetch(folder: Path) -> str:
        with _explained(repo):
            found = _hub().model_info(repo, revision=revision)
            names = [each.rfilename for each in found.siblings or ()]
            _fetch(repo, found.sha, folder, [name for name in names if _local(name, everything)], everything)
        if not all((folder / name).is_file() for name in (layout.CONFIG, layout.WEIGHTS)):
            pickled = [name for name in names if name.endswith(pickles.SUFFIXES)]
            raise UserError(
                pickles.sentence(pickled[0][:80])
                if pickled
                else f"{repo}: holds no model of this project; choose another."
            )
        return PurePosixPath(repo).name

    return archive.take_in(root, fetch, strict=True)


def _local(name: str, everything: bool) -> str:
    """Return the name in a run folder of a file of a repository; empty for what is not fetched."""
    own = layout.CARD if name == README else "" if name == layout.CARD else name
    return own if travels(own, everything) else ""


def _fetch(repo: str, revision: str, folder: Path, names: list[str], everything: bool) -> None:
    """Write files of one commit into `folder`, within the limits."""
    system, left = _library().HfFileSystem(), MAX_TOTAL
    for name in dict.fromkeys(names):
        with system.open(f"{repo}/{name}", "rb", revision=revision, block_size=0) as source:
            left -= _copied(source, folder / _local(name, everything), min(left, MAX_FILE), f"{repo}: {name}")
    card = folder / layout.CARD
    if card.is_file():
        files.write_text(card, FRONT.sub("", validation.read_text(card), count=1))


def _copied(source: BinaryIO, target: Path, most: int, called: str) -> int:
    """Return the bytes of a stream, written to a new file. Raises: UserError if there are more than `most`."""
    count = 0
    with open(target, "xb") as out:
        while block := source.read(2**20):
            count += len(block)
            if count > most:
                raise UserError(f"{called}: larger than a file of a run; it was not fetched.")
            out.write(block)
    return count


def _model_card(run: Run) -> bytes:
    """Return card.md behind what a hub files a model under."""
    kind, prior = run.config.model.kind, run.config.prior.kind
    tags = dict.fromkeys(["gwae-explorer", "autoencoder", "representation-learning", kind, f"{prior}-prior"])
    lines = ["---", "library_name: gwae-explorer", "tags:", *(f"- {tag}" for tag in tags), "---"]
    return "\n".join([*lines, "", run.card]).encode()


def _settings(run: Run) -> str:
    """Return config.yaml, of a path to the user's own pictures its last part alone."""
    own = run.config.data
    if not own.path:
        return run.config.to_yaml()
    short = own.model_copy(update={"path": PurePosixPath(own.path.replace("\\", "/")).name or "pictures"})
    return run.config.model_copy(update={"data": short}).to_yaml()


def _library():
    """Return huggingface_hub, set not to report what else runs here, and to send files by Git LFS: its own protocol
    for gigabytes, Xet, is a binary with a cache and logs of its own, and these are megabytes.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    import huggingface_hub

    return huggingface_hub


def _hub():
    return _library().HfApi(library_name="gwae-explorer")


@contextlib.contextmanager
def _explained(repo: str) -> Iterator[None]:
    """Turn what a hub or the way to it answers into a sentence."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError as error:
        raise UserError(f"{repo[:80]}: no name of a model on a hub; write it as owner/name.") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.LocalTokenNotFoundError) as error:
        raise UserError(f"{repo}: not on the hub, or not yours to see; correct it, or 'hf auth login'.") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "no")
        wants = "log in with 'hf auth login' as a user who may" if status in (401, 403) else "try again later"
        raise UserError(f"{repo}: the hub refuses it (status {status}); {wants}.") from error
    except (errors.HTTPError, OSError, ValueError) as error:
        raise UserError(
            f"{repo}: the hub cannot be reached, or answers otherwise than one; check HF_ENDPOINT."
        ) from error
