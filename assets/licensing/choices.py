"""Licence expressions: AND holds together, OR is our choice, and what nobody knows counts as unknown."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from license_expression import OR, ExpressionError, LicenseSymbol, Licensing

from .profiles import UNKNOWN, house_profiles

MAX_BRANCHES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The licences that hold for one thing, or the `problem` that leaves it without any.

    Problems: no_basis (nothing readable or known), choose_branch (a choice is not made), branch_not_offered.
    """

    expression: str
    licenses: tuple[str, ...]
    problem: str = ""
    unknown: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def choose_branch(expression: str, branch: str = "", own: frozenset[str] = frozenset()) -> Choice:
    """Read an SPDX expression with the branch that we chose. Never raises: what cannot be read is unknown.

    `own` are the ids of a team's own licences, beside those that ship with Daicho.
    """
    offered = _parse(expression)
    if offered is None:
        return Choice(expression=expression, licenses=(UNKNOWN,), problem="no_basis", unknown=(expression,))
    chosen = _names(offered)
    if _is_choice(offered):
        picked = _parse(branch)
        if picked is None:
            return Choice(expression=expression, licenses=(UNKNOWN,), problem="choose_branch", unknown=chosen)
        if _is_choice(picked) or not _satisfies(offered, set(_names(picked))) or set(_names(picked)) - set(chosen):
            return Choice(expression=expression, licenses=(UNKNOWN,), problem="branch_not_offered", unknown=chosen)
        chosen = _names(picked)
    strangers = tuple(name for name in chosen if name not in _grants() and name not in own)
    if strangers:
        return Choice(expression=expression, licenses=(UNKNOWN,), problem="no_basis", unknown=strangers)
    return Choice(expression=expression, licenses=chosen)


def offered_branches(expression: str) -> tuple[str, ...]:
    """Return what an expression lets us choose from, each as an expression of its own; nothing without a choice."""
    parsed = _parse(expression)
    if parsed is None or not _is_choice(parsed):
        return ()
    return tuple(dict.fromkeys(" AND ".join(sorted(names)) for names in _alternatives(parsed)))[:MAX_BRANCHES]


def _alternatives(parsed: Any) -> list[frozenset[str]]:
    if parsed.isliteral:
        return [frozenset({str(parsed)})]
    parts = [_alternatives(each) for each in parsed.args]
    if isinstance(parsed, OR):
        return [names for part in parts for names in part]
    found = [frozenset[str]()]
    for part in parts:
        found = [names | more for names in found for more in part][:MAX_BRANCHES]
    return found


@cache
def _grants() -> frozenset[str]:
    return frozenset(name for name, each in house_profiles().items() if each.kind not in ("unknown", "policy"))


@cache
def _licensing() -> Licensing:
    return Licensing([LicenseSymbol(name) for name in sorted(_grants())])


def _parse(expression: str) -> Any:
    try:
        return _licensing().parse(expression.strip() or None)
    except (ExpressionError, RecursionError):
        return None


def _names(parsed: Any) -> tuple[str, ...]:
    return tuple(sorted({str(literal) for literal in parsed.literals}))


def _is_choice(parsed: Any) -> bool:
    return isinstance(parsed, OR) or any(_is_choice(each) for each in parsed.args if not parsed.isliteral)


def _satisfies(parsed: Any, chosen: set[str]) -> bool:
    if parsed.isliteral:
        return str(parsed) in chosen
    held = (_satisfies(each, chosen) for each in parsed.args)
    return any(held) if isinstance(parsed, OR) else all(held)
