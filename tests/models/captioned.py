"""What texts and pictures of the captioned digits have to do with each other, measured."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfgen import data

# Whether the digit is right is said by the metric `label_agreement` alone.
NAMES = ("colour", "position", "size")


def classifiers():
    """Attribute -> function (pictures in [-1, 1]) -> numbers, trained on the training split."""
    source = data.source("captioned-digits")
    images = source.arrays["image"] / np.float32(127.5) - 1
    found = {}
    for name in NAMES:
        kind = LogisticRegression(C=0.01, max_iter=50, random_state=0)
        kind.fit(_features(name, images), source.arrays[name])
        found[name] = lambda x, name=name, kind=kind: kind.predict(_features(name, x))
    return found


def agreement(model, split, known):
    """Attribute -> share of generated pictures that a classifier finds to be as the text says."""
    source = data.source("captioned-digits", split)
    images = model.sample(range(source.size), text=source.arrays["text"][:, 0])
    return {n: round(float((f(images) == source.arrays[n]).mean()), 3) for n, f in known.items()}


def matching_gap(model, split):
    """Mean of D(real, right) - D(real, wrong), as probabilities, wrong texts shuffled."""
    source = data.source("captioned-digits", split)
    texts = source.arrays["text"][:, 0]
    order = np.random.RandomState(0).permutation(source.size)
    wrong = texts[order]
    differs = np.array([a != b for a, b in zip(texts, wrong, strict=True)])
    image = (source.arrays["image"] / np.float32(127.5) - 1)[differs]
    scores = []
    for text in (texts, wrong):
        logit = model.call_signature("discriminate", {"image": image, "text": text[differs]})
        scores.append(1 / (1 + np.exp(-logit["logit"].numpy())))
    return round(float((scores[0] - scores[1]).mean()), 3)


def _features(name, images):
    """Colours for the colour; for the others the brightest channel."""
    if name == "colour":
        return np.clip((images + 1) / 2, 0, None).sum((1, 2))
    return (images.max(-1).reshape(len(images), -1) + 1) / 2
