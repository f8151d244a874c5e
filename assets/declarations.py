"""From what a row of a table says to the facts of a picture's rights: licences, dates, places and releases. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .captions import split_phrases
from .dates import DateError, read_date
from .licensing import Profile, end_of_day, label
from .licensing.facts import WORLD
from .licensing.profiles import regions
from .spellings import propose
from .tables import Finding, Row

DEFAULT_ZONE = "Asia/Tokyo"
SEPARATORS = re.compile(r"[,;、，；/|｜\n]+")
WEB = re.compile(r"https?://\S+")
BASES: Mapping[str, tuple[str, ...]] = {
    "license": ("license", "licence", "ライセンス", "許諾"),
    "own_work": ("own_work", "own work", "own", "自作", "自社制作", "自社撮影"),
    "contract": ("contract", "契約", "契約書"),
    "public_domain": ("public_domain", "public domain", "pd", "パブリックドメイン", "著作権切れ"),
    "jp_30_4": ("jp_30_4", "30-4", "30条の4", "第30条の4", "著作権法30条の4"),
    "exception": ("exception", "other exception", "例外", "その他の権利制限"),
}
RELEASES: Mapping[str, tuple[str, ...]] = {
    "unlimited": ("unlimited", "yes", "ok", "あり", "有", "有り", "済", "取得済", "無制限", "mr-umr"),
    "limited": ("limited", "限定", "条件付き", "制限あり", "mr-lmr"),
    "none": ("none", "no", "なし", "無", "無し", "未取得", "mr-non"),
}
MEDIA = ("web", "print", "social", "video", "outdoor", "packaging", "tv")
COUNTRIES = ("JP", "US", "GB", "KR", "CN", "TW", "HK", "FR", "DE", "IT", "ES", "CA", "AU", "SG", "TH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a row declares: `facts` are fields of `Rights` by name, `problems` keep the row out, `notices` do not."""

    facts: Mapping[str, Any]
    captions: Mapping[str, str]
    tags: tuple[str, ...]
    problems: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Reading:
    """Collect facts, and what is wrong on the way."""

    line: int
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)

    def wrong(self, column: str, code: str, **params: Any) -> None:
        self.problems.append(Finding(line=self.line, column=column, code=code, params=params))

    def note(self, column: str, code: str, **params: Any) -> None:
        self.notices.append(Finding(line=self.line, column=column, code=code, params=params))


def read_row(
    row: Row, *, confirmed: Mapping[str, str], defaults: Mapping[str, str], own: Mapping[str, Profile] | None = None
) -> Declared:
    """Read one row. What it leaves empty comes from `defaults`; a written licence counts as `confirmed` says.

    `own` are the team's own licences by id.
    """
    said = {name: getattr(row, name) or defaults.get(name, "") for name in Row.__dataclass_fields__ if name != "line"}
    reading = _Reading(line=row.line)
    for name in ("title", "creator", "creator_reading"):
        if said[name]:
            reading.facts[name] = said[name]
    _read_license(reading, said["license"], confirmed, own or {})
    _read_source(reading, said["source_url"], said["note"], said["evidence"])
    _read_scope(reading, said)
    _read_releases(reading, row, said)
    captions = {"ja": said["caption_ja"], "en": said["caption_en"]}
    return Declared(
        facts=reading.facts,
        captions={language: text for language, text in captions.items() if text},
        tags=tuple(dict.fromkeys(tag for part in SEPARATORS.split(said["tags"]) for tag in split_phrases(part))),
        problems=tuple(reading.problems),
        notices=tuple(reading.notices),
    )


def _read_license(reading: _Reading, written: str, confirmed: Mapping[str, str], own: Mapping[str, Profile]) -> None:
    proposal = propose(written, own)
    if written in confirmed:
        reading.facts["expression"] = confirmed[written]
    elif proposal.exact:
        reading.facts["expression"] = proposal.expression
    elif written:
        reading.note("license", "license_unconfirmed", written=written, proposed=proposal.expression or "?")
    else:
        reading.note("license", "license_missing")


def _read_source(reading: _Reading, source: str, note: str, evidence: str) -> None:
    kept = [part for part in (note, evidence) if part]
    if source and WEB.fullmatch(source) and len(source) <= 1000:
        reading.facts["source_url"] = source
    elif source:
        kept.insert(0, source)
    if kept:
        reading.facts["note"] = "\n".join(kept)[:2000]


def _read_scope(reading: _Reading, said: Mapping[str, str]) -> None:
    if said["basis"]:
        _set(reading, "basis", said["basis"], lambda text: _word_of(BASES, text))
    if said["territory"]:
        _set(reading, "territories", said["territory"], lambda text: _list_of(text, country_of), column="territory")
    if said["media"]:
        _set(reading, "media", said["media"], lambda text: _list_of(text, medium_of))
    for name in ("valid_from", "expires_at"):
        if said[name]:
            _read_day(reading, name, said[name])


def _read_day(reading: _Reading, name: str, text: str) -> None:
    try:
        day: date = read_date(text, end=name == "expires_at")
    except DateError as error:
        reading.wrong(name, error.code, **error.params)
        return
    # A term that begins on a day begins when the day before it is over.
    before = date.fromordinal(day.toordinal() - 1)
    moment = end_of_day(day if name == "expires_at" else before, DEFAULT_ZONE)
    reading.facts[name] = moment.isoformat()
    reading.facts["time_zone"] = DEFAULT_ZONE


def _read_releases(reading: _Reading, row: Row, said: Mapping[str, Any]) -> None:
    asked = dict(row.releases)
    if said["person"] or said["release"]:
        for person in SEPARATORS.split(said["person"] or "person"):
            asked.setdefault(person.strip(), said["release"] or "none")
    releases = {}
    for person, written in asked.items():
        word = _word_of(RELEASES, written) if written else "none"
        if word is None:
            reading.wrong("release", "release_unreadable", text=written, person=person)
        elif person:
            releases[person[:80]] = word
    if releases:
        reading.facts["releases"] = releases


def _set(reading: _Reading, name: str, text: str, read: Callable[[str], Any], *, column: str = "") -> None:
    value = read(text)
    if value is None:
        reading.wrong(column or name, f"{column or name}_unreadable", text=text[:80])
    else:
        reading.facts[name] = value


def _list_of(text: str, read: Callable[[str], str | None]) -> list[str] | None:
    found = [read(part.strip()) for part in SEPARATORS.split(text) if part.strip()]
    return None if None in found or not found else sorted({each for each in found if each})


def country_of(text: str) -> str | None:
    """Return the code of a country or region that is written in Japanese or English, or as a code; None if unknown."""
    return _by_label("territory", text, (WORLD, *regions(), *COUNTRIES)) or _code_of(text)


def medium_of(text: str) -> str | None:
    """Return the code of a medium that is written in Japanese or English."""
    return _by_label("media", text, MEDIA)


def _by_label(group: str, text: str, codes: tuple[str, ...]) -> str | None:
    plain = _fold(text)
    for code in codes:
        if plain in _names_of(group, code):
            return code
    return None


def _names_of(group: str, code: str) -> Iterator[str]:
    yield from (_fold(each) for each in (code, label(group, code, "ja"), label(group, code, "en")))


def _code_of(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    return plain if re.fullmatch("[A-Z]{2}", plain) else None


def _word_of(table: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    plain = _fold(text)
    return next((name for name, words in table.items() if plain in map(_fold, words)), None)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
