"""The facts that one licensed thing carries: what was declared, by whom, until when, and how far it is cleared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .profiles import regions
from .terms import LicensingError, Release

KINDS = ("base_model", "vae", "adapter", "upscaler", "training_picture", "input_picture")
VOUCHED = ("", "own_work", "made_here")
STATES = ("pending", "cleared", "refused", "withdrawn")
WORLD = "WW"
SILENT: tuple[Any, ...] = (None, "", (), {})


def end_of_day(day: date, time_zone: str) -> datetime:
    """Return the first instant after a day in a time zone: what `expires_at` of "until that day" is."""
    return _instant(day + timedelta(days=1), time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsFacts:
    """What we know of the rights in one thing. Raises LicensingError on a value that cannot be read.

    `expression` is SPDX, `branch` our choice where it offers one. `expires_at` is the first instant at which the
    term no longer holds, or a plain date, which counts to its end in `time_zone` (the licensor's). Naive times are
    in that zone too. `territory`, `media` and `purposes` are None when not limited. `releases` maps a pictured
    person or property to none, limited or unlimited. `data_mining` is an embedded plus:DataMining value, with or
    without its address. `parameters` are what the licence's profile asks of each thing. `vouched` says what stands for
    a source where a thing comes in: own_work, which its creator brings, or made_here, which the ledger shows.
    """

    expression: str = ""
    branch: str = ""
    kind: str = "input_picture"
    state: str = "pending"
    creator: str = ""
    title: str = ""
    source_url: str = ""
    valid_from: datetime | date | None = None
    expires_at: datetime | date | None = None
    time_zone: str = "UTC"
    territory: Iterable[str] | None = None
    media: Iterable[str] | None = None
    purposes: Iterable[str] | None = None
    caps: Mapping[str, int] = field(default_factory=dict, hash=False)
    releases: Mapping[str, str] = field(default_factory=dict, hash=False)
    data_mining: str = ""
    evidence: Iterable[str] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    vouched: str = ""

    def __post_init__(self) -> None:
        _known("kind", self.kind, KINDS)
        _known("state", self.state, STATES)
        _known("vouched", self.vouched, VOUCHED)
        _zone(self.time_zone)
        for word in self.releases.values():
            _known("release", word, tuple(release.word for release in Release))
        settle = {
            "valid_from": self.valid_from and _instant(self.valid_from, self.time_zone),
            "expires_at": self.expires_at and _end(self.expires_at, self.time_zone),
            "territory": None if self.territory is None else expand_territory(self.territory),
            "media": _ordered(self.media),
            "purposes": _ordered(self.purposes),
            "evidence": _ordered(self.evidence),
            "data_mining": self.data_mining.strip("/ ").rpartition("/")[2].upper(),
        }
        for name, value in settle.items():
            object.__setattr__(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, without those that say nothing; a limit to nowhere says something."""
        silent = dict.fromkeys(("territory", "media", "purposes"), (None,))
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _plain(value) for name, value in values.items() if value not in silent.get(name, SILENT)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "RightsFacts":
        """Read back `as_dict`."""
        times = {name: datetime.fromisoformat(data[name]) for name in ("valid_from", "expires_at") if name in data}
        return cls(**{**data, **times})


def _known(name: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise LicensingError(f"{name}_unknown", f"“{word}” is not one of {', '.join(words)}.", **{name: word})


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LicensingError("time_zone_unknown", f"There is no time zone “{name}”.", time_zone=name) from error


def _instant(moment: datetime | date, time_zone: str) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(time_zone))
    return moment.astimezone(UTC)


def _end(moment: datetime | date, time_zone: str) -> datetime:
    return _instant(moment, time_zone) if isinstance(moment, datetime) else end_of_day(moment, time_zone)


def expand_territory(codes: Iterable[str] | str) -> tuple[str, ...] | None:
    """Return country codes in order, a region as its countries; None for the whole world."""
    listed = {code.upper() for code in ([codes] if isinstance(codes, str) else codes)}
    if WORLD in listed:
        return None
    return tuple(sorted(frozenset().union(*(regions().get(code, frozenset({code})) for code in listed))))


def _ordered(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(sorted(set([values] if isinstance(values, str) else values)))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
