"""An image becomes a plain PNG of what is seen: decoded, the low bits set, written anew with nothing beside.

Dimensions are read from the header and checked before any pixel is decoded.
"""

from __future__ import annotations

import io
import warnings

from sandbox.review.finding import Finding, Severity, refused

LONGEST_SIDE = 4096
MOST_PIXELS = 8_000_000
"""24 MB once decoded: a printed page at 300 dots an inch."""
LOW_BITS = 0x0F
"""Bits of each colour that are set in every pixel, and so carry nothing."""
_ENDS = {"png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"), "jpeg": (b"\xff\xd8\xff", b"\xff\xd9")}
_FIX = "Save the chart again as one plain PNG or JPEG."


def canonical_image(ending: str, data: bytes) -> tuple[bytes, list[Finding]]:
    """Return the one PNG of an image.

    Raises:
        RefusedFile: it is another format, has anything behind its end, moves, or is too large.
    """
    kind = "jpeg" if ending in {"jpg", "jpeg"} else ending
    start, end = _ENDS[kind]
    if not data.startswith(start) or not data.endswith(end):
        raise refused("content", "The content is not what the file's name says.", fix=_FIX)
    from PIL import Image  # noqa: PLC0415  # 60 ms that only images pay

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(data), formats=[kind.upper()])
        _check_size(image.width, image.height, frames=getattr(image, "n_frames", 1))
        seen = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise refused("image", "The image cannot be read.", fix=_FIX) from error
    ground = Image.new("RGBA", seen.size, "white")
    plain = Image.alpha_composite(ground, seen).convert("RGB").point([v | LOW_BITS for v in range(256)] * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", plain.size, plain.tobytes()).save(buffer, format="PNG")
    return buffer.getvalue(), [
        Finding(
            code="image-data",
            severity=Severity.FLAG,
            where="file",
            sentence="The numbers behind the image are not in the request under its name.",
            fix="Submit its table too: chart.csv for chart.png.",
        )
    ]


def _check_size(width: int, height: int, *, frames: int) -> None:
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS or frames > 1:
        raise refused(
            "image",
            f"The image moves, or has more than {MOST_PIXELS} pixels or {LONGEST_SIDE} on a side.",
            fix="Draw it smaller.",
        )
