"""From a decoded picture of any mode and size to one row of an image array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageOps

from tfgen.construct import is_count
from tfgen.data import levels

MAX_PIXELS = 89_478_485  # Pillow's own bound, 256 MiB of RGB: more is a mistake or an attack.
RESIZE = ("crop", "pad", "stretch")
_WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Form:
    """The size and the channels that all pictures of a data set are brought to.

    Args:
        image_size: Side or (H, W) in pixels; None keeps the size, which must then be one for all.
        channels: 1 (grey) or 3 (RGB); None keeps those of the data set.
        resize: What happens to another aspect ratio. "crop" scales until the size is covered and
            cuts the center out, "pad" scales until the picture fits and adds black borders,
            "stretch" distorts. All scale with an antialiased bicubic filter.
        value_range: The values of black and white, such as (0, 1) or (0, 4095); None for those of
            the file's format. Palettes and black-and-white files have their own.

    Raises:
        ValueError: A size, number of channels, way to resize or range that does not exist.
    """

    image_size: int | tuple[int, int] | None = None
    channels: int | None = None
    resize: str = "crop"
    value_range: tuple[float, float] | None = None

    def __post_init__(self):
        if self.image_size is not None:
            object.__setattr__(self, "image_size", sides("image_size", self.image_size))
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (RGB). Received: {self.channels!r}.")
        if self.resize not in RESIZE:
            raise ValueError(f"resize must be one of {RESIZE}. Received: {self.resize!r}.")
        if self.value_range is not None:
            object.__setattr__(self, "value_range", levels.pair(self.value_range))

    def keeps(self, shape: Sequence[int]) -> bool:
        """Whether images of shape (H, W, C) stay as they are."""
        same_size = self.image_size is None or self.image_size == tuple(shape[:2])
        return same_size and self.channels in (None, shape[2]) and self.value_range is None


def sides(what: str, value: int | Sequence[int]) -> tuple[int, int]:
    """(H, W) from a side or a pair.

    Raises:
        ValueError: Not one or two positive integers, or more than `MAX_PIXELS` together.
    """
    pair = value if isinstance(value, list | tuple) else (value, value)
    if len(pair) == 2 and all(map(is_count, pair)):
        height, width = map(int, pair)
        if height * width <= MAX_PIXELS:
            return height, width
        raise ValueError(
            f"{what} of {height}x{width} is more than {MAX_PIXELS} pixels a picture: choose less."
        )
    raise ValueError(f"{what} must be a side in pixels or (height, width). Received: {value!r}.")


def depth(picture: Image.Image) -> levels.Depth | None:
    """The values of a picture of more than 8 bits; None for others.

    Raises:
        ValueError: More than `MAX_PIXELS`.
    """
    if not picture.mode.startswith(("I", "F")):
        return None
    _bounded(picture)
    # PNG and PGM fill 16 bits; a TIFF of 32 bits does not say what is white.
    known = picture.mode != "F" and (picture.mode != "I" or picture.format in ("PNG", "PPM"))
    kind = "floats" if picture.mode == "F" else f"{16 if known else 32}-bit integers"
    values = np.asarray(picture)
    return levels.Depth(kind, values.min().item(), values.max().item(), 65535 if known else None)


def fitted(picture: Image.Image, form: Form) -> np.ndarray:
    """The picture as (H, W, C) uint8; grey or RGB, its transparency over white.

    The orientation that a camera recorded is applied; 16-bit greys are reduced to 8 bits. Three
    channels unless `form` asks for another number.

    Raises:
        OSError, SyntaxError, ValueError: The picture cannot be decoded, has more than `MAX_PIXELS`,
            values whose black and white are not known, or a shape that cannot be padded.
    """
    _bounded(picture)
    deep, form_range = depth(picture), form.value_range
    picture = ImageOps.exif_transpose(picture)
    if deep is not None:
        if form_range is None and deep.white is None:
            raise ValueError(
                f"{deep.kind} from {deep.low:g} to {deep.high:g} without a known black and white: "
                f"{levels.remedy(deep.low, deep.high)}"
            )
        values = np.asarray(picture)
        if form_range is None:
            # Pillow clips 16 bits at 255 instead of scaling them.
            values = (values.astype(np.int64) // 257).clip(0, 255).astype(np.uint8)
        else:
            values = levels.scaled(values, form_range, np.uint8)
        picture, form_range = Image.fromarray(values), None
    whole = picture.mode in ("1", "P", "PA")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if form_range is not None and not whole:
        picture = picture if picture.mode in ("L", "RGBA") else picture.convert("RGB")
        bands = picture.split()
        colors = [levels.scaled(np.asarray(b), form_range, np.uint8) for b in bands[:3]]
        picture = Image.merge(picture.mode, [*map(Image.fromarray, colors), *bands[3:]])
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, _WHITE), picture)
    picture = _resized(picture.convert("L" if form.channels == 1 else "RGB"), form)
    pixels = np.asarray(picture)
    return pixels[..., np.newaxis] if form.channels == 1 else pixels


def _bounded(picture):
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width}x{height} are more than {MAX_PIXELS} pixels: make it smaller")


def fitted_array(image: np.ndarray, form: Form) -> np.ndarray:
    """A decoded (H, W, C) image, uint8 or float32 in [-1, 1], brought to `form`.

    Channels that `form` leaves open stay as they are.
    """
    if form.keeps(image.shape):
        return image
    if form.value_range is not None:
        image = levels.scaled(image, form.value_range, image.dtype.type)
        return fitted_array(image, replace(form, value_range=None))
    if image.dtype == np.uint8:
        form = Form(form.image_size, form.channels or image.shape[-1], form.resize)
        return fitted(Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image), form)
    planes = [
        np.asarray(_resized(Image.fromarray(p), form, -1.0)) for p in np.moveaxis(image, -1, 0)
    ]
    if form.channels == 3 and len(planes) == 1:
        planes *= 3
    elif form.channels == 1 and len(planes) == 3:
        planes = [np.tensordot((0.299, 0.587, 0.114), planes, 1)]
    # The bicubic filter overshoots at edges.
    return np.stack(planes, -1).clip(-1, 1).astype(np.float32)


def _resized(picture, form, black=0):
    if form.image_size is None or picture.size == form.image_size[::-1]:
        return picture
    size = form.image_size[::-1]  # Pillow counts (W, H).
    if form.resize == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.BICUBIC)
    if form.resize == "stretch":
        return picture.resize(size, Image.Resampling.BICUBIC)
    share = min(size[0] / picture.width, size[1] / picture.height)
    if min(picture.width, picture.height) * share <= 0.5:
        # Less than a pixel would be left between the borders.
        raise ValueError(
            f"{picture.width}x{picture.height} is too long to be padded to {size[0]}x{size[1]}: "
            "nothing of it would be seen"
        )
    scaled = ImageOps.contain(picture, size, Image.Resampling.BICUBIC)
    canvas = Image.new(picture.mode, size, black if picture.mode != "RGB" else (0, 0, 0))
    canvas.paste(scaled, ((size[0] - scaled.width) // 2, (size[1] - scaled.height) // 2))
    return canvas
