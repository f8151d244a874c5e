"""From what a row of a table says to the facts of a picture's rights: licences, dates, places and releases. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .captions import split_phrases
from .dates import DateError, read_date
from .licensing import Profile, end_of_day
from .licensing.choices import offered_branches
from .spellings import propose
from .table_words import (
    BASES,
    MEDIA,
    RELEASES,
    SEPARATORS,
    answer_of,
    answers_to,
    country_of,
    list_of,
    medium_of,
    parameters,
    purpose_of,
    quantity_of,
    word_of,
)
from .tables import Finding, Row

__all__ = ["MEDIA", "SEPARATORS", "Declared", "country_of", "read_row"]

DEFAULT_ZONE = "Asia/Tokyo"
WEB = re.compile(r"https?://\S+")
MAX_ADDRESS_CHARS = 1000
MAX_JURISDICTION_CHARS = 60
CAPS = ("copies", "seats")
NEED_NO_LICENSE = ("own_work", "jp_30_4")


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
    row: Row,
    *,
    confirmed: Mapping[str, str],
    defaults: Mapping[str, str],
    own: Mapping[str, Profile] | None = None,
    has_document: bool = False,
) -> Declared:
    """Read one row. What it leaves empty comes from `defaults`; a written licence counts as `confirmed` says.

    `own` are the team's own licences by id. `has_document` says that the evidence it names lies beside the picture.
    """
    said = {name: getattr(row, name) or defaults.get(name, "") for name in Row.__dataclass_fields__ if name != "line"}
    reading = _Reading(line=row.line)
    _read_license(reading, said["license"], word_of(BASES, said["basis"]), confirmed, own or {})
    _read_branch(reading, said["branch"], own or {})
    _read_origin(reading, said)
    _read_source(reading, said, has_document=has_document)
    _read_scope(reading, said)
    _read_parameters(reading, said)
    _read_releases(reading, row, said)
    captions = {"ja": said["caption_ja"], "en": said["caption_en"]}
    return Declared(
        facts=reading.facts,
        captions={language: text for language, text in captions.items() if text},
        tags=tuple(dict.fromkeys(tag for part in SEPARATORS.split(said["tags"]) for tag in split_phrases(part))),
        problems=tuple(reading.problems),
        notices=tuple(reading.notices),
    )


def _read_license(
    reading: _Reading, written: str, basis: str | None, confirmed: Mapping[str, str], own: Mapping[str, Profile]
) -> None:
    proposal = propose(written, own)
    if written and basis == "jp_30_4":
        reading.wrong("basis", "basis_with_license")
    if written in confirmed:
        reading.facts["expression"] = confirmed[written]
    elif proposal.exact:
        reading.facts["expression"] = proposal.expression
    elif written:
        reading.note("license", "license_unconfirmed", written=written, proposed=proposal.expression or "?")
    elif basis not in NEED_NO_LICENSE:
        reading.note("license", "license_missing")


def _read_branch(reading: _Reading, written: str, own: Mapping[str, Profile]) -> None:
    """Read which of the licences that are offered we choose; what is meant has to be one of them."""
    if not written:
        return
    meant = " AND ".join(sorted(propose(written, own).expression.split(" AND ")))
    expression = reading.facts.get("expression")
    offered = offered_branches(expression) if expression else ()
    if meant and (expression is None or meant in offered):
        reading.facts["branch"] = meant
    elif expression is not None and not offered:
        reading.wrong("branch", "branch_not_needed", text=written[:80])
    else:
        names = {"offered": list(offered)} if offered else {}
        reading.wrong("branch", "branch_unreadable", text=written[:80], **names)


def _read_source(reading: _Reading, said: Mapping[str, str], *, has_document: bool) -> None:
    source, evidence = said["source_url"], "" if has_document else said["evidence"]
    kept = [part for part in (said["note"], evidence) if part]
    if evidence:
        reading.note("evidence", "evidence_missing", text=evidence[:80])
    if source and _is_address(source):
        reading.facts["source_url"] = source
    elif source:
        kept.insert(0, source)
    if kept:
        reading.facts["note"] = "\n".join(kept)[:2000]


def _is_address(text: str) -> bool:
    return bool(WEB.fullmatch(text)) and len(text) <= MAX_ADDRESS_CHARS


def _read_origin(reading: _Reading, said: Mapping[str, str]) -> None:
    """Read what it is called, whose it is and when it was fetched."""
    for name in ("title", "creator", "creator_reading"):
        if said[name]:
            reading.facts[name] = said[name]
    if said["creator_uri"]:
        _set(reading, "creator_uri", said["creator_uri"], lambda text: text if _is_address(text) else None)
    if said["jurisdiction"]:
        _set(reading, "jurisdiction", said["jurisdiction"], _short)
    if said["retrieved_at"]:
        _read_day(reading, "retrieved_at", said["retrieved_at"])


def _short(text: str) -> str | None:
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_JURISDICTION_CHARS else None


def _read_scope(reading: _Reading, said: Mapping[str, str]) -> None:
    if said["basis"]:
        _set(reading, "basis", said["basis"], lambda text: word_of(BASES, text))
    if said["territory"]:
        _set(reading, "territories", said["territory"], lambda text: list_of(text, country_of), column="territory")
    if said["media"]:
        _set(reading, "media", said["media"], lambda text: list_of(text, medium_of))
    if said["purposes"]:
        _set(reading, "purposes", said["purposes"], lambda text: list_of(text, purpose_of))
    caps = {name: quantity_of(said[name]) for name in CAPS if said[name]}
    for name in (name for name, most in caps.items() if most is None):
        reading.wrong(name, "quantity_unreadable", text=said[name][:80])
    if found := {name: most for name, most in caps.items() if most is not None}:
        reading.facts["caps"] = found
    for name in ("valid_from", "expires_at"):
        if said[name] and _read_day(reading, name, said[name]):
            reading.facts["time_zone"] = DEFAULT_ZONE


def _read_parameters(reading: _Reading, said: Mapping[str, str]) -> None:
    """Read the answers to what licences ask of each thing; those that the licence does not ask for change nothing."""
    answers = {name: answer_of(name, said[name]) for name in parameters() if said[name]}
    for name in (name for name, answer in answers.items() if answer is None):
        reading.wrong(name, "answer_unreadable", text=said[name][:80], answers=answers_to(name))
    if found := {name: answer for name, answer in answers.items() if answer is not None}:
        reading.facts["parameters"] = found


def _read_day(reading: _Reading, name: str, text: str) -> bool:
    try:
        day: date = read_date(text, end=name == "expires_at")
    except DateError as error:
        reading.wrong(name, error.code, **error.params)
        return False
    # A term that begins on a day begins when the day before it is over.
    before = date.fromordinal(day.toordinal() - 1)
    moment = end_of_day(day if name == "expires_at" else before, DEFAULT_ZONE)
    reading.facts[name] = moment.isoformat()
    return True


def _read_releases(reading: _Reading, row: Row, said: Mapping[str, Any]) -> None:
    asked = dict(row.releases)
    if said["person"] or said["release"]:
        for person in SEPARATORS.split(said["person"] or "person"):
            asked.setdefault(person.strip(), said["release"] or "none")
    releases = {}
    for person, written in asked.items():
        word = word_of(RELEASES, written) if written else "none"
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
