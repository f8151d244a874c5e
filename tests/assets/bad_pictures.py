"""Builds good, strange and hostile pictures byte by byte."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pixels(width: int = 24, height: int = 16, channels: int = 3) -> np.ndarray:
    """Return reproducible noise, so that every turn and flip of it is different."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def picture(width: int = 24, height: int = 16) -> Image.Image:
    return Image.fromarray(pixels(width, height))


def save(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int = 8, color: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))


def png(*extra: bytes, width: int = 8, height: int = 8) -> bytes:
    """Return a small grey-blue PNG with more chunks between its header and its pixels."""
    rows = (b"\0" + b"\x40\x50\x60" * width) * height
    return b"".join(
        (SIGNATURE, header(width, height), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


def image_chunks(rows: bytes) -> tuple[bytes, bytes]:
    return chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """Return zlib data that unpacks to that many zero bytes, made without holding them."""
    packer = zlib.compressobj(9)
    block = bytes(1024 * 1024)
    return b"".join([*(packer.compress(block) for _ in range(size // len(block))), packer.flush()])


def international_text(keyword: str, text: bytes, *, packed: bool = False) -> bytes:
    return chunk(b"iTXt", keyword.encode() + b"\0" + bytes((packed, 0)) + b"\0\0" + text)


def exif(**tags: Any) -> Image.Exif:
    """Return EXIF by tag number written as a name: `exif(t0112=6)`."""
    block = Image.Exif()
    for name, value in tags.items():
        block[int(name[1:], 16)] = value
    return block


def animated_png(frames: int) -> bytes:
    return png(chunk(b"acTL", struct.pack(">II", frames, 0)))


def animated_webp(frames: int) -> bytes:
    first, *rest = (Image.new("RGB", (8, 8), (index * 6 % 256, 255 - index * 6 % 256, 90)) for index in range(frames))
    return save(first, "WEBP", save_all=True, append_images=rest, duration=10)


def jpeg_of_size(width: int, height: int) -> bytes:
    """Return a JPEG whose frame header claims a size that its data does not have."""
    data = bytearray(save(picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)
