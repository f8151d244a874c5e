"""Brings everything together that a picture file says of its own rights."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assets.claims.blocks import MAX_XMP_BYTES, Blocks, find_blocks
from assets.claims.c2pa_claims import read_c2pa
from assets.claims.cleaning import clean_text, clean_texts
from assets.claims.plus_terms import DATA_MINING, MODEL_RELEASES, PROPERTY_RELEASES, read_term, strictest
from assets.claims.records import read_exif_rights, read_iptc
from assets.claims.values import C2paClaims, EmbeddedClaims, Notice, Said
from assets.claims.xmp import XmpReading, read_xmp
from assets.containers.exif import read_exif
from assets.pictures import read_container

PNG_TEXTS = {"Copyright": "copyright_notices", "Author": "creators"}
TEXT_FIELDS = (
    "copyright_notices",
    "creators",
    "credit_lines",
    "sources",
    "usage_terms",
    "license_urls",
    "web_statements",
    "licensor_urls",
    "terms_urls",
    "persons_shown",
)


def read_claims(data: bytes) -> EmbeddedClaims:
    """Return what a PNG, JPEG or WebP file says of its own rights, cleaned and unverified; nothing is fetched.

    Raises PictureError where the file is no picture that `read_container` accepts. Damage in the rights data
    themselves is a notice.
    """
    container = read_container(data)
    blocks = find_blocks(data, container)
    packets = [read_xmp(packet) for packet in blocks.xmp]
    c2pa = read_c2pa(data, container.format) if blocks.has_c2pa else None
    by_block = {
        "xmp": _merge(packet.said for packet in packets),
        "iptc": _merge(map(read_iptc, blocks.iptc)),
        "exif": _merge(map(read_exif_rights, blocks.exif)),
        "png_text": _png_texts(container.texts) if container.format == "PNG" else {},
    }
    said = _merge(by_block.values())
    return EmbeddedClaims(
        **_fields(said),
        c2pa=c2pa,
        has_location=_has_location(blocks, packets),
        found_in=(*(name for name, each in by_block.items() if each), *(("c2pa",) if c2pa else ())),
        notices=tuple(dict.fromkeys(_notices(blocks, packets, said, c2pa))),
    )


def _has_location(blocks: Blocks, packets: Sequence[XmpReading]) -> bool:
    in_exif = (read_exif(block).has_location for block in blocks.exif)
    return any(packet.has_location for packet in packets) or any(in_exif)


def _merge(parts: Iterable[Said]) -> Said:
    merged: dict[str, list[str]] = {}
    for part in parts:
        for name, texts in part.items():
            merged.setdefault(name, []).extend(texts)
    return {name: clean_texts(texts) for name, texts in merged.items()}


def _png_texts(texts: Mapping[str, str]) -> Said:
    return {name: found for key, name in PNG_TEXTS.items() if (found := clean_texts([texts.get(key, "")]))}


def _fields(said: Said) -> dict[str, Any]:
    marks = {mark.lower() for mark in said.get("marked", ())} & {"true", "false"}
    types = said.get("digital_source_types", ())
    return {name: said.get(name, ()) for name in TEXT_FIELDS} | {
        "is_rights_marked": "true" in marks if marks else None,
        "data_mining": strictest(said.get("data_mining", ()), DATA_MINING),
        "model_release": strictest(said.get("model_releases", ()), MODEL_RELEASES),
        "property_release": strictest(said.get("property_releases", ()), PROPERTY_RELEASES),
        "digital_source_types": clean_texts(each.rstrip("/").rpartition("/")[2] for each in types),
    }


def _notices(blocks: Blocks, packets: Sequence[XmpReading], said: Said, c2pa: C2paClaims | None) -> Iterator[Notice]:
    if blocks.has_large_xmp:
        yield Notice(code="xmp_too_large", params={"limit": MAX_XMP_BYTES})
    for packet in packets:
        yield from packet.notices
    for value in said.get("data_mining", ()):
        if read_term(value) not in DATA_MINING:
            yield Notice(code="data_mining_unknown", params={"value": clean_text(value, 200)})
    if c2pa and not c2pa.is_readable:
        yield Notice(code="c2pa_unreadable")
