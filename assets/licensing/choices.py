"""Licence expressions: AND holds together, OR is our choice, and what nobody knows counts as unknown."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from license_expression import OR, ExpressionError, LicenseSymbol, Licensing

from .profiles import UNKNOWN, house_profiles


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
def choose_branch(expression: str, branch: str = "") -> Choice:
    """Read an SPDX expression with the branch that we chose. Never raises: what cannot be read is unknown."""
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
    strangers = tuple(name for name in chosen if name not in _grants())
    if strangers:
        return Choice(expression=expression, licenses=(UNKNOWN,), problem="no_basis", unknown=strangers)
    return Choice(expression=expression, licenses=chosen)


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
