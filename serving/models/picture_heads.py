"""What the first bytes of picture files say, before anything is decoded."""

import io
import struct
from typing import Any

from PIL import JpegImagePlugin

_JPEG = b"\xff\xd8\xff"
# First bytes -> where width and height are, and how they are written.
_SIDES = (
    (b"\x89PNG\r\n\x1a\n", 16, ">II"),
    (b"GIF8", 6, "<HH"),
    (b"BM", 18, "<ii"),
)


def sides(file: bytes) -> tuple[int, int]:
    """Height and width of a PNG, JPEG, GIF or BMP file; zeros for what is none, or cut off."""
    if b"\0" not in file[:32]:  # A text may begin with "BM".
        return 0, 0
    if file.startswith(_JPEG):
        jpeg = _jpeg(file)
        return (jpeg.height, jpeg.width) if jpeg else (0, 0)
    for magic, at, form in _SIDES:
        if file.startswith(magic) and len(file) >= at + struct.calcsize(form):
            width, height = struct.unpack_from(form, file, at)
            return abs(height), abs(width)
    return 0, 0


def is_cmyk(file: bytes) -> bool:
    """Whether it is a JPEG of four inks."""
    jpeg = _jpeg(file) if file.startswith(_JPEG) else None
    return jpeg is not None and jpeg.mode == "CMYK"


def _jpeg(file) -> Any:
    """The opened file, None for a broken one; nothing is decoded."""
    try:
        # Not `Image.open`, which warns of the very sizes that are looked for here.
        return JpegImagePlugin.JpegImageFile(io.BytesIO(file))
    except (OSError, SyntaxError, ValueError, IndexError, struct.error):
        return None
