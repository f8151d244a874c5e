"""Reads the rights properties of an XMP packet, in every form that RDF allows for them.

Source: XMP Part 1 (serialization), IPTC Photo Metadata 2025.1, PLUS LDF 2, ccREL.
Prefixes never matter, only namespaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from assets.claims.cleaning import clean_text, clean_texts
from assets.claims.values import Notice, Said

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XML = "{http://www.w3.org/XML/1998/namespace}"
DC = "{http://purl.org/dc/elements/1.1/}"
CC = "{http://creativecommons.org/ns#}"
RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
IPTC_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
# Descriptions of other pictures: what this one was made of.
OTHERS = "{http://ns.adobe.com/xap/1.0/mm/}"
PROPERTIES = {
    f"{DC}rights": "copyright_notices",
    f"{DC}creator": "creators",
    f"{DC}source": "sources",
    f"{PHOTOSHOP}Credit": "credit_lines",
    f"{PHOTOSHOP}Source": "sources",
    f"{RIGHTS}UsageTerms": "usage_terms",
    f"{RIGHTS}WebStatement": "web_statements",
    f"{RIGHTS}Marked": "marked",
    f"{CC}license": "license_urls",
    f"{PLUS}LicensorURL": "licensor_urls",
    f"{PLUS}TermsAndConditionsURL": "terms_urls",
    f"{PLUS}DataMining": "data_mining",
    f"{PLUS}ModelReleaseStatus": "model_releases",
    f"{PLUS}PropertyReleaseStatus": "property_releases",
    f"{IPTC_EXTENSION}PersonInImage": "persons_shown",
    f"{IPTC_EXTENSION}DigitalSourceType": "digital_source_types",
    "{http://purl.org/dc/terms/}provenance": "provenance",
}
PLACES = tuple(f"{{http://ns.adobe.com/exif/1.0/}}GPS{name}" for name in ("Latitude", "Longitude"))
MAX_DEPTH = 12
UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")


@dataclass(frozen=True, slots=True, kw_only=True)
class XmpReading:
    """Hold the properties by our names, whether a place is written, and what went wrong."""

    said: Said
    has_location: bool = False
    notices: tuple[Notice, ...] = ()


def read_xmp(packet: bytes) -> XmpReading:
    """Return the rights in one packet. Never raises: a packet that cannot be trusted gives a notice."""
    try:
        root = fromstring(packet if packet.startswith(UTF_16) else packet.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except DefusedXmlException:
        return XmpReading(said={}, notices=(Notice(code="xmp_forbidden_markup"),))
    except (ParseError, ValueError, LookupError):
        return XmpReading(said={}, notices=(Notice(code="xmp_unreadable"),))
    found: dict[str, list[str]] = {}
    has_location = False
    for name, value in _walk(root):
        has_location = has_location or name in PLACES
        if name in PROPERTIES:
            found.setdefault(PROPERTIES[name], []).extend([value] if isinstance(value, str) else _values(value))
    said = {name: texts for name, values in found.items() if (texts := clean_texts(values))}
    places = said.pop("provenance", ())
    notices = tuple(Notice(code="provenance_not_fetched", params={"url": clean_text(url, 300)}) for url in places)
    return XmpReading(said=said, has_location=has_location, notices=notices)


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield every attribute and element at any depth in the order of the file, but nothing of other pictures."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.tag.startswith(OTHERS):
            continue
        yield element.tag, element
        yield from element.attrib.items()
        waiting.extend(reversed(element))


def _values(element: Any, depth: int = 0) -> Iterator[str]:
    """Yield the texts of a property: plain, as a resource, as list items, and below rdf:value or a described node."""
    for attribute in (f"{RDF}resource", f"{RDF}value") + (f"{RDF}about",) * bool(depth):
        if attribute in element.attrib:
            yield element.attrib[attribute]
    if not len(element) and element.text:
        yield element.text
    for child in element if depth < MAX_DEPTH else ():
        if child.tag.startswith((RDF, CC)):
            yield from _values(child, depth + 1)
