"""What an autoregressive model sees, how a picture comes to be, and what each pixel costs."""

import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfgen.data import Source
from tfgen.explore import autoregression_pictures as drawn
from tfgen.explore import examples
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.probability.levels import draw_value, level_index, level_value
from tfgen.probability.likelihoods import mixture_of_logistics

NAME = "order"
POINTS = 8  # At which derivatives are taken.
STEPS = 64  # Of the plain procedure that are timed; the others take as long.
SEEN = 1e-9  # A derivative below this share of the largest one is rounding.


def order(
    model: Any,
    test: Source,
    pictures: int = 6,
    label: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """A convolution with zeros sees no future: what one pixel depends on, and in which order.

    The derivative of one sub-pixel's logits by all pixels is its receptive field: nothing later
    may be in it, and what is missing of the past is a blind spot (van den Oord et al. 2016). A
    film shows samples as they are drawn, and heat maps what each pixel of a real picture costs,
    -log p in nats.

    Args:
        model: PixelCNN, Gated PixelCNN, PixelCNN++ or PixelRNN.
        test: Pictures that it was not trained on.
        pictures: Drawn in the film, and as heat maps.
        label: Of the samples, for models of p(x|y).
        seed: Of the first sample, and of the picture at which derivatives are taken.
        progress: Called with (done, total).

    Returns:
        Numbers: past and future sub-pixels in the receptive field of the middle, the blind spot,
        for colours which of them each sees of its own pixel, and nats a picture; figures: "field",
        "cost", and the film "drawing".

    Raises:
        ValueError: A model that is not autoregressive.
    """
    if "log_prob" not in model.signatures():
        reason = "it draws all pixels at once; PixelCNN, Gated PixelCNN and PixelRNN have an order."
        raise unfit(NAME, model, reason)
    if pictures < 1:
        raise ValueError(f"explore {NAME}: `pictures` must be 1 or more. Received: {pictures}.")
    number = tf.constant([label]) if model.num_classes else None
    given = {"label": np.full(pictures, label)} if model.num_classes else {}
    samples = model.sample(range(seed, seed + pictures), **given)
    progress(1, 4)
    height, width, channels = model.image_shape
    where = height // 2, width // 2
    # One mixture describes all colours of a pixel in PixelCNN++.
    colours = range(channels if hasattr(model, "logits") else 1)
    with model.averaged():
        fields = [receptive_field(model, samples[:1], (*where, c), number) for c in colours]
        progress(2, 4)
        known = examples.mixed(test, pictures, seed)
        labels = known.arrays.get("label") if model.num_classes else None
        costs = pixel_costs(model, known.images, labels)
        speed = _speed(model, seed, given, number)
    progress(3, 4)
    numbers: dict[str, Any] = _counts(fields[0], where)
    own = [[int(c) for c in np.flatnonzero(field[where])] for field in fields]
    numbers["colours_seen"] = own
    numbers["speed"] = speed
    numbers["nats"] = costs.sum((1, 2))
    numbers["nats_by_row"] = costs.mean((0, 2))
    most = np.sort(costs.reshape(len(costs), -1), axis=1)[:, ::-1]
    share = most[:, : max(1, most.shape[1] // 10)].sum() / max(most.sum(), 1e-12)
    numbers["share_of_the_dearest_tenth"] = share
    future = "nothing later" if not numbers["future"] else f"{numbers['future']} LATER pixels"
    says = (
        f"The pixel in the middle depends on {numbers['past']} of the {numbers['all_past']} pixels "
        f"before it and on {future}; {numbers['blind_spot']} earlier ones within its reach are in "
        f"a blind spot. Real pictures cost {numbers['nats'].mean():.1f} nats, {share:.0%} of that "
        f"in a tenth of their pixels. Sampling takes {speed['sequential_steps']} steps one after "
        f"the other: {speed['seconds_plain'] / speed['seconds_cached']:.0f} times as long without "
        "kept activations."
    )
    if channels > 1 and len(fields) > 1:
        says += f" Of its own pixel, red, green and blue see {own[0]}, {own[1]} and {own[2]}."
    figures: dict[str, Any] = {
        "drawing": drawn.film(samples),
        "field": drawn.field(fields, where),
        "cost": drawn.costs(known.images, costs),
    }
    progress(4, 4)
    return Explored(NAME, says, numbers, figures)


def outputs(model: Any, image: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
    """What a model says of each sub-pixel, (B, H, W, C, K); C is 1 for the mixtures of a pixel."""
    if hasattr(model, "logits"):
        return model.logits(image, label)
    return model.parameters(image, label)[..., tf.newaxis, :]


def receptive_field(
    model: Any, image: np.ndarray, place: tuple[int, int, int], label: tf.Tensor | None = None
) -> np.ndarray:
    """How much each sub-pixel moves what is said of one, (H, W, C), 0 where it has no say.

    Magnitudes of the derivative of a random combination of the logits, summed over points between
    the picture and noise: a rectifier that is off at one of them is not at all.

    Args:
        model: Autoregressive.
        image: (1, H, W, C) in [-1, 1].
        place: (row, column, colour) of the sub-pixel that is asked about.
        label: (1,) int, for models of p(x|y).
    """
    y, x, c = place
    total = np.zeros(image.shape[1:])
    generator = np.random.default_rng(0)
    for share in np.linspace(0.0, 1.0, POINTS):
        noise = generator.uniform(-1.0, 1.0, image.shape)
        point = tf.constant(((1.0 - share) * image + share * noise).astype(np.float32))
        with tf.GradientTape() as tape:
            tape.watch(point)
            said = outputs(model, point, label)[0, y, x, c]  # (K,)
            combined = tf.reduce_sum(said * generator.normal(size=said.shape).astype(np.float32))
        slope = tape.gradient(combined, point)
        if slope is not None:  # Nothing at all is seen by the first pixel.
            total += np.abs(slope.numpy()[0])
    return np.where(total > SEEN * max(total.max(), 1e-30), total, 0.0)


def pixel_costs(model: Any, images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """-log p of each pixel given the earlier ones, in nats, summed over colours, (N, H, W)."""
    index = level_index(tf.constant(images), model.levels, nearest=True)
    label = None if labels is None else tf.constant(labels)
    x = level_value(index, model.levels)
    if not hasattr(model, "logits"):
        return -mixture_of_logistics(x, model.parameters(x, label), model.levels).numpy()
    logits = tf.cast(model.logits(x, label), tf.float32)
    if logits.shape[-1] == 1:
        target = tf.cast(index, tf.float32)
        cost = tf.nn.sigmoid_cross_entropy_with_logits(target, logits[..., 0])
    else:
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(index, logits)
    return cost.numpy().sum(-1)


def _speed(model, seed, given, label):
    """Seconds for one picture by the cached sampler, and by a pass of the network for each step.

    Training has no such loop where all pixels are convolved at once; a row LSTM goes through the
    rows, a diagonal one through the diagonals.
    """
    height, width, channels = model.image_shape
    given = {name: value[:1] for name, value in given.items()}
    model.sample([seed], **given)  # Traced once.
    begin = time.perf_counter()
    model.sample([seed], **given)
    cached = time.perf_counter() - begin
    steps = height * width * (channels if hasattr(model, "logits") else 1)
    whole = tf.function(lambda x: outputs(model, x, label))
    x = tf.zeros((1, *model.image_shape))
    said, done = whole(x), min(steps, STEPS)
    begin = time.perf_counter()
    for _ in range(done):
        said = whole(x)
        if hasattr(model, "logits"):
            draw_value(said[:, 0, 0, 0], tf.fill((1, 1), 0.5), model.levels)
    plain = (time.perf_counter() - begin) * steps / done
    training = {"diagonal_bilstm": height + width - 1, "row_lstm": height}
    return {
        "sequential_steps": steps,
        "seconds_cached": cached,
        "seconds_plain": plain,
        "steps_timed": done,
        "sequential_steps_of_training": training.get(getattr(model, "layer", ""), 1),
    }


def _counts(field, where):
    """Past, future and blind spot of a receptive field in the order of a scan, by pixels."""
    seen = field.sum(-1) > 0
    flat, here = seen.reshape(-1), where[0] * seen.shape[1] + where[1]
    rows, columns = np.nonzero(seen)
    # Within the reach of what is seen, every earlier pixel ought to be seen too.
    reach_up = where[0] - rows.min() if len(rows) else 0
    reach_side = np.abs(columns - where[1]).max() if len(columns) else 0
    y, x = np.indices(seen.shape)
    near = (where[0] - y <= reach_up) & (np.abs(x - where[1]) <= reach_side)
    past = y * seen.shape[1] + x < here
    return {
        "past": int(flat[:here].sum()),
        "all_past": here,
        "future": int(flat[here + 1 :].sum()),
        "blind_spot": int((near & past & ~seen).sum()),
        "reach": {"up": int(reach_up), "sideways": int(reach_side)},
    }
