"""Reads a day as people in Japan and elsewhere write it: ISO, with 年月日, in an era, with full-width digits."""

import calendar
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

MAX_CHARS = 40
FIRST_YEAR, LAST_YEAR = 1900, 2999
DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-"))
SHAPES = tuple(
    re.compile(shape)
    for shape in (
        r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?:(?P=mark)(?P<day>[0-9]{1,2}))?",
        r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
        r"(?P<year>[0-9]{4})年(?P<month>[0-9]{1,2})月(?:(?P<day>[0-9]{1,2})日)?",
        r"(?P<era>大正|昭和|平成|令和|[TSHR])(?P<year>元|[0-9]{1,2})年(?P<month>[0-9]{1,2})月(?:(?P<day>[0-9]{1,2})日)?",
        r"(?P<era>大正|昭和|平成|令和|[TSHR])(?P<year>元|[0-9]{1,2})(?P<mark>[-/.])(?P<month>[0-9]{1,2})"
        r"(?:(?P=mark)(?P<day>[0-9]{1,2}))?",
    )
)
AMBIGUOUS = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}(\1([0-9]{2}|[0-9]{4}|[0-9]))?|[0-9]{2}年[0-9]{1,2}月.*|[0-9]{6}")

SENTENCES = {
    "date_empty": "There is no date.",
    "date_unreadable": "“{text}” is not a date that can be read.",
    "date_ambiguous": "“{text}” can be read as more than one date.",
    "no_such_day": "There is no day “{text}”.",
    "date_out_of_range": "The year of “{text}” is not between {first} and {last}.",
    "not_in_era": "“{text}” does not lie in {era}, which began on {begins}.",
    "not_in_ended_era": "“{text}” does not lie in {era}, which lasted from {begins} to {ends}.",
}


class DateError(ValueError):
    """Say why a text is not a day. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(SENTENCES[code].format(**params))
        self.code = code
        self.params: Mapping[str, str | int] = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """Name a Japanese era with its first and last day; the current one has no last day."""

    name: str
    begins: date
    ends: date = date.max


ERAS = {
    "T": Era(name="大正", begins=date(1912, 7, 30), ends=date(1926, 12, 25)),
    "S": Era(name="昭和", begins=date(1926, 12, 25), ends=date(1989, 1, 7)),
    "H": Era(name="平成", begins=date(1989, 1, 8), ends=date(2019, 4, 30)),
    "R": Era(name="令和", begins=date(2019, 5, 1)),
}
ERA_NAMES = {era.name: era for era in ERAS.values()}


def read_date(text: str, *, end: bool = False) -> date:
    """Return the day that a text names; where it names a month, its first day, or its last with `end`.

    A month that an era shares with another counts only from or to the era's own days. Raises DateError for a day that
    does not exist or does not lie in the era it names, and for forms that two people would read as two days.
    """
    plain = "".join(unicodedata.normalize("NFKC", text[: MAX_CHARS + 1]).split()).translate(DASHES)
    shown = text.strip()[:MAX_CHARS]
    if not plain:
        raise DateError("date_empty")
    found = None if len(text.strip()) > MAX_CHARS else _match(plain.upper())
    if found is None:
        raise DateError("date_ambiguous" if AMBIGUOUS.fullmatch(plain) else "date_unreadable", text=shown)
    era = _era(found.get("era"))
    year = 1 if found["year"] == "元" else int(found["year"] or 0)
    if era:
        year += era.begins.year - 1
    first, last = _days(year, int(found["month"] or 0), found["day"], shown)
    if era:
        first, last = _clip(first, last, era, shown)
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise DateError("date_out_of_range", text=shown, first=FIRST_YEAR, last=LAST_YEAR)
    return last if end else first


def _match(plain: str) -> Mapping[str, str | None] | None:
    for shape in SHAPES:
        if found := shape.fullmatch(plain):
            return found.groupdict()
    return None


def _era(word: str | None) -> Era | None:
    return None if word is None else ERAS.get(word) or ERA_NAMES[word]


def _days(year: int, month: int, day: str | None, shown: str) -> tuple[date, date]:
    try:
        if day is not None:
            named = date(year, month, int(day))
            return named, named
        return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
    except ValueError as error:
        raise DateError("no_such_day", text=shown) from error


def _clip(first: date, last: date, era: Era, shown: str) -> tuple[date, date]:
    if first <= era.ends and last >= era.begins:
        return max(first, era.begins), min(last, era.ends)
    begins = era.begins.isoformat()
    if era.ends == date.max:
        raise DateError("not_in_era", text=shown, era=era.name, begins=begins)
    raise DateError("not_in_ended_era", text=shown, era=era.name, begins=begins, ends=era.ends.isoformat())
