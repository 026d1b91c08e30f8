"""What was meant by a name that is not known."""

import difflib
from collections.abc import Iterable
from typing import Any

# What things are called elsewhere -> their name here.
ALSO_CALLED = {
    "bce": "non_saturating",
    "binary_crossentropy": "non_saturating",
    "ns": "non_saturating",
    "vanilla": "minimax",
    "lsgan": "least_squares",
    "mse": "squared_error",
    "wgan": "wasserstein",
    "wgan_gp": "wasserstein",
    "gp": "gradient_penalty",
    "batch_norm": "batch",
    "layer_norm": "layer",
    "spectral_norm": "spectral",
    "inception_score": "is",
    "inception": "is",
    "precision": "prdc",
    "recall": "prdc",
    "density": "prdc",
    "coverage": "prdc",
    "ssim": "ms_ssim",
    "msssim": "ms_ssim",
    "bits_per_dim": "nll",
    "bpd": "nll",
    "likelihood": "nll",
    "colour": "color",
    "translate": "translation",
}


def unknown(name: Any, known: Iterable[str]) -> str:
    """What to say about a name that is not among the known ones."""
    return no_such("name", name, known, "unknown")


def no_such(what: str, name: Any, known: Iterable[Any], begin: str = "Unknown") -> str:
    """What to say about a thing of a kind that is not among the known ones."""
    words = [str(k) for k in known]
    near = nearest(name, words)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{begin} {what} {name!r}.{hint} Known: {', '.join(words) or '(none)'}."


def nearest(name: Any, known: Iterable[str]) -> str | None:
    """The known word that was probably meant; None where none is near."""
    words, text = {word.lower(): word for word in known}, str(name).lower()
    text = text.replace("-", "_") if text.replace("-", "_") in words else text
    for other in (text, ALSO_CALLED.get(text.replace("-", "_"))):
        if other in words:
            return words[other]
    near = difflib.get_close_matches(text, words, n=1)
    begun = [word for word in words if len(text) > 2 and word.startswith(text)]
    return words[(near or begun)[0]] if near or begun else None
