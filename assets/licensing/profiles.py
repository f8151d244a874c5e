"""Licence profiles: what one licence says, read from a data file, with a clause behind every answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .terms import PERMISSIONS, Ceiling, LicensingError, Permission

FOLDER = Path(__file__).resolve().parent.parent / "licenses"
UNKNOWN = "LicenseRef-Daicho-Unknown"
POLICY = "LicenseRef-Daicho-Policy"
OWN_PREFIX = "LicenseRef-Own-"
OWN_MAX_CHARS = 80
OWN_KINDS = ("public_license", "contract")
OWN_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.")
LANGUAGES = ("en", "ja")
TESTS = {"has", "lacks", "equals", "differs"}
SCOPE = "scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Where a licence says something, and what it says there in our own short words, per language."""

    clause: str
    quote: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Ask whether a parameter of the licensed item `has`, `lacks`, `equals` or `differs` from a value.

    Where `value` is a list, `has` asks for one of them and `lacks` for none of them.
    """

    parameter: str
    test: str
    value: Any

    def holds(self, parameters: Mapping[str, Any]) -> bool:
        """Answer for this item's parameters. A missing one lacks and differs from everything, and equals None."""
        given = parameters.get(self.parameter)
        if self.test in ("equals", "differs"):
            return (given == self.value) is (self.test == "equals")
        held = given if isinstance(given, list | tuple | set | frozenset) else (given,)
        wanted = self.value if isinstance(self.value, list) else [self.value]
        return any(each in held for each in wanted) is (self.test == "has")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Narrow answers, purposes or outbound licences where a condition holds."""

    when: Condition
    then: Mapping[str, Permission]
    purposes: frozenset[str] | None
    outbound: frozenset[str] | None
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """One licence as the house reads it. What `permissions` does not name is unknown, and unknown blocks.

    `kind` is public_license, public_domain, contract, exception, policy or unknown. `text_sha256` is the hash of the
    licence's own text where an offline copy exists (`text` says which), else None; `retrieved_at` is the day on which
    it was read. An obligation may depend on a condition, its `when`. `parameters` lists the answers that an item's
    parameters may have, under `several` where more than one may be given; SCOPE is not among them, as every record has
    it. `content` is the data file's own.
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
    retrieved_at: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)

    def permission(self, dimension: str) -> Permission:
        """Return what the licence says about a dimension."""
        return self.permissions.get(dimension, Permission.UNKNOWN)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Return everything that the answers ask of an item's parameters."""
        return (*(rule.when for rule in self.rules), *(each["when"] for each in self.obligations if "when" in each))

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


def profile(license_id: str, own: Mapping[str, Profile] | None = None) -> Profile:
    """Return a licence's profile, a team's `own` among them; an id that nobody knows is the unknown licence."""
    known = house_profiles()
    return known.get(license_id) or (own or {}).get(license_id) or known[UNKNOWN]


@lru_cache(maxsize=512)
def read_own(text: str) -> Profile:
    """Read a team's own profile from JSON, once for the same text.

    Raises LicensingError where it has another shape than a data file, a strange id, or asks what no form asks.
    """
    data = json.loads(text)
    faults = sorted({".".join(map(str, each.path)) or each.message for each in profile_schema().iter_errors(data)})
    if faults:
        _refuse(str(data.get("id", "?")), faults[:5])
    found = Profile.from_dict(data)
    name = found.id.removeprefix(OWN_PREFIX)
    is_short = len(found.id) <= OWN_MAX_CHARS
    if not found.id.startswith(OWN_PREFIX) or not name or not OWN_CHARS.issuperset(name) or not is_short:
        raise LicensingError("own_id_unreadable", f"“{found.id}” does not name an own licence.", id=found.id)
    if found.kind not in OWN_KINDS:
        raise LicensingError("own_kind_unknown", f"“{found.kind}” is no kind of own licence.", kind=found.kind)
    house: dict[str, Any] = {name: each for one in house_profiles().values() for name, each in one.parameters.items()}
    for asked, answers in found.parameters.items():
        if house.get(asked) != answers:
            raise LicensingError("own_parameter_unknown", f"Nothing asks for “{asked}”.", parameter=asked)
    return found


@cache
def profile_schema() -> Any:
    """Return the shape of a licence profile's data file, as a jsonschema validator."""
    # Megabytes that only a house with licences of its own needs: a web process without them stays small.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((FOLDER / "words" / "profile.schema.json").read_text(encoding="utf-8")))


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
        "obligations": tuple(_obligation_of(each) for each in data.get("obligations", ())),
        "restrictions": tuple(data.get("restrictions", ())),
        "ceilings": tuple(_ceiling_of(data["id"], each) for each in data.get("ceilings", ())),
        "rules": tuple(_rule_of(each) for each in data.get("rules", ())),
        "parameters": data.get("parameters", {}),
        "retrieved_at": data.get("retrieved_at", ""),
        "content": data,
    }


def _ceiling_of(license_id: str, data: Mapping[str, Any]) -> Ceiling:
    return Ceiling(
        license=license_id,
        amount=Decimal(data["amount"]),
        currency=data["currency"],
        inclusive=data["inclusive"],
    )


def _obligation_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "when": _condition_of(data["when"])} if "when" in data else data


def _condition_of(data: Mapping[str, Any]) -> Condition:
    return Condition(parameter=data["parameter"], test=data["test"], value=data["value"])


def _rule_of(data: Mapping[str, Any]) -> Rule:
    return Rule(
        when=_condition_of(data),
        then={name: Permission.read(word) for name, word in data.get("then", {}).items()},
        purposes=_set_of(data.get("purposes")),
        outbound=_set_of(data.get("outbound")),
        clause=data["clause"],
    )


def _set_of(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _names(profile: Profile) -> set[str]:
    return set(profile.permissions).union(*(rule.then for rule in profile.rules))


def _clauses_behind(profile: Profile) -> set[str]:
    """Return the clauses that have to be there: one behind every narrow answer, duty, rule and restriction."""
    narrow = {name for name, value in profile.permissions.items() if value < Permission.ALLOW}
    named = {each["clause"] for each in (*profile.obligations, *profile.restrictions)}
    return narrow | named | {rule.clause for rule in profile.rules}


def _check(profile: Profile) -> None:
    strange = _names(profile) - set(PERMISSIONS)
    strange |= {each.test for each in profile.conditions} - TESTS
    strange |= {each.parameter for each in profile.conditions} - {SCOPE, *profile.parameters}
    strange |= _clauses_behind(profile) - set(profile.clauses)
    if "whole" not in profile.clauses:
        strange.add("clauses.whole")
    for name, clause in profile.clauses.items():
        if not clause.clause or not all(clause.quote.get(language) for language in LANGUAGES):
            strange.add(f"clauses.{name}")
    if strange:
        _refuse(profile.id, sorted(strange))


def _refuse(license_id: str, faults: list[str]) -> None:
    listed, name = ", ".join(faults), license_id[:120]
    raise LicensingError(
        "profile_unreadable", f"The licence profile {name} has faults: {listed}.", id=name, faults=listed
    )
