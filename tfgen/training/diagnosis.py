"""What the numbers of an adversarial training mean: measurements -> findings in words.

Plain functions of NumPy arrays and numbers; `tfgen.training.doctor` takes the measurements.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

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


FINDINGS = {
    "not_finite": "lower learning rates, clip gradients (clipnorm of the optimizer), float32 "
    "instead of float16; go back to the last good checkpoint.",
    "dead_player": "check that the player has an optimizer with a rate above 0 and that its loss "
    "reaches its weights; with saturated outputs, start again with smaller initial weights.",
    "collapse": "a gradient penalty or r1, another seed, a lower generator rate, batch statistics "
    "of real and generated images kept apart, a larger batch.",
    "little_diversity": "watch it; if it shrinks further: r1 or a gradient penalty, a lower "
    "generator rate, weight averages (use_ema) for the samples.",
    "discriminator_wins": "label_smoothing 0.1, augmentation, instance_noise 0.1, r1, a lower "
    "discriminator rate, or more generator steps.",
    "discriminator_blind": "a higher discriminator rate, more discriminator steps, less dropout "
    "or regularisation of the discriminator.",
    "logits_explode": "r1 or a gradient penalty, spectral normalisation, a lower discriminator "
    "rate.",
    "gradient_explodes": "a lower rate for this player, clipnorm of its optimizer.",
}


def diagnose(measured: Mapping[str, float], loss: str | None = None) -> list[Finding]:
    """Findings, the most serious first.

    Args:
        measured: Name -> number, see `TrainingDoctor`; what is missing is not judged.
        loss: Name in `tfgen.losses.ADVERSARIAL`, which tells what logits mean.

    Returns:
        A list of `Finding`s; empty where nothing is wrong.
    """
    bad = [name for name, value in measured.items() if not math.isfinite(value)]
    if bad:
        return [_finding("not_finite", f"Not finite: {', '.join(bad)}.")]
    return [
        *_players(measured),
        *_samples(measured),
        *_discriminator(measured, WINNING_GAP.get(loss, 8.0), loss),
    ]


def _players(measured):
    for key, norm in measured.items():
        kind, _, player = key.partition("/")
        if kind == "gradient_norm" and norm < 1e-7:
            yield _finding("dead_player", f"The {player} is dead: its gradient is {norm:.1e}.")
        elif kind == "gradient_norm" and norm > 1e4:
            yield _finding("gradient_explodes", f"The gradient of the {player} is {norm:.1e}.")
        elif kind == "update" and norm == 0.0 and measured.get(f"gradient_norm/{player}", 1) > 1e-7:
            yield _finding("dead_player", f"The weights of the {player} have not moved.")


def _samples(measured):
    diversity = measured.get("diversity")
    if diversity is None:
        return
    alike = f"Samples differ from each other {diversity:.2f} times as much as real pictures do"
    if diversity < 0.25:
        yield _finding("collapse", f"The generator has collapsed. {alike}.")
    elif diversity < 0.6:
        yield _finding("little_diversity", f"{alike}.")


def _discriminator(measured, winning_gap, loss):
    accuracy, gap = measured.get("discriminator_accuracy"), measured.get("logit_gap")
    if accuracy is None:
        return
    largest = max(abs(measured["real_logit"]), abs(measured["fake_logit"]))
    if accuracy >= 0.99 and gap > winning_gap:
        yield _finding(
            "discriminator_wins",
            f"The discriminator wins: it is right about {accuracy:.0%} of the probe, real logits "
            f"are {gap:.1f} above generated ones.",
        )
    shift = measured.get("mean_difference", 0.0)
    if accuracy <= 0.6 and shift > 0.5:
        yield _finding(
            "discriminator_blind",
            f"The discriminator is right about {accuracy:.0%} of the probe only, although the mean "
            f"picture is {shift:.1f} standard deviations off.",
        )
    if largest > (1e5 if loss == "wasserstein" else 1e3):
        yield _finding("logits_explode", f"Mean logits have grown to {largest:.1e}.")


def _finding(name, says):
    return Finding(name, says, FINDINGS[name])


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


def of_samples(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """How much pictures (N, H, W, C) in [-1, 1] differ from each other, and from real ones.

    "diversity" is the mean distance of two samples over that of two real pictures,
    "feature_variance" the same for the variances of the pixels, "ms_ssim" the mean similarity of
    two samples (Odena et al. 2017; 1 for equal ones), "real_ms_ssim" that of real ones, and
    "mean_difference" the distance of the mean pictures in standard deviations of real pixels.
    """
    spread = max(float(np.asarray(real).std(0).mean()), 1e-6)
    shift = np.sqrt(np.mean((np.mean(fake, 0) - np.mean(real, 0)) ** 2))
    return {
        "diversity": distance(fake) / max(distance(real), 1e-6),
        "feature_variance": float(np.var(fake, 0).mean() / max(np.var(real, 0).mean(), 1e-12)),
        "ms_ssim": similarity(fake),
        "real_ms_ssim": similarity(real),
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
