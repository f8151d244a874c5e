"""Licence profiles: what one licence says, read from a data file, with a clause behind every answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from .terms import PERMISSIONS, Ceiling, LicensingError, Permission

FOLDER = Path(__file__).resolve().parent.parent / "licenses"
UNKNOWN = "LicenseRef-Daicho-Unknown"
POLICY = "LicenseRef-Daicho-Policy"
LANGUAGES = ("en", "ja")
TESTS = {"has", "lacks", "equals", "differs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Where a licence says something, and what it says there in our own short words, per language."""

    clause: str
    quote: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Narrow answers when a parameter of the licensed item `has`, `lacks`, `equals` or `differs` from a value."""

    parameter: str
    test: str
    value: Any
    then: Mapping[str, Permission]
    purposes: frozenset[str] | None
    clause: str

    def applies(self, parameters: Mapping[str, Any]) -> bool:
        """Say whether this item's parameters meet the rule. A missing parameter lacks and differs from everything."""
        given = parameters.get(self.parameter)
        if self.test in ("equals", "differs"):
            return (given == self.value) is (self.test == "equals")
        held = given if isinstance(given, list | tuple | set | frozenset) else ()
        return (self.value in held) is (self.test == "has")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One licence as the house reads it. What `permissions` does not name is unknown, and unknown blocks.

    `kind` is public_license, contract, exception, policy or unknown. `text_sha256` is the hash of the licence's
    own text where an offline copy exists (`text` says which), else None.
    """

    id: str
    version: str
    kind: str
    name: Mapping[str, str]
    spdx: bool
    source_url: str
    license_url: str
    text: str
    text_sha256: str | None
    permissions: Mapping[str, Permission]
    clauses: Mapping[str, Clause]
    outbound: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    obligations: tuple[Mapping[str, Any], ...] = ()
    restrictions: tuple[Mapping[str, Any], ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    rules: tuple[Rule, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def permission(self, dimension: str) -> Permission:
        """Return what the licence says about a dimension."""
        return self.permissions.get(dimension, Permission.UNKNOWN)

    def clause_of(self, name: str) -> str:
        """Return the clause number behind an answer, or of the licence as a whole where none is named."""
        found = self.clauses.get(name) or self.clauses["whole"]
        return found.clause

    def quote(self, name: str, language: str) -> str:
        """Return what the clause says, in our own words."""
        found = self.clauses.get(name) or self.clauses["whole"]
        return found.quote[language]

    @property
    def evidence(self) -> str:
        """Return which reading of which text an answer came from."""
        return f"{self.id}#{self.version}:{self.text_sha256 or 'text-not-bundled'}"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Profile":
        """Read a data file's content. Raises LicensingError when it is not whole."""
        try:
            profile = cls(**_fields_of(data))
        except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
            name = str(data.get("id", "?"))
            raise LicensingError("profile_unreadable", f"The licence profile {name} is not whole.", id=name) from error
        _check(profile)
        return profile


def load_profiles(folder: Path = FOLDER) -> Mapping[str, Profile]:
    """Read every profile of a folder, by id. Raises LicensingError on a file that is not whole, or an id met twice."""
    profiles: dict[str, Profile] = {}
    for path in sorted(folder.glob("*.json")):
        profile = Profile.from_dict(json.loads(path.read_text(encoding="utf-8")))
        if profile.id in profiles:
            raise LicensingError("profile_twice", f"Two profiles are called {profile.id}.", id=profile.id)
        profiles[profile.id] = profile
    return profiles


@cache
def house_profiles() -> Mapping[str, Profile]:
    """Return the profiles that ship with Daicho, read once."""
    return load_profiles()


def profile(license_id: str) -> Profile:
    """Return a licence's profile; an id that nobody knows is the unknown licence, which blocks."""
    known = house_profiles()
    return known.get(license_id) or known[UNKNOWN]


@cache
def words(language: str) -> Mapping[str, Any]:
    """Return labels and sentences in a language ("en" or "ja"). Raises LicensingError on any other."""
    if language not in LANGUAGES:
        raise LicensingError("language_unknown", f"There are no sentences in “{language}”.", language=language)
    content: Mapping[str, Any] = json.loads((FOLDER / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return content


@cache
def regions() -> Mapping[str, frozenset[str]]:
    """Return which countries a region's code stands for."""
    content = json.loads((FOLDER / "words" / "regions.json").read_text(encoding="utf-8"))
    return {name: frozenset(members) for name, members in content.items()}


def _fields_of(data: Mapping[str, Any]) -> dict[str, Any]:
    clauses = {name: Clause(clause=each["clause"], quote=each["quote"]) for name, each in data["clauses"].items()}
    return {
        **{name: data[name] for name in ("id", "version", "kind", "name", "spdx", "source_url", "license_url")},
        "text": data["text"],
        "text_sha256": data["text_sha256"],
        "permissions": {name: Permission.read(word) for name, word in data["permissions"].items()},
        "clauses": clauses,
        "outbound": _set_of(data.get("outbound")),
        "purposes": _set_of(data.get("purposes")),
        "obligations": tuple(data.get("obligations", ())),
        "restrictions": tuple(data.get("restrictions", ())),
        "ceilings": tuple(_ceiling_of(data["id"], each) for each in data.get("ceilings", ())),
        "rules": tuple(_rule_of(each) for each in data.get("rules", ())),
        "parameters": data.get("parameters", {}),
    }


def _ceiling_of(license_id: str, data: Mapping[str, Any]) -> Ceiling:
    return Ceiling(
        license=license_id,
        amount=Decimal(data["amount"]),
        currency=data["currency"],
        inclusive=data["inclusive"],
    )


def _rule_of(data: Mapping[str, Any]) -> Rule:
    return Rule(
        parameter=data["parameter"],
        test=data["test"],
        value=data["value"],
        then={name: Permission.read(word) for name, word in data.get("then", {}).items()},
        purposes=_set_of(data.get("purposes")),
        clause=data["clause"],
    )


def _set_of(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _check(profile: Profile) -> None:
    strange = set(profile.permissions) - set(PERMISSIONS)
    strange |= {rule.test for rule in profile.rules} - TESTS
    strange |= {rule.clause for rule in profile.rules} - set(profile.clauses)
    strange |= {each["clause"] for each in (*profile.obligations, *profile.restrictions)} - set(profile.clauses)
    if "whole" not in profile.clauses:
        strange.add("clauses.whole")
    for name, clause in profile.clauses.items():
        if not clause.clause or not all(clause.quote.get(language) for language in LANGUAGES):
            strange.add(f"clauses.{name}")
    if strange:
        listed = ", ".join(sorted(strange))
        raise LicensingError(
            "profile_unreadable",
            f"The licence profile {profile.id} has faults: {listed}.",
            id=profile.id,
            faults=listed,
        )
