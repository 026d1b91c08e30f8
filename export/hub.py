"""Exports on the Hugging Face Hub: up with their card, and down again whole.

Who may write is told by the token of `hf auth login` or of HF_TOKEN, and which Hub is meant by
HF_ENDPOINT, as everywhere in huggingface_hub.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CARD, RECORD = "README.md", "export.json"


def push(
    folder: Path | str,
    repo: str,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    endpoint: str | None = None,
) -> str:
    """Uploads an export folder into a repository of models, which is made where there is none.

    Args:
        folder: As `tfgen export` leaves it, with its card.
        repo: "owner/name".
        private: Whether a new repository is private.
        revision: Branch; by default the main one.
        message: Of the commit.
        endpoint: Of the Hub; by default HF_ENDPOINT's, or the public one.

    Returns:
        The address of the commit.

    Raises:
        ValueError: No export, no card that the Hub reads, a name that it does not take, or what
            the Hub answered.
        ConnectionError: The Hub cannot be reached.
    """
    import huggingface_hub

    folder = Path(folder)
    record = read(folder)
    card = folder / CARD
    if not card.exists():
        raise ValueError(f"{card}: is missing, and the Hub shows it. `tfgen export` writes it.")
    with _explained(f"{card}: the Hub would not read it"):
        if not huggingface_hub.ModelCard.load(card).data.to_dict():
            raise ValueError("it has no front matter; `tfgen export` writes a card that has")
    api = huggingface_hub.HfApi(endpoint=endpoint, library_name="tfgen")
    with _explained(f"{repo}: the Hub did not take {folder}"):
        api.create_repo(repo, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            revision=revision,
            commit_message=message or f"{record['model']['class']} at step {_step(record)}",
            ignore_patterns=["*.tmp", ".*"],
        )
    return str(done.commit_url)


def pull(
    repo: str, folder: Path | str, revision: str | None = None, endpoint: str | None = None
) -> Path:
    """Downloads an export; the folder appears when all of it is there.

    Args:
        repo: "owner/name".
        folder: Must not exist.
        revision: Branch, tag or commit; by default the main branch.
        endpoint: As for `push`.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder exists.
        ValueError: The repository holds no export of tfgen, or what the Hub answered.
        ConnectionError: The Hub cannot be reached.
    """
    import huggingface_hub

    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder}: exists. Give another --to, or move it away.")
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent, prefix=".pull-") as place:
        part = Path(place) / "export"
        with _explained(f"{repo}: cannot be downloaded"):
            huggingface_hub.snapshot_download(
                repo, revision=revision, local_dir=part, endpoint=endpoint, library_name="tfgen"
            )
        shutil.rmtree(part / ".cache", ignore_errors=True)  # The client's own notes.
        try:
            read(part)
        except ValueError as error:
            raise ValueError(f"{repo}: holds no export of tfgen (no {RECORD}).") from error
        part.rename(folder)
    return folder


def read(folder: Path) -> dict[str, Any]:
    """export.json; ValueError where there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if "model" in record and "signatures" in record:
            return record
    except (OSError, ValueError):
        pass
    raise ValueError(
        f"{folder}: there is no export here (no {RECORD} that can be read). "
        f"`tfgen export RUN --to {folder}` writes one."
    )


def _step(record):
    return f"{record['model'].get('step', 0):,}"


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """What the client raises as one line: a context."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        denied = status in (401, 403)
        advice = " Log in with `hf auth login`, or set HF_TOKEN." if denied else ""
        said = str(error.server_message or error).strip().splitlines()[0]
        raise ValueError(f"{what}: {said.rstrip('.')}.{advice}") from error
    except (httpx2.HTTPError, OSError) as error:
        raise ConnectionError(
            f"{what}: the Hub cannot be reached ({type(error).__name__}). Look at the network, "
            "HF_ENDPOINT and HF_HUB_OFFLINE."
        ) from error
    except ValueError as error:  # Names and cards that the client itself refuses.
        said = str(error).strip().splitlines()[0]
        raise ValueError(f"{what}: {said.rstrip('.')}.") from error
