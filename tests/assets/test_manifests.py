"""A version is named by its pictures' lines: any change changes the root, and the difference says which."""

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assets.manifests import (
    FieldChange,
    Manifest,
    ManifestError,
    ManifestItem,
    diff,
    parse_line,
    parse_manifest,
    picture_name,
    verify_proof,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WORD = st.text("abc 犬,=", min_size=1, max_size=6)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def item(number: int, pixels: str = "", **changes: object) -> ManifestItem:
    """Return a whole picture; `pixels` tells its content from others'."""
    given_pixels = pixels or str(number)
    values: dict[str, object] = {
        "number": number,
        "file_name": picture_name(number, ".png"),
        "sha256": digest("file" + given_pixels),
        "pixels_sha256": digest(given_pixels),
        "width": 512,
        "height": 768,
        "captions": {"en": "a red fox", "ja": "赤い狐"},
        "tags": ("fox", "red"),
        "license": "CC-BY-4.0",
        "creator": "Ana",
        "title": "Fox",
        "source_url": "https://example.org/fox",
        "attribution": "“Fox” by Ana, CC BY 4.0",
        "rights_sha256": digest("rights"),
    }
    return ManifestItem(**{**values, **changes})


def manifest(*pixels: str, **changes: object) -> Manifest:
    return Manifest(tuple(item(number, each, **changes) for number, each in enumerate(pixels, start=1)))


items_of = st.builds(
    lambda pixels, captions, tags, texts: [
        item(number, each, captions=captions, tags=tuple(tags), title=texts[0], group=texts[1])
        for number, each in enumerate(pixels, start=1)
    ],
    st.lists(st.sampled_from("abcdefgh"), max_size=9),
    st.dictionaries(st.sampled_from(["en", "ja", "zh-Hant"]), TEXT),
    st.lists(WORD, max_size=3),
    st.tuples(TEXT, TEXT),
)
manifests = items_of.map(lambda items: Manifest(tuple(items)))


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as written there."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


@given(manifests)
def test_the_root_is_the_rfc_6962_hash_of_the_lines(version):
    assert version.root() == naive_root([line.encode() for line in version.lines()]).hex()


def test_a_line_is_canonical_json():
    line = item(1).line()
    assert line.startswith('{"attribution":"“Fox” by Ana, CC BY 4.0","branch":"","captions":{"en":"a red fox"')
    assert list(json.loads(line)) == sorted(json.loads(line))
    assert "\n" not in item(1, captions={"en": "two\nlines"}).line()


@given(manifests)
def test_what_is_written_reads_back(version):
    assert parse_manifest(version.text()) == version
    assert parse_manifest(version.text()).root() == version.root()


@given(manifests, st.data())
def test_any_changed_byte_is_refused_or_changes_the_root(version, data):
    encoded = bytearray(version.text().encode())
    assume(encoded)
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = parse_manifest(encoded.decode())
    except (ManifestError, UnicodeDecodeError):
        return
    assert changed.root() != version.root()
    assert not diff(version, changed).is_empty()


@given(st.permutations("abcde"))
def test_order_matters(pixels):
    assert (manifest(*pixels).root() == manifest(*"abcde").root()) is (list(pixels) == list("abcde"))


@given(manifests, st.data())
def test_proofs_lead_each_line_to_the_root_and_no_other(version, data):
    count = len(version.items)
    assume(count)
    number = data.draw(st.integers(1, count))
    lines, proof, root = version.lines(), version.proof(number), version.root()
    assert verify_proof(line=lines[number - 1], number=number, count=count, proof=proof, root=root)
    assert not verify_proof(line=lines[number - 1] + " ", number=number, count=count, proof=proof, root=root)
    assert not verify_proof(line=lines[number - 1], number=number, count=count, proof=proof, root=digest("other"))
    assert not verify_proof(line=lines[number - 1], number=number, count=count, proof=[*proof, root], root=root)
    if count > 1:
        other = number % count + 1
        assert not verify_proof(line=lines[number - 1], number=other, count=count, proof=proof, root=root)


def test_a_proof_that_is_not_hex_proves_nothing():
    version = manifest("a", "b")
    line, root = version.lines()[0], version.root()
    assert not verify_proof(line=line, number=1, count=2, proof=["zz"], root=root)


@pytest.mark.parametrize("number", [0, 3, -1])
def test_a_picture_that_is_not_there_has_no_proof(number):
    with pytest.raises(ManifestError) as caught:
        manifest("a", "b").proof(number)
    assert caught.value.code == "manifest_number_unknown"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"number": 0, "file_name": "0000.png"}, "number"),
        ({"number": True}, "number"),
        ({"file_name": "../../x.png"}, "file_name"),
        ({"file_name": "0002.png"}, "file_name"),
        ({"file_name": "0001.gif"}, "file_name"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"sha256": "a" * 63}, "sha256"),
        ({"sha256": "a" * 64 + "\n"}, "sha256"),
        ({"pixels_sha256": None}, "pixels_sha256"),
        ({"rights_sha256": ""}, "rights_sha256"),
        ({"width": 0}, "width"),
        ({"height": 1.5}, "height"),
        ({"license": None}, "license"),
        ({"title": "\ud800"}, "title"),
        ({"creator": "x" * 501}, "creator"),
        ({"captions": {"EN": "a"}}, "captions"),
        ({"captions": {"en": 3}}, "captions"),
        ({"captions": {"en\n": "a"}}, "captions"),
        ({"captions": ["a"]}, "captions"),
        ({"tags": ["a"]}, "tags"),
        ({"tags": ("",)}, "tags"),
        ({"tags": (3,)}, "tags"),
    ],
)
def test_a_value_that_does_not_fit_is_named(changes, field):
    with pytest.raises(ManifestError) as caught:
        replace(item(1), **changes)
    assert caught.value.code == "manifest_value_unfit"
    assert caught.value.params["field"] == field


GOOD = item(1).line()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        GOOD + " ",
        " " + GOOD,
        GOOD.replace(":", ": ", 1),
        GOOD.replace('{"attribution"', '{"attribution":"x","attribution"'),
        GOOD.replace('"branch":"",', ""),
        GOOD.replace('"branch":"",', '"branch":"","extra":1,'),
        GOOD.replace('"number":1', '"number":1.0'),
        GOOD.replace('"width":512', '"width":NaN'),
        GOOD.replace("Ana", "\\u0041na"),
        GOOD.replace('"tags":["fox","red"]', '"tags":"fox"'),
        GOOD.replace('"captions":{"en":"a red fox","ja":"赤い狐"}', '"captions":{"ja":"赤い狐","en":"a red fox"}'),
    ],
)
def test_only_the_canonical_line_is_read(line):
    with pytest.raises(ManifestError):
        parse_line(line)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD, "manifest_line_unreadable"),
        (GOOD + "\r\n", "manifest_line_unreadable"),
        (GOOD + "\n\n", "manifest_line_unreadable"),
        (GOOD + "\n" + GOOD + "\n", "manifest_numbers_broken"),
        (item(2).line() + "\n", "manifest_numbers_broken"),
        ("\n" * 100_001, "manifest_too_long"),
    ],
)
def test_a_file_that_is_not_a_manifest_says_why(text, code):
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text)
    assert caught.value.code == code


@given(manifests)
def test_nothing_differs_from_itself(version):
    assert diff(version, version).is_empty()


@given(manifests, manifests)
def test_a_difference_is_empty_exactly_when_the_roots_agree(old, new):
    assert diff(old, new).is_empty() is (old.root() == new.root())


@given(manifests, manifests)
def test_a_difference_read_backwards_is_the_difference_of_the_other_way(old, new):
    forth, back = diff(old, new), diff(new, old)
    assert forth.added == back.removed
    assert forth.removed == back.added
    assert {change.old for change in forth.changed} == {change.new for change in back.changed}
    assert len(old.items) - len(forth.removed) + len(forth.added) == len(new.items)


def test_a_removed_picture_moves_no_other():
    found = diff(manifest(*"abcdef"), manifest(*"abdef"))
    assert [each.pixels_sha256 for each in found.removed] == [digest("c")]
    assert (found.added, found.changed, found.reordered) == ((), (), ())


def test_one_picture_brought_to_the_front_is_one_move():
    found = diff(manifest(*"abcdef"), manifest(*"fabcde"))
    assert [(move.old.number, move.new.number) for move in found.reordered] == [(6, 1)]
    assert (found.added, found.removed, found.changed) == ((), (), ())


def test_changes_are_told_field_by_field():
    old = manifest("a", "b")
    second = item(
        2,
        "b",
        captions={"en": "a red fox", "fr": "un renard"},
        tags=("fox",),
        license="CC0-1.0",
        file_name="0002.webp",
        sha256=digest("webp"),
    )
    (change,) = diff(old, Manifest((old.items[0], second))).changed
    assert change.old == old.items[1]
    assert change.new == second
    assert change.fields == (
        FieldChange(field="file_name", old="0002.png", new="0002.webp"),
        FieldChange(field="sha256", old=digest("fileb"), new=digest("webp")),
        FieldChange(field="tags", old=("fox", "red"), new=("fox",)),
        FieldChange(field="license", old="CC-BY-4.0", new="CC0-1.0"),
        FieldChange(field="captions.fr", old=None, new="un renard"),
        FieldChange(field="captions.ja", old="赤い狐", new=None),
    )


def test_the_same_pixels_twice_are_matched_in_order():
    found = diff(manifest("a", "a"), manifest("a", "b"))
    assert [each.number for each in found.removed] == [2]
    assert [each.number for each in found.added] == [2]


def test_a_copied_item_keeps_its_line():
    assert replace(item(1), title="Other").line() != item(1).line()
    assert replace(item(1), captions={"ja": "赤い狐", "en": "a red fox"}).line() == item(1).line()
