"""A picture put together of its patches: of all, of fewer, of two pictures', with other noise."""

from typing import Any

import numpy as np

from tfgen.data import Source
from tfgen.explore import examples, sheets
from tfgen.explore.explored import Explored, Progress, silent, unfit
from tfgen.metrics import intervals

NAME = "assemble"
ROWS = 50  # Pictures put together at a time.


def assemble(
    model: Any,
    test: Source,
    shown: int = 8,
    pictures: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> Explored:
    """Where do patches without their places belong? Of all, of fewer, of two pictures, other noise.

    Puzzle-GAN (Lee et al. 2017) is given parts of an unseen picture, each stretched to the size of
    the whole, and says where they were (a mask) and what was around them. Fewer patches leave more
    to it, those of two pictures must be brought together, other noise draws another picture around
    the same patches at the same places.

    Args:
        model: PuzzleGAN.
        test: Pictures with their patches that it was not trained on.
        shown: Pictures of the sheet.
        pictures: Pictures that are measured.
        seed: Of the choice of pictures and of the noise.
        progress: Called with (done, total).

    Returns:
        Numbers: intersection over union of the mask with the true places, with its interval, beside
        that of the masks made of another picture's patches; for each number of patches the share
        of the mask that lies where a patch was; what another noise and another order change of
        picture and mask (mean absolute difference). Figure: "puzzles".

    Raises:
        ValueError: Another model, data without patches, or too few pictures.
    """
    if "assemble" not in model.signatures():
        raise unfit(NAME, model, "it puts no patches together; PuzzleGAN does.")
    if not {"patches", "mask"} <= set(test.arrays):
        raise ValueError(
            f"explore {NAME}: {test.name!r} has no patches; 'patches:NAME' is a data set with them."
        )
    if shown < 1 or pictures < 10:
        raise ValueError(
            f"explore {NAME}: `shown` must be 1 or more and `pictures` 10 or more. Received: "
            f"{shown}, {pictures}."
        )
    arrays = examples.mixed(test, max(pictures, shown), seed).arrays
    patches, truth = arrays["patches"], arrays["mask"] > 0.5
    most = patches.shape[1]
    given = {
        **{_count(n, most): patches[:, :n] for n in range(most, 0, -1)},
        "of two": np.concatenate([patches[:, : most - 1], np.roll(patches[:, :1], 1, 0)], 1),
        "reversed": patches[:, ::-1],
    }
    made, done = {}, 0
    for name, parts in given.items():
        made[name] = _made(model, parts, seed)
        done += 1
        progress(done, len(given) + 1)
    made["other z"] = _made(model, patches, seed + len(patches))
    progress(len(given) + 1, len(given) + 1)
    whole = _count(most, most)
    numbers = _numbers(made, truth, whole, most)
    columns = {"picture": arrays["image"]}
    columns |= {f"patch {n + 1}": patches[:, n] for n in range(most)}
    columns["places"] = 2.0 * truth - 1.0
    columns["mask"] = 2.0 * made[whole][1] - 1.0
    fewer = {_count(n, most) for n in range(most - 1, 0, -1)}
    for name in (whole, *sorted(fewer, reverse=True), "of two", "other z"):
        columns[name] = made[name][0]
    rows = [("", _row(columns, n)) for n in range(shown)]
    sheet = sheets.sheet(rows, list(columns), cell=64)
    return Explored(NAME, _says(numbers, whole), numbers, {"puzzles": sheet})


def _made(model, patches, seed):
    """Pictures (N, H, W, C) and masks (N, H, W, 1) of patches (N, P, H, W, C); row n by its own
    seed."""
    signature, parts = model.signatures()["assemble"], []
    with model.averaged():
        for first in range(0, len(patches), ROWS):
            own = patches[first : first + ROWS]
            feeds = signature.draw(range(seed + first, seed + first + len(own)), patches=own)
            found = model.call_signature("assemble", feeds)
            parts.append((found["image"].numpy(), found["mask"].numpy()))
    images, masks = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(masks)


def _numbers(made, truth, whole, most):
    image, mask = made[whole]
    inside = {
        _count(n, most): _inside(made[_count(n, most)][1] > 0.5, truth) for n in range(most, 0, -1)
    }
    others = np.roll(mask, 1, axis=0)
    noise, turned = made["other z"], made["reversed"]
    return {
        "mask_iou": intervals.mean(_overlap(mask > 0.5, truth)).as_dict(),
        "mask_iou_of_another": intervals.mean(_overlap(others > 0.5, truth)).as_dict(),
        "share_of_mask_where_a_patch_was": inside,
        "other_noise": {"image": _apart(noise[0], image), "mask": _apart(noise[1], mask)},
        "other_order": {"image": _apart(turned[0], image), "mask": _apart(turned[1], mask)},
        "other_picture": {
            "image": _apart(np.roll(image, 1, 0), image),
            "mask": _apart(others, mask),
        },
        "pictures": len(image),
    }


def _overlap(a, b):
    """Intersection over union of masks (N, H, W, 1), (N,)."""
    both, either = ((a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3)))
    return both / np.maximum(either, 1)


def _inside(mask, truth):
    return float((mask & truth).sum() / max(mask.sum(), 1))


def _apart(a, b):
    return float(np.abs(a - b).mean())


def _count(number, most):
    return f"all {most}" if number == most else f"{number} of {most}"


def _row(columns, number):
    """The pictures of a row, all with as many channels."""
    images = [values[number] for values in columns.values()]
    channels = max(image.shape[-1] for image in images)
    return np.stack([np.broadcast_to(i, (*i.shape[:2], channels)) for i in images])


def _says(numbers, whole):
    inside = [
        f"{share:.0%} with {name}"
        for name, share in numbers["share_of_mask_where_a_patch_was"].items()
    ]
    noise, other = numbers["other_noise"], numbers["other_picture"]
    return (
        f"The mask overlaps the places of the patches by {numbers['mask_iou']['value']:.2f} "
        f"(another picture's mask: {numbers['mask_iou_of_another']['value']:.2f}); of it lie where "
        f"a patch was {', '.join(inside)}. Other noise changes the picture by {noise['image']:.3f} "
        f"and the mask by {noise['mask']:.3f}, another picture's patches by {other['image']:.3f} "
        f"and {other['mask']:.3f}; their order changes {numbers['other_order']['image']:.1e}."
    )
