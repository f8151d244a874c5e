"""A file's own words on its rights are read in every form, cleaned, never fetched, and held against the declared."""

import http.server
import json
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.claims import EmbeddedClaims, read_claims
from assets.claims.blocks import MAX_XMP_BYTES
from assets.claims.cleaning import HIDDEN, MAX_CHARACTERS, clean_text, decode_text
from assets.claims.records import read_exif_rights, read_iptc
from assets.claims.values import C2paClaims
from assets.claims.xmp import read_xmp
from assets.pictures import PictureError
from tests.assets.bad_pictures import chunk, exif, international_text, picture, png, save
from tests.assets.credentials import sign
from tests.assets.rights_blocks import (
    PROPERTIES,
    extended_xmp,
    iptc,
    jpeg_with,
    segment,
    with_iptc,
    with_xmp,
    xmp,
)

VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
KINDS = ("PNG", "JPEG", "WEBP")

# name: (inside the description, attributes, field, expected)
FORMS = {
    "DataMining as attribute": ("", 'plus:DataMining="DMI-PROHIBITED"', "data_mining", "DMI-PROHIBITED"),
    "DataMining as attribute with its address": (
        "",
        f'plus:DataMining="{VOCABULARY}DMI-PROHIBITED-GENAIMLTRAINING"',
        "data_mining",
        "DMI-PROHIBITED-GENAIMLTRAINING",
    ),
    "DataMining as element": (
        f"<plus:DataMining> {VOCABULARY}DMI-ALLOWED\n</plus:DataMining>",
        "",
        "data_mining",
        "DMI-ALLOWED",
    ),
    "DataMining as resource": (
        f'<plus:DataMining rdf:resource="{VOCABULARY}DMI-PROHIBITED-AIMLTRAINING"/>',
        "",
        "data_mining",
        "DMI-PROHIBITED-AIMLTRAINING",
    ),
    "DataMining with rdf:value": (
        '<plus:DataMining rdf:parseType="Resource"><rdf:value>DMI-UNSPECIFIED</rdf:value></plus:DataMining>',
        "",
        "data_mining",
        "DMI-UNSPECIFIED",
    ),
    "DataMining in lower case": ("", 'plus:DataMining="dmi-prohibited"', "data_mining", "DMI-PROHIBITED"),
    "DataMining newer than our list": (
        "",
        'plus:DataMining="DMI-PROHIBITED-TOMORROW"',
        "data_mining",
        "DMI-PROHIBITED",
    ),
    "DataMining said twice": (
        "<plus:DataMining>DMI-ALLOWED</plus:DataMining><plus:DataMining>DMI-PROHIBITED-AIMLTRAINING</plus:DataMining>",
        "",
        "data_mining",
        "DMI-PROHIBITED-AIMLTRAINING",
    ),
    "DataMining of no vocabulary": ("", 'plus:DataMining="no thanks"', "data_mining", ""),
    "no model release": ("", 'plus:ModelReleaseStatus="MR-NON"', "model_release", "MR-NON"),
    "limited release": (
        f'<plus:ModelReleaseStatus rdf:resource="{VOCABULARY}MR-LMR"/>',
        "",
        "model_release",
        "MR-LMR",
    ),
    "release not applicable": ("", 'plus:ModelReleaseStatus="MR-NAP"', "model_release", "MR-NAP"),
    "unlimited release": ("", f'plus:ModelReleaseStatus="{VOCABULARY}MR-UMR"', "model_release", "MR-UMR"),
    "property release": ("", 'plus:PropertyReleaseStatus="PR-NON"', "property_release", "PR-NON"),
    "creators in order": (
        "<dc:creator><rdf:Seq><rdf:li>山田</rdf:li><rdf:li>Ana</rdf:li></rdf:Seq></dc:creator>",
        "",
        "creators",
        ("山田", "Ana"),
    ),
    "notice in two languages": (
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Ana</rdf:li><rdf:li xml:lang="ja">© アナ</rdf:li></rdf:Alt>'
        "</dc:rights>",
        "",
        "copyright_notices",
        ("© Ana", "© アナ"),
    ),
    "credit": ("", 'photoshop:Credit="Agency"', "credit_lines", ("Agency",)),
    "source": ("<photoshop:Source>Archive</photoshop:Source>", "", "sources", ("Archive",)),
    "usage terms": (
        "<xmpRights:UsageTerms><rdf:Alt><rdf:li>Ask first</rdf:li></rdf:Alt></xmpRights:UsageTerms>",
        "",
        "usage_terms",
        ("Ask first",),
    ),
    "marked": ("", 'xmpRights:Marked="True"', "is_rights_marked", True),
    "marked as free": ("<xmpRights:Marked>False</xmpRights:Marked>", "", "is_rights_marked", False),
    "licence as resource": (
        '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>',
        "",
        "license_urls",
        ("https://creativecommons.org/licenses/by/4.0/",),
    ),
    "licence as node": (
        '<cc:license><cc:License rdf:about="https://creativecommons.org/licenses/by/4.0/"/></cc:license>',
        "",
        "license_urls",
        ("https://creativecommons.org/licenses/by/4.0/",),
    ),
    "web statement": ("", 'xmpRights:WebStatement="https://a.example"', "web_statements", ("https://a.example",)),
    "licensor in a list of structures": (
        '<plus:Licensor><rdf:Seq><rdf:li rdf:parseType="Resource"><plus:LicensorURL>https://l.example</plus:LicensorURL>'
        "</rdf:li></rdf:Seq></plus:Licensor>",
        "",
        "licensor_urls",
        ("https://l.example",),
    ),
    "persons": (
        "<Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Kei</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>",
        "",
        "persons_shown",
        ("Kei",),
    ),
    "source type": (
        "",
        'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"',
        "digital_source_types",
        ("digitalCapture",),
    ),
    "place": ("", 'exif:GPSLatitude="35,40N"', "has_location", True),
    "nothing": ("", "", "found_in", ()),
    "another picture's rights": (
        "<xmpMM:Pantry><rdf:Bag><rdf:li plus:DataMining='DMI-PROHIBITED'/></rdf:Bag></xmpMM:Pantry>",
        "",
        "data_mining",
        "",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_read(name, kind):
    inside, attributes, field, expected = FORMS[name]
    claims = read_claims(with_xmp(xmp(inside, attributes), kind))
    assert getattr(claims, field) == expected
    json.dumps(claims.as_dict())


def test_any_prefix_stands_for_the_namespace():
    packet = xmp("", 'q:DataMining="DMI-PROHIBITED"', namespaces={"q": PROPERTIES["plus"]})
    assert read_claims(with_xmp(packet)).data_mining == "DMI-PROHIBITED"


def test_the_prefix_alone_means_nothing():
    packet = xmp("", 'plus:DataMining="DMI-PROHIBITED"', namespaces={"plus": "http://example.com/"})
    assert read_claims(with_xmp(packet)).data_mining == ""


def test_extended_xmp_is_put_together_by_its_offsets():
    packet = xmp("<dc:rights>" + "x" * 300 + "</dc:rights>", 'plus:DataMining="DMI-PROHIBITED"')
    assert read_claims(jpeg_with(*extended_xmp(packet))).data_mining == "DMI-PROHIBITED"


def test_packed_xmp_is_read():
    packed = zlib.compress(xmp("", 'photoshop:Credit="Agency"'))
    assert read_claims(png(international_text("XML:com.adobe.xmp", packed, packed=True))).credit_lines == ("Agency",)


def test_utf16_xmp_is_read():
    packet = xmp("", 'photoshop:Credit="報道"').decode().encode("utf-16")
    assert read_claims(with_xmp(packet, "JPEG")).credit_lines == ("報道",)


XXE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
HOSTILE = {
    "5 MB": (xmp("<dc:rights>" + "x" * 5_000_000 + "</dc:rights>"), "xmp_too_large"),
    "XXE": (XXE + xmp("<dc:rights>&e;</dc:rights>"), "xmp_forbidden_markup"),
    "entity bomb": (BOMB + xmp("<dc:rights>&b;</dc:rights>"), "xmp_forbidden_markup"),
    "cut off": (xmp("<dc:rights>a</dc:rights>")[:-60], "xmp_unreadable"),
    "not XML": (b"not xml", "xmp_unreadable"),
    "only space": (b" ", "xmp_unreadable"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><a/>', "xmp_unreadable"),
    "deep nesting": (b"<a>" * 200_000, "xmp_unreadable"),
    "unknown term": (xmp("", 'plus:DataMining="DMI-MAYBE"'), "data_mining_unknown"),
}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_packet_gives_a_notice(name, kind):
    packet, code = HOSTILE[name]
    claims = read_claims(with_xmp(packet, kind))
    assert [notice.code for notice in claims.notices] == [code]
    assert str(claims.notices[0])
    assert (claims.copyright_notices, claims.data_mining) == ((), "")


def test_xmp_that_unpacks_to_too_much_gives_a_notice():
    packed = zlib.compress(bytes(MAX_XMP_BYTES + 1))
    claims = read_claims(png(international_text("XML:com.adobe.xmp", packed, packed=True)))
    assert [notice.code for notice in claims.notices] == ["xmp_too_large"]


def test_deeply_nested_lists_are_left_alone():
    depth = 20_000
    inside = "<dc:rights>" + "<rdf:li>" * depth + "deep" + "</rdf:li>" * depth + "</dc:rights>"
    assert read_claims(with_xmp(xmp(inside, 'photoshop:Credit="Agency"'))).credit_lines == ("Agency",)


def test_provenance_elsewhere_is_told_and_never_fetched():
    asked = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/manifest.c2pa"
        packet = xmp("", f'dcterms:provenance="{url}"')
        plain, signed = with_xmp(packet, "JPEG"), sign(save(picture(), "JPEG"), "JPEG", training={})
        both = signed[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet) + signed[2:]
        found = [read_claims(data) for data in (plain, both)]
        server.shutdown()
    assert [claims.notices[0].params["url"] for claims in found] == [url, url]
    assert asked == []


DIRTY = "\u202e<b>A\u0000B</b>\u2066\ufeff か\u3099\r\nnext\ud800\u200b"


def test_texts_are_cleaned():
    assert clean_text(DIRTY) == "<b>AB</b> が next"
    assert clean_text("x" * 5000) == "x" * (MAX_CHARACTERS - 1) + "…"
    packet = xmp("<dc:rights>\u202eAll\u2028 か\u3099</dc:rights>")
    assert read_claims(with_xmp(packet)).copyright_notices == ("All が",)


@settings(deadline=None)
@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    clean = clean_text(text)
    assert clean_text(clean) == clean
    assert len(clean) <= MAX_CHARACTERS
    assert not HIDDEN.search(clean)
    clean.encode()


ENCODINGS = {
    "山田太郎": "cp932",
    "撮影 山田太郎": "utf-8",
    "José García": "latin-1",
    "Cécile": "latin-1",
    "© Müller": "latin-1",
    "ユーザー": "cp932",
}


@pytest.mark.parametrize(("text", "encoding"), ENCODINGS.items())
def test_old_texts_are_decoded_by_what_they_look_like(text, encoding):
    assert decode_text(text.encode(encoding)) == text


def test_iptc_fields_are_read():
    claims = read_claims(
        with_iptc(
            (80, "山田".encode()), (80, b"Ana"), (110, b"Agency"), (115, b"Archive"), (116, "© Ana".encode("latin-1"))
        )
    )
    assert claims.creators == ("山田", "Ana")
    assert (claims.credit_lines, claims.sources, claims.copyright_notices) == (("Agency",), ("Archive",), ("© Ana",))
    assert claims.found_in == ("iptc",)


@pytest.mark.parametrize("kind", KINDS)
def test_exif_fields_are_read(kind):
    block = exif(t013B="Ana; 山田".encode(), t8298="© Ana\0© Publisher".encode())
    claims = read_claims(save(picture(), kind, exif=block))
    assert claims.creators == ("Ana", "山田")
    assert claims.copyright_notices == ("© Ana", "© Publisher")
    assert claims.found_in == ("exif",)
    assert not claims.has_location


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_in_exif_is_told(kind):
    block = exif(t0112=1)
    block.get_ifd(0x8825)[1] = "N"
    assert read_claims(save(picture(), kind, exif=block)).has_location


def test_png_texts_are_read():
    claims = read_claims(png(chunk(b"tEXt", b"Copyright\0\xa9 Ana"), chunk(b"tEXt", b"Author\0Ana")))
    assert (claims.copyright_notices, claims.creators) == (("© Ana",), ("Ana",))


def test_blocks_that_another_program_kept_as_png_text_are_read():
    def kept(name: str, block: bytes) -> bytes:
        text = f"\n{name}\n{len(block):8}\n{block.hex()}\n".encode()
        return chunk(b"zTXt", f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text))

    packet = xmp("", 'plus:DataMining="DMI-PROHIBITED"')
    claims = read_claims(png(kept("xmp", packet), kept("iptc", iptc((116, b"(c) Ana"))), kept("exif", b"Exif\0\0MM")))
    assert (claims.data_mining, claims.copyright_notices) == ("DMI-PROHIBITED", ("(c) Ana",))


def test_the_same_words_in_two_blocks_are_said_once():
    packet = xmp("<dc:rights>© Ana</dc:rights>")
    data = save(picture(), "JPEG", xmp=packet, exif=exif(t8298="© Ana".encode()))
    claims = read_claims(data)
    assert claims.copyright_notices == ("© Ana",)
    assert claims.found_in == ("xmp", "exif")


def test_a_file_that_is_no_picture_is_refused():
    with pytest.raises(PictureError):
        read_claims(b"%PDF-1.7")


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_are_read(kind):
    training = {"cawg.ai_generative_training": "notAllowed", "cawg.data_mining": "allowed"}
    claims = read_claims(sign(save(picture(), kind), kind, training=training))
    assert claims.c2pa == C2paClaims(
        is_readable=True,
        claim_generator="Test Studio 1",
        digital_source_types=("trainedAlgorithmicMedia",),
        training=training,
        signed_by="Unknown Studio",
        validation="Valid",
    )
    assert claims.c2pa.training == training
    assert claims.found_in == ("c2pa",)


def test_claims_come_back_from_json_as_they_were():
    packet = xmp("<dc:rights>© Ana</dc:rights>", 'plus:DataMining="DMI-MAYBE"')
    signed = sign(with_xmp(packet, "JPEG"), "JPEG", training={"cawg.ai_training": "constrained"})
    claims = read_claims(signed)
    assert claims.copyright_notices
    assert claims.c2pa
    assert claims.notices
    assert EmbeddedClaims.from_dict(json.loads(json.dumps(claims.as_dict()))) == claims


def test_credentials_over_changed_bytes_are_invalid():
    data = sign(save(picture(), "JPEG"), "JPEG", training={})
    at = data.rindex(b"\xff\xda") + 20
    claims = read_claims(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
    assert claims.c2pa is not None
    assert claims.c2pa.validation == "Invalid"


@pytest.mark.parametrize("body", [b"", b"junk" * 30, b"\0\0\0\x20jumb" + b"\xff" * 40], ids=["empty", "junk", "box"])
def test_unreadable_credentials_are_told(body):
    claims = read_claims(png(chunk(b"caBX", body)))
    assert claims.c2pa == C2paClaims(is_readable=False)
    assert [notice.code for notice in claims.notices] == ["c2pa_unreadable"]


GOOD_EXIF = bytes(exif(t013B="Ana", t8298=b"(c) Ana").tobytes()).removeprefix(b"Exif\0\0")
GOOD_IPTC = iptc((80, b"Ana"), (116, b"(c) Ana"))[26:]
GOOD_XMP = xmp("<dc:creator><rdf:Seq><rdf:li>Ana</rdf:li></rdf:Seq></dc:creator>", 'plus:DataMining="DMI-ALLOWED"')


def said_by(reader, block):
    """Return every text that a reader takes from a block."""
    said = reader(block)
    return [text for texts in getattr(said, "said", said).values() for text in texts]


def is_clean(text):
    """Is it a text of bounded length without invisible or half characters?"""
    return 0 < len(text) <= MAX_CHARACTERS and not HIDDEN.search(text) and text.encode().decode() == text


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 2000), value=st.integers(0, 255), cut=st.integers(0, 60))
@pytest.mark.parametrize(
    ("reader", "block"), [(read_exif_rights, GOOD_EXIF), (read_iptc, GOOD_IPTC), (read_xmp, GOOD_XMP)], ids=KINDS
)
def test_damage_never_breaks_a_reader(reader, block, place, value, cut):
    damaged = bytearray(block)
    damaged[place % len(damaged)] = value
    assert all(map(is_clean, said_by(reader, bytes(damaged[: len(damaged) - cut]))))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_a_reader(block):
    for reader in (read_exif_rights, read_iptc, read_xmp):
        assert all(map(is_clean, said_by(reader, block)))
    data = jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM" + block), segment(0xE1, b"Exif\0\0" + block))
    claims = read_claims(data)
    assert EmbeddedClaims.from_dict(json.loads(json.dumps(claims.as_dict()))) == claims
    assert all(map(is_clean, (*claims.creators, *claims.copyright_notices)))
