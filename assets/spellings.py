"""Proposes a licence for what people write in a table: by rules, never more permissive than the words, never silently.

Only an exact identifier is taken as it is. Words that no rule understands stop a guess, because they may limit it.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

from assets.license_words import Word, fold_text, offers, split_words
from assets.licensing import Profile, house_profiles

MAX_CHARS = 300
MAX_SHOWN = 60
ELEMENTS = ("by", "nc", "sa", "nd")
VERSIONS = ("4.0", "3.0", "2.5", "2.1", "2.0", "1.0")
FAMILIES: Mapping[str, tuple[str, ...]] = {"CC0": ("1.0",), "CC-PDM": ("1.0",), "Apache": ("2.0", "1.1", "1.0")}
PUBLIC_DOMAIN = ("CC-PDM-1.0", "CC0-1.0", "CC-PDDC")
STOCK = "LicenseRef-Daicho-Stock-RF"
STOCK_WORDS = frozenset(("agency", "royalty_free"))
SOLD_AS_STOCK = frozenset(
    (STOCK, "LicenseRef-Daicho-Editorial", "LicenseRef-Daicho-RightsManaged", "LicenseRef-Daicho-PIXTA")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Say which licence a text means: an SPDX `expression`, or "" with `alternatives` to choose from.

    `code` says why: license_exact, license_read, version_assumed, license_ambiguous, license_more_words,
    license_unknown or license_missing.
    """

    expression: str = ""
    exact: bool = False
    alternatives: tuple[str, ...] = ()
    code: str = "license_exact"
    params: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def needs_confirmation(self) -> bool:
        """Must a person agree before the licence counts?"""
        return bool(self.expression) and not self.exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One licence that some of the words mean, or "" where they allow several; `version` is one that nobody wrote."""

    expression: str = ""
    alternatives: tuple[str, ...] = ()
    version: str = ""


def propose(text: str, own: Mapping[str, Profile] | None = None) -> Proposal:
    """Propose a licence for what somebody wrote; `own` are the team's own licences by id. Never raises."""
    written = unicodedata.normalize("NFC", text).strip()
    if not written:
        return Proposal(code="license_missing")
    if len(written) > MAX_CHARS:
        return Proposal(code="license_unknown")
    if found := _read_exact(written, frozenset(own or ())):
        return Proposal(expression=found, exact=True)
    if named := _named(written, own or {}):
        return _read_as(named)
    words = split_words(written)
    return _settle(words, (*_commons(words), *_families(words), *_names(words)))


@cache
def known_ids() -> frozenset[str]:
    """Return the identifiers that may be declared: SPDX’s list and the house's own, without exceptions to licences."""
    spdx = {key for key, symbol in get_spdx_licensing().known_symbols.items() if not symbol.is_exception}
    return frozenset(spdx | {each.id for each in house_profiles().values() if each.kind not in ("policy", "unknown")})


@lru_cache(maxsize=64)
def _licensing(own: frozenset[str]) -> Licensing:
    known = get_spdx_licensing().known_symbols
    exceptions = [LicenseSymbol(key, is_exception=True) for key, symbol in known.items() if symbol.is_exception]
    return Licensing([*(LicenseSymbol(key) for key in sorted(known_ids() | own)), *exceptions])


def _read_exact(written: str, own: frozenset[str]) -> str:
    try:
        return str(_licensing(own).parse(written, validate=True, strict=True))
    except (ExpressionError, RecursionError):
        return ""


def _named(written: str, own: Mapping[str, Profile]) -> str:
    folded = fold_text(written)
    called = (each.id for each in own.values() if folded in map(fold_text, (each.id, *each.name.values())))
    return _by_name().get(folded) or next(called, "")


@cache
def _by_name() -> Mapping[str, str]:
    profiles = [each for each in house_profiles().values() if each.id in known_ids()]
    return {fold_text(name): each.id for each in profiles for name in (each.id, *each.name.values())}


def _settle(words: Sequence[Word], guesses: Sequence[Guess]) -> Proposal:
    vague = _vague(words, guesses)
    alternatives = _in_order((*_expressions(guesses), *_offers(vague)))
    if rest := _not_understood(words):
        return _leave_open(alternatives, rest)
    if not guesses and vague == STOCK_WORDS:
        return _read_as(STOCK, _offers(vague)[1:])
    expressions = {guess.expression for guess in guesses}
    if len(expressions) != 1 or "" in expressions or not _may_be_beside(vague, guesses[0].expression):
        return _leave_open(alternatives)
    return _read_as(guesses[0].expression, alternatives[1:], guesses[0].version)


def _read_as(expression: str, alternatives: tuple[str, ...] = (), version: str = "") -> Proposal:
    params: dict[str, str | int] = {"expression": expression}
    if not version:
        return Proposal(expression=expression, alternatives=alternatives, code="license_read", params=params)
    params["version"] = version
    return Proposal(expression=expression, alternatives=alternatives, code="version_assumed", params=params)


def _leave_open(alternatives: tuple[str, ...], rest: str = "") -> Proposal:
    if not alternatives:
        return Proposal(code="license_unknown")
    if rest:
        return Proposal(alternatives=alternatives, code="license_more_words", params={"words": rest[:MAX_SHOWN]})
    return Proposal(alternatives=alternatives, code="license_ambiguous")


def _vague(words: Sequence[Word], guesses: Sequence[Guess]) -> frozenset[str]:
    found = _values(words, "vague")
    says_more = _values(words, "element") or any("CC-" in each or "CC0" in each for each in _expressions(guesses))
    return found | {"cc"} if _values(words, "marker") and not says_more else found


def _expressions(guesses: Sequence[Guess]) -> list[str]:
    return [each for guess in guesses for each in (guess.expression, *guess.alternatives)]


def _may_be_beside(vague: frozenset[str], expression: str) -> bool:
    return not vague or (vague <= STOCK_WORDS and expression in SOLD_AS_STOCK)


def _not_understood(words: Sequence[Word]) -> str:
    """Return the words that no rule used; a version or a port belongs to a licence that has such."""
    has_elements = bool(_values(words, "element"))
    rest = {"rest"}
    if not has_elements:
        rest.add("port")
    if not has_elements and not _values(words, "family"):
        rest.add("version")
    return " ".join(word.value for word in words if word.kind in rest)


def _commons(words: Sequence[Word]) -> tuple[Guess, ...]:
    """Read Creative Commons' elements, group by group: "表示-継承 (CC BY-SA)" says the same thing twice."""
    groups: list[set[str]] = [set()]
    for word in words:
        if word.kind == "marker" and groups[-1]:
            groups.append(set())
        elif word.kind == "element":
            groups[-1].add(word.value)
    said = {frozenset(group) for group in groups if group}
    has_marker = bool(_values(words, "marker"))
    return tuple(_read_elements(each, words, has_marker) for each in sorted(said, key=sorted))


def _read_elements(elements: frozenset[str], words: Sequence[Word], has_marker: bool) -> Guess:
    versions = sorted(_values(words, "version"))
    ports = sorted(_values(words, "port"))
    stem = "CC-" + "-".join(each.upper() for each in ELEMENTS if each in elements | {"by"})
    if {"sa", "nd"} <= elements:
        return Guess(alternatives=tuple(f"{stem.replace(each, '')}-{VERSIONS[0]}" for each in ("-SA", "-ND")))
    if "by" not in elements or (not has_marker and len(elements) == 1) or len(versions) > 1 or len(ports) > 1:
        return Guess(alternatives=_known(stem, versions or VERSIONS[:1]))
    return _with_version(stem, versions, ports[0] if ports else "")


def _with_version(stem: str, versions: Sequence[str], port: str) -> Guess:
    found = _known(stem, versions or VERSIONS, port)
    if not found:
        exists = any(version in VERSIONS for version in versions)
        return Guess(alternatives=_of_any_port(stem, versions if exists else VERSIONS[:2]))
    if versions:
        return Guess(expression=found[0])
    return Guess(
        expression=found[0],
        alternatives=_known(stem, VERSIONS[:2]) + _known(stem, VERSIONS, "JP"),
        version=_version_of(found[0]),
    )


def _of_any_port(stem: str, versions: Sequence[str]) -> tuple[str, ...]:
    return _known(stem, versions) + _known(stem, versions, "JP")


def _known(stem: str, versions: Iterable[str], port: str = "") -> tuple[str, ...]:
    """Return the identifiers of a licence in these versions, SPDX's or the house's, that exist."""
    named = [f"{stem}-{version}-{port}" if port else f"{stem}-{version}" for version in versions]
    return tuple(each for name in named for each in (name, f"LicenseRef-{name}") if each in known_ids())


def _version_of(expression: str) -> str:
    return next(part for part in expression.split("-") if part in VERSIONS)


def _families(words: Sequence[Word]) -> tuple[Guess, ...]:
    versions = () if _values(words, "element") else sorted(_values(words, "version"))
    return tuple(_read_family(each, versions) for each in sorted(_values(words, "family")))


def _read_family(family: str, versions: Sequence[str]) -> Guess:
    known = FAMILIES[family]
    if not versions:
        return Guess(expression=f"{family}-{known[0]}", version=known[0] if len(known) > 1 else "")
    named = [f"{family}-{version}" for version in versions if version in known]
    return Guess(expression=named[0]) if len(named) == len(versions) == 1 else Guess(alternatives=_known(family, known))


def _names(words: Sequence[Word]) -> tuple[Guess, ...]:
    named = [Guess(expression=each) for each in sorted(_values(words, "name"))]
    if _values(words, "label") and not _values(words, "family") & {"CC0", "CC-PDM"}:
        named.append(Guess(expression=PUBLIC_DOMAIN[0], alternatives=PUBLIC_DOMAIN[1:]))
    return tuple(named)


def _values(words: Sequence[Word], kind: str) -> frozenset[str]:
    return frozenset(word.value for word in words if word.kind == kind)


def _offers(vague: Iterable[str]) -> tuple[str, ...]:
    return _in_order(each for word in sorted(vague) for each in offers()[word])


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
