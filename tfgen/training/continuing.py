"""What a folder says before a run goes on in it, and what the run may then do differently."""

import json
from pathlib import Path

from tfgen import construct, data, files
from tfgen.training import config, record
from tfgen.training.config import Config, ConfigError

# What touches no weight: any start may set it anew. A name without a point is a whole section.
FREE = (
    "fit.epochs",
    "fit.validation_freq",
    "fit.validation_steps",
    "fit.verbose",
    "run.best",
    "run.best_mode",
    "run.checkpoint_epochs",
    "run.checkpoint_seconds",
    "run.checkpoint_steps",
    "run.keep",
    "run.sample_epochs",
    "run.sample_seeds",
    "run.validation",
    "data.memory_limit",
    "data.service",
    "evaluation",
    "metrics",
)
# What changes the weights that come out, but not which weights there are.
ACCEPTABLE = (
    "compile",
    "fit.accumulate",
    "fit.gradient_checkpointing",
    "fit.steps_per_epoch",
    "run.devices",
    "run.precision",
)


def check(settings: Config, folder: Path, accept_changes: bool = False) -> list[str]:
    """Whether a run of these settings may go on in a folder; nothing is changed.

    Args:
        settings: The experiment.
        folder: Of the run; it need not exist.
        accept_changes: Whether rates, batch size, devices and what else is neither the model nor
            its examples may differ.

    Returns:
        One line for each key that differs, such as "run.keep: 3 -> 5".

    Raises:
        ConfigError: The folder holds something else, lies in the pictures of the run, or the
            difference is none that a run can go on with.
    """
    _refuse_among_pictures(settings, folder)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; a run needs a folder.")
    for name in ("checkpoints", "samples", "tensorboard"):
        if (folder / name).exists() and not (folder / name).is_dir():
            raise ConfigError(
                f"{folder / name}: is a file, where a run has a folder. Move it away."
            )
    for name in ("config.yaml", "run.json", "metrics.jsonl", "lock"):
        if (folder / name).is_dir():
            raise ConfigError(
                f"{folder / name}: is a folder, where a run has a file. Move it away."
            )
    if not (folder / "config.yaml").exists():
        strangers = [p.name for p in folder.glob("[!.]*") if p.name not in ("lock", "run.json")]
        if strangers:
            raise ConfigError(
                f"{folder}: is not empty and no run (it holds {', '.join(sorted(strangers)[:3])}). "
                "Give another folder."
            )
        return []
    lines = config.difference(_plain(_former(folder).resolved()), _plain(settings.resolved()))
    bound = [line for line in lines if not _among(line, FREE)]
    acceptable = (*ACCEPTABLE, *(f"data.{k}" for k in construct.parameters(data.batches)))
    never = [line for line in bound if not _among(line, acceptable)]
    if never or (bound and not accept_changes):
        remedy = "Give another folder, or undo the difference"
        if not never:
            remedy = "Give another folder, undo the difference, or accept it (--accept-changes)"
        raise ConfigError(
            f"{folder}: holds a run with another config. {remedy} (run -> yours):\n  "
            + "\n  ".join(bound)
        )
    return lines


def edited(folder: Path) -> bool:
    """Whether config.yaml is another one than the run wrote; False where nothing was noted."""
    noted = record.read(folder, strict=False).get("config_sha256")
    return noted is not None and noted != files.sha256(folder / "config.yaml")


def shifted(note: dict, steps: int, drawn: int) -> int:
    """Batches by which the place in the data is ahead of those that were drawn.

    0 for ever, unless an accepted change has altered how many steps an epoch has: then the place
    is the same share of the data as before.

    Args:
        note: run.json as the last start left it, {} for none.
        steps: In an epoch now.
        drawn: Batches, up to the checkpoint.
    """
    before, shift = note.get("steps_per_epoch", steps), note.get("shift", 0)
    if before == steps:
        return shift
    return (drawn + shift) * steps // before - drawn


def _former(folder):
    """The config that the run was last started with: of run.json, else of config.yaml."""
    note = record.read(folder, strict=False)
    if "config" not in note:
        return config.load(folder / "config.yaml")
    try:
        return config.parse(note["config"])
    except ConfigError as error:
        raise ConfigError(f"{folder / 'run.json'}: config: {error}") from error


def _plain(values):
    return json.loads(json.dumps(values))  # A tuple and a list are the same in a file.


def _among(line, keys):
    key = line.partition(":")[0]
    return any(key == one or key.startswith(one + ".") for one in keys)


def _refuse_among_pictures(settings, folder):
    """A run's grids among the pictures would be trained on at the next start."""
    kind, _, rest = settings.data["name"].partition(":")
    if kind not in ("folder", "captions", "attributes", "pairs", "patches"):
        return
    place = folder.absolute().resolve()
    for part in rest.replace("=", ",").replace(":", ",").replace("[", ",").split(","):
        pictures = Path(part).expanduser()
        if not part or not pictures.is_dir():
            continue
        if pictures.resolve() in (place, *place.parents):
            raise ConfigError(
                f"{folder}: the run folder lies inside the pictures of data.name "
                f"{settings.data['name']!r}, so its sample grids would become examples. Give "
                "another folder."
            )
