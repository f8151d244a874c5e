"""Opens pictures from strangers: checks the container first, decodes only pixels, and keeps nothing else by accident.

Takes and returns plain values. A picture is judged by its bytes, never by its name or content type.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms

from assets.containers.jpeg import build_jpeg, scan_jpeg
from assets.containers.parts import Container, Exif, Format, PictureError
from assets.containers.png import SIGNATURE, build_png, check_rows, scan_png
from assets.containers.webp import build_webp, scan_webp
from engine.specs import pixels_sha256

__all__ = [
    "Container",
    "Exif",
    "PictureError",
    "Verified",
    "flatten",
    "make_thumbnail",
    "open_picture",
    "pixels_hash",
    "read_container",
    "strip_picture",
]

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 64 * 1024 * 1024
MAX_SIDE = 16_384
THUMBNAIL_QUALITY = 82

SCANNERS: Mapping[Format, Callable[[bytes], Container]] = {"PNG": scan_png, "JPEG": scan_jpeg, "WEBP": scan_webp}
BUILDERS: Mapping[Format, Callable[..., bytes]] = {"PNG": build_png, "JPEG": build_jpeg, "WEBP": build_webp}
REFUSED_STARTS = (
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "PSD"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"BM", "BMP"),
    (b"\0\0\x01\0", "ICO"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
)
REFUSED_MARKUP = ((b"<svg", "SVG"), (b"<!doctype html", "HTML"), (b"<html", "HTML"), (b"<script", "HTML"))
REFUSED_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}
HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Hold a picture that decoded completely.

    `image` is 8-bit RGB, or RGBA where the file has transparency, turned upright and in sRGB; `width` and `height` are
    its size. `mode` and `orientation` (1–8) are what the file had. `texts` are what the file says about itself: claims.
    """

    image: Image.Image
    format: Format
    width: int
    height: int
    mode: str
    orientation: int
    texts: Mapping[str, str]
    has_location: bool
    warnings: tuple[str, ...]


def open_picture(data: bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Verified:
    """Check and decode one still PNG, JPEG or WebP picture. Raises PictureError with the reason."""
    container = read_container(data, max_bytes=max_bytes)
    _check_size(container, max_pixels)
    decoded = _decode(container)
    mode = decoded.mode
    orientation = container.exif.orientation if container.exif.orientation in range(1, 9) else 1
    image, profile_warnings = _to_srgb(decoded, container.profile)
    if orientation != 1:
        image = image.transpose(TURNS[orientation])
    image.info.clear()
    return Verified(
        image=image,
        format=container.format,
        width=image.width,
        height=image.height,
        mode=mode,
        orientation=orientation,
        texts=container.texts,
        has_location=container.exif.has_location,
        warnings=(*_warnings(container), *profile_warnings),
    )


def read_container(data: bytes, *, max_bytes: int = MAX_BYTES) -> Container:
    """Take a picture file apart without decoding a pixel. Raises PictureError."""
    if not data:
        raise PictureError("empty")
    if len(data) > max_bytes:
        raise PictureError("too_many_bytes", size=len(data), limit=max_bytes)
    return SCANNERS[_sniff(data)](data)


def strip_picture(data: bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return the same pixels, unchanged, without EXIF, places, serials, XMP, texts, comments or trailing data.

    Only the orientation and the colour profile stay, because the picture would look different without them.
    """
    verified = open_picture(data, max_bytes=max_bytes, max_pixels=max_pixels)
    container = read_container(data, max_bytes=max_bytes)
    return BUILDERS[container.format](container, orientation=verified.orientation, profile=container.profile)


def flatten(image: Image.Image) -> Image.Image:
    """Return a picture as RGB, with transparent parts shown on white."""
    if image.mode == "RGB":
        return image
    upper = _to_rgb(image)
    if upper.mode == "RGB":
        return upper
    white = Image.new("RGBA", upper.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, upper).convert("RGB")


def pixels_hash(image: Image.Image) -> str:
    """Return the identity of a picture's pixels as `engine.specs` defines it; transparency counts as white."""
    return pixels_sha256(image.width, image.height, flatten(image).tobytes())


def make_thumbnail(image: Image.Image, side: int) -> bytes:
    """Return the picture as WebP whose longer side is at most `side` pixels; small pictures are not enlarged."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = _to_rgb(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    file = io.BytesIO()
    small.save(file, "WEBP", quality=THUMBNAIL_QUALITY, method=2)
    return file.getvalue()


def _sniff(data: bytes) -> Format:
    if data.startswith(SIGNATURE):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    name = _refused_format(data)
    raise PictureError("format_refused", format=name) if name else PictureError("not_a_picture")


def _refused_format(data: bytes) -> str | None:
    for start, name in REFUSED_STARTS:
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return REFUSED_BRANDS.get(brand, "HEIC" if brand in HEIF_BRANDS else "MP4")
    head = data[:4096].lower().replace(b"\0", b"")
    return next((name for mark, name in REFUSED_MARKUP if mark in head), None)


def _check_size(container: Container, max_pixels: int) -> None:
    width, height = container.width, container.height
    if width < 1 or height < 1:
        raise PictureError("broken", reason="size")
    if width * height > max_pixels:
        raise PictureError("too_many_pixels", width=width, height=height, limit=max_pixels)
    if max(width, height) > MAX_SIDE:
        raise PictureError("side_too_long", width=width, height=height, limit=MAX_SIDE)


def _decode(container: Container) -> Image.Image:
    if container.format == "PNG":
        check_rows(container)
    pixels_only = BUILDERS[container.format](container)
    try:
        image = Image.open(io.BytesIO(pixels_only), formats=(container.format,))
        if image.size != (container.width, container.height):
            raise PictureError("broken", reason="size")
        image.load()
    except DECODER_ERRORS as error:
        raise PictureError("broken", reason="pixels") from error
    return image


def _warnings(container: Container) -> tuple[str, ...]:
    found = list(container.warnings)
    if container.trailing:
        found.append("trailing_data_left_out")
    if container.exif.orientation not in range(1, 9):
        found.append("orientation_unknown")
    return tuple(found)


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert to RGB, in sRGB by the file's own profile; a profile that does not fit the picture is left out."""
    if image.mode != "CMYK":
        image = _to_rgb(image)
    if profile is None:
        return _to_rgb(image), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return _to_rgb(image), ()
        mode: Any = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return _to_rgb(image), ("color_profile_left_out",)
    return converted or _to_rgb(image), ()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        import numpy as np  # 12 MB that the web process seldom needs

        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    has_alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)
