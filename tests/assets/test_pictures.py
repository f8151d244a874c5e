"""Pictures from strangers: every bad one gets its reason, every strange but honest one opens as 8-bit RGB(A)."""

import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from assets.pictures import (
    PictureError,
    flatten,
    make_thumbnail,
    open_picture,
    pixels_hash,
    strip_picture,
)
from engine.specs import pixels_sha256
from tests.assets.bad_pictures import (
    SIGNATURE,
    animated_png,
    animated_webp,
    chunk,
    exif,
    header,
    image_chunks,
    international_text,
    jpeg_of_size,
    picture,
    pixels,
    png,
    save,
    zeros,
)

XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
PROVENANCE = b'<x dcterms:provenance="http://169.254.169.254/latest/meta-data/"/>'
MARKER = b"SECRET-SERIAL"
GOOD = save(picture())

REFUSED = {
    "0 bytes": (b"", "empty"),
    "1 byte": (b"\x89", "not_a_picture"),
    "text": (b"not a picture at all", "not_a_picture"),
    "IHDR bomb of 100k x 100k": (png(width=8).replace(header(8, 8), header(100_000, 100_000)), "too_many_pixels"),
    "IHDR with no width": (png().replace(header(8, 8), header(0, 8)), "broken"),
    "two headers": (png(header(8, 8)), "broken"),
    "zTXt bomb": (png(chunk(b"zTXt", b"Comment\0\0" + zeros(64 << 20))), "metadata_bomb"),
    "iTXt bomb": (png(international_text("Comment", zeros(64 << 20), packed=True)), "metadata_bomb"),
    "iCCP bomb": (png(chunk(b"iCCP", b"icc\0\0" + zeros(64 << 20))), "metadata_bomb"),
    "50,001 chunks": (png(*[chunk(b"tEXt", b"a\0b")] * 50_001), "too_many_pieces"),
    "truncated IDAT": (GOOD[:-40], "truncated"),
    "IDAT that unpacks to too few rows": (png(height=8).replace(header(8, 8), header(8, 64)), "truncated"),
    "IDAT that is not zlib": (SIGNATURE + header(8, 8) + chunk(b"IDAT", b"junk") + chunk(b"IEND", b""), "broken"),
    "broken CRC": (GOOD[:60] + bytes((GOOD[60] ^ 1,)) + GOOD[61:], "broken"),
    "no pixels": (SIGNATURE + header(8, 8) + chunk(b"IEND", b""), "truncated"),
    "APNG of 5,000 frames": (animated_png(5_000), "animated"),
    "animated WebP of 40 frames": (animated_webp(40), "animated"),
    "truncated JPEG": (save(picture(), "JPEG")[:-80], "truncated"),
    "JPEG with only a start": (b"\xff\xd8\xff", "truncated"),
    "truncated WebP": (save(picture(), "WEBP")[:-8], "truncated"),
    "WebP without pixels": (b"RIFF\x04\0\0\0WEBP", "truncated"),
    "65,500 px side in JPEG": (jpeg_of_size(65_500, 16), "side_too_long"),
    "65,500 px side in PNG": (png(width=65_500, height=1), "side_too_long"),
    "65,500 x 65,500 JPEG": (jpeg_of_size(65_500, 65_500), "too_many_pixels"),
}

NAMED = {
    "HTML": b"<!DOCTYPE html><script>alert(1)</script>",
    "GIF": b"GIF89a/*\x01\0\x01\0*/=1;alert(1)",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "PSD": b"8BPS\0\x01" + bytes(20),
    "TIFF": b"II*\0\x08\0\0\0" + bytes(20),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "PDF": b"%PDF-1.7\n",
    "ZIP": b"PK\x03\x04" + bytes(30),
    "BMP": b"BM" + bytes(60),
}

TAILS = {"JPEG/ZIP": b"PK\x03\x04payload", "PDF": b"%PDF-1.7\n%%EOF", "GIF/JS": b"GIF89a=1;alert(1)"}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_refused_with_its_reason(name):
    data, code = REFUSED[name]
    with pytest.raises(PictureError) as caught:
        open_picture(data)
    assert caught.value.code == code
    assert str(caught.value)


@pytest.mark.parametrize("name", NAMED)
def test_another_format_is_refused_by_its_name(name):
    with pytest.raises(PictureError) as caught:
        open_picture(NAMED[name])
    assert caught.value.code == "format_refused"
    assert caught.value.params == {"format": name}


def test_limits_of_the_caller_are_kept():
    with pytest.raises(PictureError) as caught:
        open_picture(GOOD, max_bytes=100)
    assert (caught.value.code, caught.value.params["limit"]) == ("too_many_bytes", 100)
    with pytest.raises(PictureError) as caught:
        open_picture(GOOD, max_pixels=100)
    assert (caught.value.code, caught.value.params["limit"]) == ("too_many_pixels", 100)


def test_the_number_of_frames_is_named():
    with pytest.raises(PictureError) as caught:
        open_picture(animated_webp(40))
    assert caught.value.params == {"frames": 40}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(1, 1), (8, 3000), (24, 16)])
def test_small_and_narrow_pictures_open(kind, size):
    verified = open_picture(save(picture(*size), kind))
    assert (verified.width, verified.height) == verified.image.size == size
    assert (verified.format, verified.mode, verified.orientation) == (kind, "RGB", 1)
    assert verified.warnings == ()


def gray16(*, alpha: bool = False) -> bytes:
    values = np.arange(24 * 16, dtype=np.uint16).reshape(16, 24) * 170
    if not alpha:
        return save(Image.fromarray(values))
    rows = b"".join(b"\0" + np.stack([row, row[::-1]], axis=-1).astype(">u2").tobytes() for row in values)
    return b"".join((SIGNATURE, header(24, 16, 16, 4), *image_chunks(rows)))


def color16(*extra: bytes) -> bytes:
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in pixels())
    return b"".join((SIGNATURE, header(24, 16, 16, 2), *extra, *image_chunks(rows)))


def palette(**options) -> bytes:
    return save(picture().quantize(16), **options)


ODD_MODES = {
    "CMYK": (save(picture().convert("CMYK"), "JPEG"), "CMYK", "RGB"),
    "16-bit grey": (gray16(), "I;16", "RGB"),
    "16-bit grey with alpha": (gray16(alpha=True), "RGBA", "RGBA"),
    "16-bit colour": (color16(), "RGB", "RGB"),
    "16-bit colour with tRNS": (color16(chunk(b"tRNS", b"\1\1\2\2\3\3")), "RGB", "RGBA"),
    "palette": (palette(), "P", "RGB"),
    "palette with tRNS": (palette(transparency=3), "P", "RGBA"),
    "grey": (save(picture().convert("L")), "L", "RGB"),
    "grey JPEG": (save(picture().convert("L"), "JPEG"), "L", "RGB"),
    "grey with alpha": (save(picture().convert("LA")), "LA", "RGBA"),
    "black and white": (save(picture().convert("1")), "1", "RGB"),
    "colour with tRNS": (png(chunk(b"tRNS", b"\0\x40\0\x50\0\x60")), "RGB", "RGBA"),
    "WebP with alpha": (save(Image.fromarray(pixels(channels=4), "RGBA"), "WEBP"), "RGBA", "RGBA"),
}


@pytest.mark.parametrize("name", ODD_MODES)
def test_an_odd_mode_is_converted(name):
    data, mode, converted = ODD_MODES[name]
    verified = open_picture(data)
    assert verified.mode == mode
    assert verified.image.mode == converted
    assert verified.image.info == {}


def test_sixteen_bits_keep_their_brightness():
    verified = open_picture(gray16())
    expected = (np.arange(24 * 16).reshape(16, 24) * 170) >> 8
    assert np.array_equal(np.asarray(verified.image)[..., 0], expected)
    assert np.array_equal(np.asarray(open_picture(color16()).image), pixels())


def test_a_transparent_color_becomes_transparent():
    verified = open_picture(png(chunk(b"tRNS", b"\0\x40\0\x50\0\x60")))
    assert verified.image.getpixel((3, 3))[3] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_turned_upright(kind, orientation):
    data = save(picture(), kind, exif=exif(t0112=orientation))
    verified = open_picture(data)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert verified.orientation == orientation
    assert np.array_equal(np.asarray(verified.image), np.asarray(upright))


@pytest.mark.parametrize("orientation", [0, 9, 99])
def test_an_unknown_orientation_is_left_alone_and_said(orientation):
    verified = open_picture(save(picture(), "JPEG", exif=exif(t0112=orientation)))
    assert verified.orientation == 1
    assert verified.image.size == (24, 16)
    assert verified.warnings == ("orientation_unknown",)


def located(kind: str, orientation: int = 6) -> bytes:
    block = exif(t0112=orientation, t010F=MARKER.decode(), t8825={1: "N", 2: (35.0, 40.0, 0.0)})
    return save(picture(), kind, exif=block)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_place_and_serials_are_stripped_and_the_pixels_stay(kind):
    data = located(kind)
    before = open_picture(data)
    after = open_picture(strip_picture(data))
    assert before.has_location
    assert MARKER in data
    assert MARKER not in strip_picture(data)
    assert not after.has_location
    assert after.texts == {}
    assert pixels_hash(after.image) == pixels_hash(before.image)


def test_repeated_marker_bytes_are_dropped_before_a_decoder_chews_on_them():
    data = save(picture(), "JPEG")
    filled = data[:-2] + b"\xff" * 1_000_000 + b"\xd9"
    assert len(strip_picture(filled)) <= len(data) + 1
    assert pixels_hash(open_picture(filled).image) == pixels_hash(open_picture(data).image)
    before_a_segment = data[:2] + b"\xff" * 1_000_000 + data[2:]
    assert pixels_hash(open_picture(before_a_segment).image) == pixels_hash(open_picture(data).image)


def test_overlapping_exif_fields_are_not_all_kept():
    field = struct.pack(">HHII", 0x010E, 2, 100_000, 100)
    block = b"MM\0*" + struct.pack(">IH", 8, 400) + field * 400 + b"a" * 200_000
    texts = open_picture(png(chunk(b"eXIf", block))).texts
    assert list(texts) == ["exif:description"]
    assert len(texts["exif:description"]) == 100_000


def test_comments_xmp_and_jfif_thumbnails_are_stripped():
    comment = b"\xff\xfe" + struct.pack(">H", len(MARKER) + 2) + MARKER
    data = save(picture(), "JPEG")
    assert MARKER not in strip_picture(data[:2] + comment + data[2:])
    text = chunk(b"tEXt", b"Comment\0" + MARKER)
    assert MARKER not in strip_picture(png(text))


def test_a_stripped_picture_is_stripped_already():
    for kind in ("PNG", "JPEG", "WEBP"):
        once = strip_picture(located(kind))
        assert strip_picture(once) == once


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", TAILS)
def test_data_after_the_picture_is_dropped_on_rewrite(kind, name):
    verified = open_picture(save(picture(), kind) + TAILS[name])
    assert verified.warnings == ("trailing_data_left_out",)
    assert TAILS[name] not in strip_picture(save(picture(), kind) + TAILS[name])


def test_a_pdf_inside_a_comment_is_dropped_on_rewrite():
    body = b"%PDF-1.7\n1 0 obj"
    data = save(picture(), "JPEG", comment=body)
    assert body in data
    assert body not in strip_picture(data)


XMP = {
    "5 MB": b"<x>" + b"a" * (5 << 20) + b"</x>",
    "with XXE": XXE,
    "with provenance at a private address": PROVENANCE,
}


@pytest.mark.parametrize("name", XMP)
def test_xmp_is_never_parsed_and_leaves_with_the_rewrite(name):
    data = png(international_text("XML:com.adobe.xmp", XMP[name]))
    verified = open_picture(data)
    assert verified.texts == {}
    assert verified.warnings == ("xmp_left_out",)
    assert XMP[name][:40] not in strip_picture(data)


def test_a_packed_xmp_bomb_is_not_even_unpacked():
    verified = open_picture(png(international_text("XML:com.adobe.xmp", zeros(64 << 20), packed=True)))
    assert verified.warnings == ("xmp_left_out",)


def test_the_first_text_of_a_name_counts_and_damaged_ones_are_said():
    verified = open_picture(
        png(
            chunk(b"tEXt", b"parameters\0first"),
            chunk(b"tEXt", b"parameters\0second"),
            chunk(b"zTXt", b"Comment\0\0not zlib"),
        )
    )
    assert verified.texts == {"parameters": "first"}
    assert verified.warnings == ("text_unreadable",)


def test_texts_beyond_the_limits_are_left_out_and_said():
    many = [chunk(b"tEXt", f"k{index}\0v".encode()) for index in range(300)]
    long = chunk(b"tEXt", b"long\0" + b"a" * (5 << 20))
    assert len(open_picture(png(*many)).texts) == 256
    verified = open_picture(png(long))
    assert (verified.texts, verified.warnings) == ({}, ("texts_left_out",))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".html"])
def test_only_the_bytes_decide_the_format(suffix, tmp_path):
    path = tmp_path / f"wrong{suffix}"
    path.write_bytes(save(picture(), "WEBP"))
    assert open_picture(path.read_bytes()).format == "WEBP"


def test_identical_bytes_and_re_encoded_pixels_have_one_identity():
    original = open_picture(GOOD)
    again = open_picture(GOOD)
    lossless = open_picture(save(picture(), "WEBP", lossless=True))
    smaller = open_picture(save(picture(), compress_level=1))
    assert len({pixels_hash(each.image) for each in (original, again, lossless, smaller)}) == 1
    assert pixels_hash(original.image) == pixels_sha256(24, 16, pixels().tobytes())


def test_transparency_is_part_of_the_identity():
    opaque = picture().convert("RGBA")
    half = opaque.copy()
    half.putalpha(128)
    assert pixels_hash(opaque) == pixels_hash(picture())
    assert pixels_hash(half) != pixels_hash(opaque)
    assert flatten(half).mode == "RGB"


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RED_IS_BLUE = SRGB.replace(b"s\0R\0G\0B", b"x\0R\0G\0B").replace(b"sRGB", b"xRGB")
RED_IS_BLUE = RED_IS_BLUE.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def test_an_srgb_profile_changes_no_pixel():
    verified = open_picture(save(picture(), icc_profile=SRGB))
    assert pixels_hash(verified.image) == pixels_hash(picture())
    assert verified.warnings == ()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_another_color_profile_is_applied(kind, mode):
    red = Image.new(mode, (8, 8), (250, 5, 5, 128)[: len(mode)])
    verified = open_picture(save(red, kind, icc_profile=RED_IS_BLUE, **({"lossless": True} if kind == "WEBP" else {})))
    pixel = verified.image.getpixel((4, 4))
    assert verified.image.mode == mode
    assert pixel[2] > 240
    assert pixel[0] < 20
    assert pixel[3:] in ((), (128,))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_color_profile_survives_the_strip(kind):
    stripped = strip_picture(save(picture(), kind, icc_profile=RED_IS_BLUE))
    assert Image.open(io.BytesIO(stripped)).info["icc_profile"] == RED_IS_BLUE


def test_a_profile_that_does_not_fit_is_left_out_and_said():
    verified = open_picture(save(picture(), icc_profile=b"no profile at all" * 20))
    assert verified.warnings == ("color_profile_left_out",)
    assert pixels_hash(verified.image) == pixels_hash(picture())


@pytest.mark.parametrize(("size", "expected"), [((640, 320), (256, 128)), ((8, 3000), (1, 256)), ((1, 1), (1, 1))])
def test_a_thumbnail_fits_and_is_never_enlarged(size, expected):
    thumbnail = Image.open(io.BytesIO(make_thumbnail(picture(*size), 256)))
    assert (thumbnail.format, thumbnail.size) == ("WEBP", expected)


def test_a_thumbnail_keeps_transparency_and_leaves_the_picture_alone():
    image = Image.fromarray(pixels(channels=4), "RGBA")
    before = image.tobytes()
    assert Image.open(io.BytesIO(make_thumbnail(image, 8))).mode == "RGBA"
    assert image.tobytes() == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_picture_opens_or_is_refused_and_never_crashes(kind, data):
    whole = bytearray(located(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    for broken in (bytes(whole), bytes(whole[:cut])):
        with contextlib.suppress(PictureError):
            assert open_picture(broken).image.mode in ("RGB", "RGBA")


def test_an_interlaced_picture_is_whole_or_refused():
    rows = {1: 1 + 3, 2: 0, 3: 0, 4: 1 + 3, 5: 1 + 6, 6: 2 * (1 + 3), 7: 1 + 9}
    start = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 3, 8, 2, 0, 0, 1))
    whole = bytes(sum(rows.values()))
    assert open_picture(start + b"".join(image_chunks(whole))).image.size == (3, 3)
    with pytest.raises(PictureError) as caught:
        open_picture(start + b"".join(image_chunks(whole[:-1])))
    assert caught.value.code == "truncated"
