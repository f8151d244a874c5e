"""What a dataset version holds, picture by picture, in lines whose Merkle root (RFC 6962) names the version. Pure."""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import rfc8785

from ledger.chain import inclusion_proof, tree_root, verify_inclusion

MAX_ITEMS = 100_000
MAX_LINE_BYTES = 256 * 1024
MAX_SIDE = 65_535
MAX_CAPTIONS = 20
MAX_TAGS = 500
TEXT_LIMITS = {
    "group": 200,
    "license": 500,
    "branch": 200,
    "creator": 500,
    "title": 500,
    "source_url": 2000,
    "attribution": 4000,
    "captions": 8000,
    "tags": 200,
}
SUFFIXES = (".png", ".jpg", ".webp")
HASH = re.compile(r"[0-9a-f]{64}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")

SENTENCES = {
    "manifest_value_unfit": "Picture {number}: the value of “{field}” does not fit.",
    "manifest_line_unreadable": "Line {line} is not a line of a manifest.",
    "manifest_numbers_broken": "Line {line} should hold picture {expected}, but holds picture {number}.",
    "manifest_too_long": "The manifest has more than {limit} pictures.",
    "manifest_number_unknown": "There is no picture {number}; the version has {count}.",
}


class ManifestError(ValueError):
    """Refuse a manifest. `code` is stable, `params` fill the translated sentence; lines count from 1."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestItem:
    """One picture of a version: its place, its bytes and pixels, what is said about it, and what it is licensed under.

    `number` counts from 1 and names the file (see `picture_name`); sizes are pixels; hashes are lower-case hex sha256.
    `captions` maps a language to a text, `group` names a cluster of near duplicates ("" for none), `license` is an
    SPDX expression and `branch` the choice where it offers one. Raises ManifestError `manifest_value_unfit`.
    """

    number: int
    file_name: str
    sha256: str
    pixels_sha256: str
    width: int
    height: int
    captions: Mapping[str, str] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    group: str = ""
    license: str
    branch: str = ""
    creator: str = ""
    title: str = ""
    source_url: str = ""
    attribution: str = ""
    rights_sha256: str

    def __post_init__(self) -> None:
        for name in _unfit_fields(self):
            raise ManifestError("manifest_value_unfit", number=str(self.number)[:20], field=name)
        object.__setattr__(self, "captions", MappingProxyType(dict(sorted(self.captions.items()))))

    def line(self) -> str:
        """Return the picture as RFC 8785 canonical JSON on one line."""
        return rfc8785.dumps(self.as_dict()).decode()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**values, "captions": dict(self.captions), "tags": list(self.tags)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pictures of a version in order, numbered 1, 2, 3 … without gaps. Raises ManifestError."""

    items: tuple[ManifestItem, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        if len(self.items) > MAX_ITEMS:
            raise ManifestError("manifest_too_long", limit=MAX_ITEMS)
        for place, item in enumerate(self.items, start=1):
            if item.number != place:
                raise ManifestError("manifest_numbers_broken", line=place, expected=place, number=item.number)

    def lines(self) -> tuple[str, ...]:
        """Return one canonical line for each picture, without line ends."""
        return tuple(item.line() for item in self.items)

    def text(self) -> str:
        """Return the lines as a JSON Lines file; `parse_manifest` reads it back."""
        return "".join(f"{line}\n" for line in self.lines())

    def root(self) -> str:
        """Return the Merkle root over the lines, in hex; of no pictures the sha256 of nothing."""
        return tree_root(_leaves(self.lines()))

    def proof(self, number: int) -> list[str]:
        """Return the audit path of one picture, leaf to root, in hex. Raises ManifestError for another number."""
        if not 1 <= number <= len(self.items):
            raise ManifestError("manifest_number_unknown", number=number, count=len(self.items))
        return inclusion_proof(_leaves(self.lines()), number)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One value that differs; captions are named per language (`captions.ja`), None where there was or is none."""

    field: str
    old: str | int | tuple[str, ...] | None
    new: str | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """What changed about one picture that both versions hold."""

    old: ManifestItem
    new: ManifestItem
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A picture that stands elsewhere among the pictures that both versions hold."""

    old: ManifestItem
    new: ManifestItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDiff:
    """How a version became another. Empty exactly when both have the same root.

    Numbers shift when pictures come and go, so a new number alone is neither a change nor a move.
    """

    added: tuple[ManifestItem, ...]
    removed: tuple[ManifestItem, ...]
    changed: tuple[ItemChange, ...]
    reordered: tuple[Move, ...]

    def is_empty(self) -> bool:
        """Say whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.reordered)


def picture_name(number: int, suffix: str) -> str:
    """Return the file name of a numbered picture, such as 0001.png."""
    return f"{number:04d}{suffix}"


def parse_manifest(text: str) -> Manifest:
    """Read `Manifest.text` back, and nothing that differs from it by a byte. Raises ManifestError."""
    lines = text.split("\n")
    if lines.pop():
        raise ManifestError("manifest_line_unreadable", line=len(lines) + 1)
    if len(lines) > MAX_ITEMS:
        raise ManifestError("manifest_too_long", limit=MAX_ITEMS)
    return Manifest(tuple(parse_line(line, place) for place, line in enumerate(lines, start=1)))


def parse_line(line: str, place: int = 1) -> ManifestItem:
    """Read one canonical line; `place` is where errors say that it stands. Raises ManifestError."""
    try:
        if len(line.encode()) > MAX_LINE_BYTES:
            raise ValueError(line[:80])
        values = json.loads(line)
        item = ManifestItem(**{**values, "tags": tuple(values["tags"])})
        is_canonical = item.line() == line
    except ManifestError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ManifestError("manifest_line_unreadable", line=place) from error
    if not is_canonical:
        raise ManifestError("manifest_line_unreadable", line=place)
    return item


def verify_proof(*, line: str, number: int, count: int, proof: Sequence[str], root: str) -> bool:
    """Say whether a line is picture `number` of the version with this root and this many pictures."""
    if not all(HASH.fullmatch(each) for each in proof):
        return False
    return verify_inclusion(entry_hash=_leaf(line), seq=number, size=count, path=proof, root=root)


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Compare two versions by their pictures' pixels; a picture that is there twice is matched in order."""
    before, after = _by_pixels(old), _by_pixels(new)
    common = [key for key in before if key in after]
    still = _unmoved([after[key].number for key in common])
    pairs = [(before[key], after[key]) for key in common]
    changes = (ItemChange(old=a, new=b, fields=tuple(_field_changes(a, b))) for a, b in pairs)
    return ManifestDiff(
        added=tuple(item for key, item in after.items() if key not in before),
        removed=tuple(item for key, item in before.items() if key not in after),
        changed=tuple(change for change in changes if change.fields),
        reordered=tuple(Move(old=a, new=b) for a, b in pairs if b.number not in still),
    )


def _leaf(line: str) -> str:
    return line.encode().hex()


def _leaves(lines: Iterable[str]) -> list[str]:
    return [_leaf(line) for line in lines]


def _by_pixels(manifest: Manifest) -> dict[tuple[str, int], ManifestItem]:
    seen: Counter[str] = Counter()
    found = {}
    for item in manifest.items:
        found[item.pixels_sha256, seen[item.pixels_sha256]] = item
        seen[item.pixels_sha256] += 1
    return found


def _unmoved(numbers: Sequence[int]) -> frozenset[int]:
    """Return a longest increasing subsequence: everything else has been moved around it."""
    tails: list[int] = []
    heads: list[int] = []
    earlier: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(tails, number)
        tails[length : length + 1] = [number]
        heads[length : length + 1] = [place]
        earlier.append(heads[length - 1] if length else -1)
    kept, place = set(), heads[-1] if heads else -1
    while place >= 0:
        kept.add(numbers[place])
        place = earlier[place]
    return frozenset(kept)


def _field_changes(old: ManifestItem, new: ManifestItem) -> Iterator[FieldChange]:
    plain = [each.name for each in fields(ManifestItem) if each.name not in ("number", "file_name", "captions")]
    if old.file_name.partition(".")[2] != new.file_name.partition(".")[2]:
        yield FieldChange(field="file_name", old=old.file_name, new=new.file_name)
    for name in plain:
        if getattr(old, name) != getattr(new, name):
            yield FieldChange(field=name, old=getattr(old, name), new=getattr(new, name))
    for language in sorted({*old.captions, *new.captions}):
        before, after = old.captions.get(language), new.captions.get(language)
        if before != after:
            yield FieldChange(field=f"captions.{language}", old=before, new=after)


def _unfit_fields(item: ManifestItem) -> Iterator[str]:
    if type(item.number) is not int or not 1 <= item.number <= MAX_ITEMS:
        yield "number"
    elif item.file_name not in [picture_name(item.number, suffix) for suffix in SUFFIXES]:
        yield "file_name"
    for name in ("sha256", "pixels_sha256", "rights_sha256"):
        if not _is_text(getattr(item, name), 64) or not HASH.fullmatch(getattr(item, name)):
            yield name
    for name in ("width", "height"):
        if type(getattr(item, name)) is not int or not 1 <= getattr(item, name) <= MAX_SIDE:
            yield name
    for name in ("group", "license", "branch", "creator", "title", "source_url", "attribution"):
        if not _is_text(getattr(item, name), TEXT_LIMITS[name]):
            yield name
    if not _are_captions(item.captions):
        yield "captions"
    if not _are_tags(item.tags):
        yield "tags"


def _are_captions(captions: object) -> bool:
    if not isinstance(captions, Mapping) or len(captions) > MAX_CAPTIONS:
        return False
    return all(
        isinstance(language, str) and LANGUAGE.fullmatch(language) and _is_text(text, TEXT_LIMITS["captions"])
        for language, text in captions.items()
    )


def _are_tags(tags: object) -> bool:
    if not isinstance(tags, tuple) or len(tags) > MAX_TAGS:
        return False
    return all(tag and _is_text(tag, TEXT_LIMITS["tags"]) for tag in tags)


def _is_text(value: object, limit: int) -> bool:
    """Say whether this is text of at most `limit` characters that UTF-8 can carry (no lone surrogates)."""
    return isinstance(value, str) and len(value) <= limit and value == value.encode(errors="replace").decode()
