"""From a decoded picture of any mode and size to one row of an image array."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

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

    Raises:
        ValueError: A size, number of channels or way to resize that does not exist.
    """

    image_size: int | tuple[int, int] | None = None
    channels: int | None = None
    resize: str = "crop"

    def __post_init__(self):
        if self.image_size is not None:
            object.__setattr__(self, "image_size", sides("image_size", self.image_size))
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (RGB). Received: {self.channels!r}.")
        if self.resize not in RESIZE:
            raise ValueError(f"resize must be one of {RESIZE}. Received: {self.resize!r}.")

    def keeps(self, shape: Sequence[int]) -> bool:
        """Whether images of shape (H, W, C) stay as they are."""
        same_size = self.image_size is None or self.image_size == tuple(shape[:2])
        return same_size and self.channels in (None, shape[2])


def sides(what: str, value: int | Sequence[int]) -> tuple[int, int]:
    """(H, W) from a side or a pair.

    Raises:
        ValueError: Not one or two positive integers.
    """
    pair = (value, value) if isinstance(value, int) else value
    if isinstance(pair, list | tuple) and len(pair) == 2:
        if all(isinstance(s, int) and not isinstance(s, bool) and s > 0 for s in pair):
            return tuple(pair)
    raise ValueError(f"{what} must be a side in pixels or (height, width). Received: {value!r}.")


def fitted(picture: Image.Image, form: Form) -> np.ndarray:
    """The picture as (H, W, C) uint8; grey or RGB, its transparency over white.

    The orientation that a camera recorded is applied; 16-bit greys are reduced to 8 bits. Three
    channels unless `form` asks for another number.

    Raises:
        OSError, SyntaxError, ValueError: The picture cannot be decoded.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        # Pillow clips 16 bits at 255 instead of scaling them.
        picture = Image.fromarray((np.asarray(picture, np.int64) // 257).clip(0, 255).astype("u1"))
    if picture.mode == "F":
        raise ValueError("pixels are floating-point numbers without a known range")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, _WHITE), picture)
    picture = _resized(picture.convert("L" if form.channels == 1 else "RGB"), form)
    pixels = np.asarray(picture)
    return pixels[..., np.newaxis] if form.channels == 1 else pixels


def fitted_array(image: np.ndarray, form: Form) -> np.ndarray:
    """A decoded (H, W, C) image, uint8 or float32 in [-1, 1], brought to `form`.

    Channels that `form` leaves open stay as they are.
    """
    if form.keeps(image.shape):
        return image
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
    scaled = ImageOps.contain(picture, size, Image.Resampling.BICUBIC)
    canvas = Image.new(picture.mode, size, black if picture.mode != "RGB" else (0, 0, 0))
    canvas.paste(scaled, ((size[0] - scaled.width) // 2, (size[1] - scaled.height) // 2))
    return canvas
