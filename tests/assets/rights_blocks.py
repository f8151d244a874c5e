"""Builds the blocks in which files write down rights, byte by byte, and puts them into pictures."""

import struct
from collections.abc import Mapping

from tests.assets.bad_pictures import international_text, picture, png, save

PROPERTIES = {
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
XMP_MAIN = b"http://ns.adobe.com/xap/1.0/\0"
XMP_MORE = b"http://ns.adobe.com/xmp/extension/\0"


def xmp(inside: str = "", attributes: str = "", *, namespaces: Mapping[str, str] = PROPERTIES) -> bytes:
    """Return a packet with one description."""
    known = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {known} {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg_with(*segments: bytes) -> bytes:
    data = save(picture(), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def with_xmp(packet: bytes, kind: str = "PNG") -> bytes:
    if kind == "PNG":
        return png(international_text("XML:com.adobe.xmp", packet))
    return jpeg_with(segment(0xE1, XMP_MAIN + packet)) if kind == "JPEG" else save(picture(), "WEBP", xmp=packet)


def extended_xmp(packet: bytes, *, parts: int = 3) -> list[bytes]:
    """Return ExtendedXMP segments, the last part first: a reader must go by the offsets."""
    size = -(-len(packet) // parts)
    cuts = [(start, packet[start : start + size]) for start in range(0, len(packet), size)]
    heads = [b"0" * 32 + struct.pack(">II", len(packet), start) for start, _ in cuts]
    return [segment(0xE1, XMP_MORE + head + cut) for head, (_, cut) in zip(heads, cuts, strict=True)][::-1]


def iptc(*fields: tuple[int, bytes]) -> bytes:
    """Return an image resource block with an IPTC-IIM record, behind another resource with a name of odd length."""
    records = b"".join(struct.pack(">BBBH", 0x1C, 2, field, len(value)) + value for field, value in fields)
    other = b"8BIM\x04\x25\x03odd\0\0\0\x03abc\0"
    return other + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)


def with_iptc(*fields: tuple[int, bytes]) -> bytes:
    return jpeg_with(segment(0xED, b"Photoshop 3.0\0" + iptc(*fields)))
