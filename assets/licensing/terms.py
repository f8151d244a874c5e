"""What may be done, as values that meet: every dimension declares its own meet, and `meet` only folds.

Source: the dimensions and their meets are those of the house's rights policy (docs/rights.md).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Self

import rfc8785


class LicensingError(ValueError):
    """A rights question that cannot be read: `code` for translation, `params` to fill it, English as the message."""

    def __init__(self, code: str, message: str, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.params = params


class Permission(IntEnum):
    """Order what a licence may say: the least of several answers is the answer."""

    DENY = 0
    UNKNOWN = 1
    REVIEW = 2
    ALLOW = 3

    @property
    def word(self) -> str:
        """Return the value as it is written in JSON."""
        return self.name.lower()

    @classmethod
    def read(cls, word: str) -> "Permission":
        """Read a value from JSON. Raises LicensingError on a word that is none."""
        try:
            return cls[word.upper()]
        except KeyError as error:
            raise LicensingError("permission_unknown", f"“{word}” is no permission.", word=word) from error


class Release(IntEnum):
    """Order what a pictured person or the owner of a pictured property has agreed to (PLUS: NON, LMR, UMR/NAP)."""

    NONE = 0
    LIMITED = 1
    UNLIMITED = 2

    @property
    def word(self) -> str:
        """Return the value as it is written in JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One thing that is owed, `on` the products that carry it: output, weights, host."""

    kind: str
    on: tuple[str, ...]
    license: str
    license_url: str = ""
    clause: str = ""
    creator: str = ""
    title: str = ""
    source_url: str = ""
    modified: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return _values(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back `as_dict`."""
        return cls(**{**data, "on": tuple(data["on"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A rule on use that stays with what was made; `pass_on` names the products on which it binds the next person."""

    code: str
    profile: str
    version: str
    clause: str
    on: tuple[str, ...]
    pass_on: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return _values(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back `as_dict`."""
        return cls(**{**data, "on": tuple(data["on"]), "pass_on": tuple(data["pass_on"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The yearly revenue up to which a licence holds; `inclusive` says whether it still holds at the amount itself."""

    license: str
    amount: Decimal
    currency: str = "USD"
    inclusive: bool = True

    def holds(self, revenue: Decimal) -> bool:
        """Say whether this revenue is still under the ceiling."""
        return revenue <= self.amount if self.inclusive else revenue < self.amount

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**_values(self), "amount": str(self.amount)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back `as_dict`."""
        return cls(**{**data, "amount": Decimal(data["amount"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a dimension is narrower than allow: which item, under which licence and clause.

    `ref` is the item's own id where it has one. `params` holds what a sentence about it needs to say.
    """

    item: str
    dimension: str
    value: Permission
    license: str
    clause: str
    code: str = "forbidden"
    ref: str = ""
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {**_values(self), "value": self.value.word, "params": dict(self.params)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read back `as_dict`."""
        return cls(**{**data, "value": Permission.read(data["value"])})

    def sort_key(self) -> tuple[Any, ...]:
        """Return what puts reasons in order: the worst first, then by item."""
        details = repr(sorted(self.params.items()))
        return (self.value, self.item, self.ref, self.dimension, self.code, self.license, self.clause, details)


def _values(value: Any) -> dict[str, Any]:
    pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
    return {name: list(content) if isinstance(content, tuple) else content for name, content in pairs}


Fold = Callable[[Sequence[Any]], Any]


def _union(values: Sequence[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*values)


def _intersection(values: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    limits = [value for value in values if value is not None]
    return frozenset.intersection(*limits) if limits else None


def _latest(values: Sequence[datetime | None]) -> datetime | None:
    return max((value for value in values if value is not None), default=None)


def _earliest(values: Sequence[datetime | None]) -> datetime | None:
    return min((value for value in values if value is not None), default=None)


def _least_of_each(values: Iterable[tuple[tuple[str, Any], ...]]) -> tuple[tuple[str, Any], ...]:
    least: dict[str, Any] = {}
    for name, amount in (pair for value in values for pair in value):
        least[name] = min(amount, least.get(name, amount))
    return tuple(sorted(least.items()))


LEAST: Mapping[str, Fold] = {"meet": min}
UNION: Mapping[str, Fold] = {"meet": _union}
INTERSECTION: Mapping[str, Fold] = {"meet": _intersection}
LATEST: Mapping[str, Fold] = {"meet": _latest}
EARLIEST: Mapping[str, Fold] = {"meet": _earliest}
LEAST_OF_EACH: Mapping[str, Fold] = {"meet": _least_of_each}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that licences say about one thing. A value of None is "any"; times are aware and in UTC.

    `basis` is whether we may use the thing at all: its licence is known, cleared and not withdrawn.
    `added_terms` is whether terms may be laid on top of the licence (share-alike licences forbid it).
    `share` is passing on the unchanged thing, `share_adapted` what was made from it.
    `expires_at` is the first instant at which the term no longer holds.
    """

    basis: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    train: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    adapt: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    share: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    share_adapted: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    commercial: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    run: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    host: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    weights_derive: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    weights_share: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    out_commercial: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    out_train: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    added_terms: Permission = field(default=Permission.ALLOW, metadata=LEAST)
    obligations: frozenset[Obligation] = field(default=frozenset(), metadata=UNION)
    restrictions: frozenset[Restriction] = field(default=frozenset(), metadata=UNION)
    outbound: frozenset[str] | None = field(default=None, metadata=INTERSECTION)
    territory: frozenset[str] | None = field(default=None, metadata=INTERSECTION)
    media: frozenset[str] | None = field(default=None, metadata=INTERSECTION)
    purposes: frozenset[str] | None = field(default=None, metadata=INTERSECTION)
    valid_from: datetime | None = field(default=None, metadata=LATEST)
    expires_at: datetime | None = field(default=None, metadata=EARLIEST)
    caps: tuple[tuple[str, int], ...] = field(default=(), metadata=LEAST_OF_EACH)
    ceilings: frozenset[Ceiling] = field(default=frozenset(), metadata=UNION)
    releases: tuple[tuple[str, Release], ...] = field(default=(), metadata=LEAST_OF_EACH)
    evidence: frozenset[str] = field(default=frozenset(), metadata=UNION)
    reasons: frozenset[Reason] = field(default=frozenset(), metadata=UNION)

    def canonical(self) -> bytes:
        """Return the terms as RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.as_dict())

    def sha256(self) -> str:
        """Return the sha256 of the canonical terms, in hex: equal terms have equal hashes, whatever their order."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, every set in a fixed order."""
        return {each.name: _written(each.name, getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Terms":
        """Read back `as_dict`. Raises TypeError on unknown dimensions."""
        return cls(**{name: _read(name, value) for name, value in data.items()})


TOP = Terms()
PERMISSIONS = tuple(each.name for each in fields(Terms) if each.metadata["meet"] is min)
SCOPES = ("territory", "media", "purposes")
_SETS: Mapping[str, Any] = {
    "obligations": Obligation,
    "restrictions": Restriction,
    "ceilings": Ceiling,
    "reasons": Reason,
}
_MEETS: tuple[tuple[str, Fold], ...] = tuple((each.name, each.metadata["meet"]) for each in fields(Terms))


def meet(*terms: Terms) -> Terms:
    """Return what all of these allow together. Of nothing it is TOP, which allows everything."""
    if not terms:
        return TOP
    return Terms(**{name: fold([getattr(each, name) for each in terms]) for name, fold in _MEETS})


def _written(name: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Permission):
        return value.word
    if name == "reasons":
        return [reason.as_dict() for reason in sorted(value, key=Reason.sort_key)]
    if name in _SETS:
        return sorted((each.as_dict() for each in value), key=lambda each: sorted(map(repr, each.items())))
    if name == "releases":
        return {subject: release.word for subject, release in value}
    if name == "caps":
        return dict(value)
    return value.isoformat() if isinstance(value, datetime) else sorted(value)


def _read(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in PERMISSIONS:
        return Permission.read(value)
    if name in _SETS:
        return frozenset(_SETS[name].from_dict(each) for each in value)
    if name == "releases":
        return tuple(sorted((subject, Release[word.upper()]) for subject, word in value.items()))
    if name == "caps":
        return tuple(sorted(value.items()))
    return datetime.fromisoformat(value) if name in ("valid_from", "expires_at") else frozenset(value)
