"""What the numbers of an adversarial training mean: measurements -> findings in words.

Plain functions of NumPy arrays and numbers; `tfgen.training.doctor` takes the measurements.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Weights of the scales of MS-SSIM (Wang et al. 2003), coarser ones last.
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# Logit gap beyond which D leaves G no signal. A Wasserstein critic is meant to win.
WINNING_GAP: dict[str | None, float] = {
    "minimax": 8.0,
    "non_saturating": 8.0,
    "hinge": 4.0,
    "least_squares": 0.9,
    "wasserstein": math.inf,
}
# Logits between which D decides: the middle of the two means for a critic without a zero.
THRESHOLDS: dict[str | None, float | None] = {"least_squares": 0.5, "wasserstein": None}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        name: A key of `FINDINGS`.
        says: What is wrong, with the measured values.
        advice: What to try.
    """

    name: str
    says: str
    advice: str

    def __str__(self):
        return f"{self.says} Try: {self.advice}"


R1 = ("penalty", "model.penalty: r1")
SLOWER_G = (None, "a lower learning rate of the generator's optimizer")
SLOWER_D = (None, "a lower learning rate of the discriminator's optimizer")

# Finding -> (argument of the model that it is about, or None; what to try). What a model lacks, or
# has set already, is not advised.
FINDINGS: dict[str, tuple[tuple[str | None, str], ...]] = {
    "not_finite": (
        (None, "lower learning rates"),
        (None, "clipnorm: 1.0 of the optimizers"),
        (None, "run.precision: float32"),
    ),
    "dead_player": (
        (None, "a learning rate above 0"),
        (None, "smaller initial weights, where outputs are saturated"),
    ),
    "collapse": (
        R1,
        SLOWER_G,
        ("augmentation", "model.augmentation: [color, translation, cutout]"),
        (None, "a larger data.batch_size"),
        (None, "another seed"),
    ),
    "little_diversity": (
        (None, "waiting"),
        R1,
        SLOWER_G,
        (None, "use_ema: true of the generator's optimizer"),
    ),
    "discriminator_wins": (
        ("augmentation", "model.augmentation: [color, translation, cutout]"),
        R1,
        ("label_smoothing", "model.label_smoothing: 0.1"),
        ("instance_noise", "model.instance_noise: 0.1"),
        ("generator_steps", "model.generator_steps: 2"),
        SLOWER_D,
    ),
    "discriminator_blind": (
        ("discriminator_steps", "model.discriminator_steps: 2"),
        (None, "a higher learning rate of the discriminator's optimizer"),
        (None, "less dropout or regularisation of the discriminator"),
    ),
    "logits_explode": (
        R1,
        ("discriminator_normalization", "model.discriminator_normalization: spectral"),
        SLOWER_D,
    ),
    "gradient_explodes": (
        (None, "a lower learning rate of this player's optimizer"),
        (None, "clipnorm: 1.0 of it"),
    ),
}


def advice(name: str, model: Any = None) -> str:
    """What to try against a finding, in a config's words.

    Args:
        name: A key of `FINDINGS`.
        model: Whose arguments are looked at; None for all that there is to try.
    """
    fits = [what for option, what in FINDINGS[name] if model is None or _open(model, option)]
    return ", or ".join(fits) + "."


def _open(model, option):
    """Whether there is such an argument, and nothing is set by it yet."""
    if option is None:
        return True
    if option == "label_smoothing" and getattr(model, "loss", None) in ("hinge", "wasserstein"):
        return False  # They have no label.
    return hasattr(model, option) and getattr(model, option) in (None, 0, 1, (), "batch", "layer")


def diagnose(
    measured: Mapping[str, float], loss: str | None = None, model: Any = None
) -> list[Finding]:
    """Findings, the most serious first.

    Args:
        measured: Name -> number, see `TrainingDoctor`; what is missing is not judged.
            "real_probability" and "fake_probability" are those of the training steps.
        loss: Name in `tfgen.losses.ADVERSARIAL`, which tells what logits mean.
        model: See `advice`.

    Returns:
        A list of `Finding`s; empty where nothing is wrong.
    """
    bad = [name for name, value in measured.items() if not math.isfinite(value)]
    if bad:
        found = [("not_finite", f"Not finite: {', '.join(bad)}.")]
    else:
        found = [
            *_players(measured),
            *_samples(measured),
            *_discriminator(measured, WINNING_GAP.get(loss, 8.0), loss),
        ]
    return [Finding(name, says, advice(name, model)) for name, says in found]


def _players(measured):
    for key, norm in measured.items():
        kind, _, player = key.partition("/")
        if kind == "gradient_norm" and norm < 1e-7:
            yield "dead_player", f"The {player} is dead: its gradient is {norm:.1e}."
        elif kind == "gradient_norm" and norm > 1e4:
            yield "gradient_explodes", f"The gradient of the {player} is {norm:.1e}."
        elif kind == "update" and norm == 0.0 and measured.get(f"gradient_norm/{player}", 1) > 1e-7:
            yield "dead_player", f"The weights of the {player} have not moved."


def _samples(measured):
    diversity = measured.get("diversity")
    if diversity is None:
        return
    alike = f"Samples differ from each other {diversity:.2f} times as much as real pictures do"
    if diversity < 0.25:
        yield "collapse", f"The generator has collapsed. {alike}."
    elif diversity < 0.6:
        yield "little_diversity", f"{alike}."


def _discriminator(measured, winning_gap, loss):
    accuracy, gap = measured.get("discriminator_accuracy"), measured.get("logit_gap")
    real, fake = measured.get("real_probability"), measured.get("fake_probability")
    apart = None if real is None or fake is None else real - fake
    said = "" if apart is None else f" In training D(real) is {real:.2f}, D(fake) {fake:.2f}."
    if accuracy is None:
        if apart is not None and apart > 0.95:
            yield "discriminator_wins", f"The discriminator wins.{said}"
        return
    largest = max(abs(measured["real_logit"]), abs(measured["fake_logit"]))
    # A probe passes D with the moving averages of real images: the training must agree.
    if accuracy >= 0.99 and gap > winning_gap and (apart is None or apart > 0.85):
        yield (
            "discriminator_wins",
            f"The discriminator wins: it is right about {accuracy:.0%} of the probe, real logits "
            f"are {gap:.1f} above generated ones.{said}",
        )
    shift = measured.get("mean_difference", 0.0)
    if accuracy <= 0.6 and shift > 0.5:
        yield (
            "discriminator_blind",
            f"The discriminator is right about {accuracy:.0%} of the probe only, although the mean "
            f"picture is {shift:.1f} standard deviations off.",
        )
    if largest > (1e5 if loss == "wasserstein" else 1e3):
        yield "logits_explode", f"Mean logits have grown to {largest:.1e}."


def of_logits(real: np.ndarray, fake: np.ndarray, loss: str | None = None) -> dict[str, float]:
    """Accuracy and gap of a discriminator's logits (N, ...) on real and generated images."""
    real, fake = np.ravel(real).astype(np.float64), np.ravel(fake).astype(np.float64)
    threshold = THRESHOLDS.get(loss, 0.0)
    if threshold is None:
        threshold = (real.mean() + fake.mean()) / 2.0
    return {
        "discriminator_accuracy": float(
            ((real > threshold).mean() + (fake < threshold).mean()) / 2
        ),
        "logit_gap": float(real.mean() - fake.mean()),
        "real_logit": float(real.mean()),
        "fake_logit": float(fake.mean()),
    }


def of_samples(real: np.ndarray, fake: np.ndarray, similar: bool = True) -> dict[str, float]:
    """How much pictures (N, H, W, C) in [-1, 1] differ from each other, and from real ones.

    "diversity" is the mean distance of two samples over that of two real pictures,
    "feature_variance" the same for the variances of the pixels, "ms_ssim" the mean similarity of
    two samples (Odena et al. 2017; 1 for equal ones), "real_ms_ssim" that of real ones, and
    "mean_difference" the distance of the mean pictures in standard deviations of real pixels.
    The similarities take five times as long as all the rest; `similar` is whether they are wanted.
    """
    spread = max(float(np.asarray(real).std(0).mean()), 1e-6)
    shift = np.sqrt(np.mean((np.mean(fake, 0) - np.mean(real, 0)) ** 2))
    similarities = (
        {"ms_ssim": similarity(fake), "real_ms_ssim": similarity(real)} if similar else {}
    )
    return {
        "diversity": distance(fake) / max(distance(real), 1e-6),
        "feature_variance": float(np.var(fake, 0).mean() / max(np.var(real, 0).mean(), 1e-12)),
        **similarities,
        "mean_difference": float(shift) / spread,
    }


def distance(x: np.ndarray) -> float:
    """Mean L2 distance of two different rows. (N, ...) -> number"""
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    squared = (x**2).sum(1)
    distances = np.sqrt(np.maximum(squared[:, None] + squared - 2.0 * x @ x.T, 0.0))
    np.fill_diagonal(distances, 0.0)
    return float(distances.sum() / (len(x) * (len(x) - 1)))


def similarity(x: np.ndarray) -> float:
    """Mean MS-SSIM of neighbours in the batch, on as many of the five scales as the sides allow."""
    import tensorflow as tf

    side = min(x.shape[1:3])
    size = min(11, side - 1 + side % 2)
    scales = 1
    while scales < len(SCALES) and side >> scales >= size:
        scales += 1
    factors = [weight / sum(SCALES[:scales]) for weight in SCALES[:scales]]
    pairs = len(x) // 2
    first, second = (tf.convert_to_tensor(x[i : 2 * pairs : 2] / 2.0 + 0.5) for i in (0, 1))
    value = tf.image.ssim_multiscale(first, second, 1.0, factors, filter_size=size)
    return float(tf.reduce_mean(value))
