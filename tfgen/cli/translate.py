"""A user's own pictures through a trained translator: what `tfgen translate` does.

Every picture keeps its size. Where the network takes pictures of any size, a picture is continued
by its mirror image to a multiple of what the network needs and cut back afterwards; where it takes
one size, the picture is resized to it and the result is resized back.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from tfgen import pictures
from tfgen.data.folder import EXTENSIONS, UNREADABLE
from tfgen.data.picture import Form, fitted
from tfgen.signature import numbered

if TYPE_CHECKING:
    from tfgen.model import GenerativeModel

_UNIT = 32  # A multiple of what any number of halvings up to five needs.


def translate(
    model: "GenerativeModel", inputs: Path | str, to: str, out: Path | str
) -> tuple[int, list[str]]:
    """Translates pictures into PNG files of the same names and sizes, one after the other.

    Args:
        model: With a signature that takes `image` and gives `image`, such as CycleGAN or StarGAN.
        inputs: A picture or a folder of pictures, its sub-folders included.
        to: A signature's target: "b" or "a" of CycleGAN; of StarGAN the number or the name of the
            domain, or attributes such as "1,0,1".
        out: Folder for the results, made where it does not exist.

    Returns:
        How many pictures were translated, and one line about each that could not be decoded.

    Raises:
        FileNotFoundError: There is nothing at `inputs`.
        ValueError: A model that does not translate, an unknown target, no pictures, or two
            pictures that would get one name.
    """
    name, given = target(model, to)
    files = found(Path(inputs))
    names = results(files, Path(inputs), Path(out))
    shape = model.signatures()[name].inputs["image"].shape
    failures = []
    with model.averaged():
        for path in tqdm(files, desc="Translating", unit="pictures", disable=None):
            try:
                with Image.open(path) as opened:
                    pixels = fitted(opened, Form(channels=shape[-1]))
            except UNREADABLE as error:
                failures.append(f"{path}: {type(error).__name__}: {error}")
                continue
            pictures.save(names[path], _translated(model, name, given, pixels, shape))
    return len(files) - len(failures), failures


def target(model: "GenerativeModel", to: str) -> tuple[str, dict[str, np.ndarray]]:
    """The signature for a target, and its inputs besides the image.

    Raises:
        ValueError: A model that does not translate, or a target that it does not have.
    """
    table = model.signatures()
    directions = {name.rpartition("_to_")[2]: name for name in table if "_to_" in name}
    if to.lower() in directions:
        return directions[to.lower()], {}
    if directions:
        raise ValueError(f"--to {to!r}: expected one of {', '.join(sorted(directions))}.")
    if "translate" not in table:
        raise ValueError(
            f"{type(model).__name__} does not translate pictures. Its signatures: "
            f"{', '.join(table)}."
        )
    domain = table["translate"].inputs["domain"]
    if to in (domain.class_names or ()):
        return "translate", {"domain": numbered("domain", domain.class_names, [to])}
    try:
        values = np.array([float(part) for part in to.split(",")])
    except ValueError as error:
        names = ", ".join(domain.class_names or ())
        one = f"one of {names}, or its number" if names else "a number, or several as in 1,0,1"
        raise ValueError(f"--to {to!r}: expected {one}.") from error
    if domain.num_classes:
        known = len(values) == 1 and values[0] in range(domain.num_classes)
        if not known:
            names = f" ({', '.join(domain.class_names)})" if domain.class_names else ""
            raise ValueError(
                f"--to {to!r}: expected a domain 0 .. {domain.num_classes - 1}{names}."
            )
        return "translate", {"domain": values.astype(np.int32)}
    if len(values) != domain.shape[0] or not np.isin(values, (0.0, 1.0)).all():
        raise ValueError(f"--to {to!r}: expected {domain.shape[0]} attributes, each 0 or 1.")
    return "translate", {"domain": values.astype(np.float32)[np.newaxis]}


def found(inputs: Path) -> list[Path]:
    """The picture, or all pictures of the folder in sorted order.

    Raises:
        FileNotFoundError: There is nothing there.
        ValueError: There are no pictures in the folder.
    """
    if inputs.is_file():
        return [inputs]
    if not inputs.is_dir():
        raise FileNotFoundError(f"{inputs}: no such file or folder.")
    files = sorted(p for p in inputs.rglob("*") if _is_picture(p, inputs))
    if not files:
        raise ValueError(f"{inputs}: no pictures (files ending in {' '.join(EXTENSIONS)}).")
    return files


def results(files: list[Path], inputs: Path, out: Path) -> dict[Path, Path]:
    """Picture -> its result, at the same place below `out`.

    Raises:
        ValueError: Two pictures would get one name, or a result would replace a picture.
    """
    root = inputs if inputs.is_dir() else inputs.parent
    names: dict[Path, Path] = {}
    taken: dict[Path, Path] = {}
    originals = {path.resolve() for path in files}
    for path in files:
        name = (out / path.relative_to(root)).with_suffix(".png")
        if name in taken:
            raise ValueError(f"{taken[name]} and {path} would both become {name}. Rename one.")
        if name.resolve() in originals:
            raise ValueError(f"{path}: the result would replace {name}. Give another --out.")
        names[path], taken[name] = name, path
    return names


def _translated(model, name, given, pixels, shape):
    height, width = pixels.shape[:2]
    free = shape[0] is None
    if free:
        room = [(0, -side % _UNIT) for side in (height, width)]
        ready = np.pad(pixels, (*room, (0, 0)), "symmetric")
    else:
        ready = _resized(pixels, shape[1], shape[0])
    image = ready[np.newaxis].astype(np.float32) / np.float32(127.5) - np.float32(1)
    result = model.call_signature(name, {"image": image, **given})["image"].numpy()[0]
    result = pictures.to_uint8(result)
    return result[:height, :width] if free else _resized(result, width, height)


def _resized(pixels, width, height):
    if pixels.shape[:2] == (height, width):
        return pixels
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture).reshape(height, width, -1)


def _is_picture(path, root):
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.suffix.lower() in EXTENSIONS and path.is_file()
