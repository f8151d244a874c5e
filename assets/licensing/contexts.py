"""What somebody means to do: for which purpose, where, in which media, when, and as how large a company."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from .edges import Policy
from .facts import WORLD, expand_territory
from .profiles import Profile, profile, read_own
from .terms import LicensingError


class Purpose(StrEnum):
    """What it is for. Business is commercial for every licence; editorial and internal use lie in between."""

    COMMERCIAL = "commercial"
    ADVERTISING = "advertising"
    EDITORIAL = "editorial"
    INTERNAL = "internal"
    NONCOMMERCIAL = "noncommercial"
    RESEARCH = "research"

    @property
    def is_business(self) -> bool:
        """Say whether every licence calls this commercial."""
        return self in (Purpose.COMMERCIAL, Purpose.ADVERTISING)

    @property
    def is_nonprofit(self) -> bool:
        """Say whether no licence calls this commercial."""
        return self in (Purpose.NONCOMMERCIAL, Purpose.RESEARCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The circumstances of one action. Raises LicensingError on a value that cannot be read.

    `territory` is a country or region code, several, or WW for the world; None is "not stated", and blocks only
    where a licence is limited. `revenue` is the company's yearly revenue in US$. `quantities` are copies, seats
    and the like. The policy `exception` counts only with a recorded exception, else it is strict. `own_profiles` are
    the team's own licences that are in force, by id.
    """

    at: datetime
    purpose: Purpose | str = Purpose.COMMERCIAL
    territory: Iterable[str] | str | None = None
    media: Iterable[str] | str | None = None
    revenue: Decimal | None = None
    outbound_license: str | None = None
    policy: Policy | str = Policy.STRICT
    exception: str = ""
    quantities: Mapping[str, int] = field(default_factory=dict, hash=False)
    own_profiles: Mapping[str, Profile] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise LicensingError("time_not_aware", "The time of an action needs a time zone.")
        settle = {
            "at": self.at.astimezone(UTC),
            "purpose": _one_of(Purpose, self.purpose, "purpose_unknown"),
            "policy": _one_of(Policy, self.policy, "policy_unknown"),
            "territory": None if self.territory is None else (expand_territory(self.territory) or (WORLD,)),
            "media": _listed(self.media),
        }
        for name, value in settle.items():
            object.__setattr__(self, name, value)

    @property
    def aim(self) -> Purpose:
        """Return the purpose as a member."""
        return Purpose(self.purpose)

    def profile(self, license_id: str) -> Profile:
        """Return a licence's profile as it counts in these circumstances."""
        return profile(license_id, self.own_profiles)

    def policy_for(self, heightened: Iterable[str] = ()) -> Policy:
        """Return the policy that holds for an input; heightened ones are strict, and so is an unrecorded exception."""
        policy = Policy(self.policy)
        unrecorded = policy is Policy.EXCEPTION and not self.exception
        return Policy.STRICT if unrecorded or (policy is Policy.STANDARD and tuple(heightened)) else policy

    def stated(self, scope: str) -> tuple[str, ...] | None:
        """Return what was stated for territory, media or purposes; None when nothing was."""
        if scope == "purposes":
            return (self.aim.value,)
        return tuple(getattr(self, scope)) if getattr(self, scope) is not None else None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "at": self.at.isoformat(),
            "purpose": self.aim.value,
            "territory": _list(self.territory),
            "media": _list(self.media),
            "revenue": None if self.revenue is None else str(self.revenue),
            "outbound_license": self.outbound_license,
            "policy": str(self.policy),
            "exception": self.exception,
            "quantities": dict(self.quantities),
            **({"own_profiles": [each.content for each in self._own_in_order()]} if self.own_profiles else {}),
        }

    def _own_in_order(self) -> list[Profile]:
        return [self.own_profiles[name] for name in sorted(self.own_profiles)]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Context":
        """Read back `as_dict`."""
        revenue = None if data["revenue"] is None else Decimal(data["revenue"])
        own = [read_own(json.dumps(each, sort_keys=True)) for each in data.get("own_profiles", ())]
        settled = {"at": datetime.fromisoformat(data["at"]), "own_profiles": {each.id: each for each in own}}
        return cls(**{**data, **settled, "revenue": revenue})


def _one_of(kind: type[StrEnum], word: str, code: str) -> StrEnum:
    try:
        return kind(word)
    except ValueError as error:
        raise LicensingError(code, f"“{word}” is not one of {', '.join(kind)}.", word=word) from error


def _listed(values: Iterable[str] | str | None) -> tuple[str, ...] | None:
    if values is None:
        return None
    return tuple(sorted({values} if isinstance(values, str) else set(values)))


def _list(values: Iterable[str] | None) -> list[str] | None:
    return None if values is None else list(values)
