"""The rules of the gates: each check looks at met terms and says what stands in the way."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from .contexts import Context, Purpose
from .edges import OUTWARD, Action
from .terms import PERMISSIONS, SCOPES, Ceiling, Permission, Reason, Release, Terms

LEARNING = (Action.TRAIN, Action.MERGE)
COMMERCIAL = ("commercial", "out_commercial")
ANSWERED = tuple(name for name in PERMISSIONS if name != "added_terms")
Check = Callable[[Terms, Action, Context], Iterable[Reason]]


def check(terms: Terms, action: Action, context: Context) -> tuple[Reason, ...]:
    """Return everything that stands in the way of an action, the worst first; nothing means yes."""
    checks: tuple[Check, ...] = (check_ingest,) if action is Action.INGEST else CHECKS
    found = {reason for each in checks for reason in each(terms, action, context)}
    return tuple(sorted(found, key=Reason.sort_key))


def check_ingest(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Let waiting material in, and keep what has no rights basis in quarantine."""
    for reason in _about(terms, "basis"):
        if reason.code == "awaiting_review":
            continue
        refused = reason.value is Permission.DENY
        yield reason if refused else replace(reason, value=Permission.REVIEW)


def check_permissions(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Ask every permission; commercial ones only as far as the purpose is commercial."""
    for dimension in ANSWERED:
        if getattr(terms, dimension) is Permission.ALLOW or (dimension in COMMERCIAL and context.aim.is_nonprofit):
            continue
        for reason in _about(terms, dimension):
            unclear = dimension in COMMERCIAL and not context.aim.is_business and reason.value is Permission.DENY
            yield _fill(reason, Permission.REVIEW, "purpose_between", purpose=context.aim.value) if unclear else reason


def check_term(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Compare the term with the time of the action."""
    if terms.valid_from is not None and context.at < terms.valid_from:
        for reason in _about(terms, "valid_from"):
            if context.at < datetime.fromisoformat(reason.params["at"]):
                yield _fill(reason, Permission.DENY, "not_yet_valid")
    if terms.expires_at is not None and context.at >= terms.expires_at:
        for reason in _about(terms, "expires_at"):
            if context.at >= datetime.fromisoformat(reason.params["at"]):
                yield _fill(reason, Permission.DENY, "expired")


def check_scope(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Compare territory, media and purpose with those allowed."""
    for scope in SCOPES:
        allowed, stated = getattr(terms, scope), context.stated(scope)
        if allowed is None or (stated is not None and allowed.issuperset(stated)):
            continue
        for reason in _about(terms, scope):
            if stated is None:
                yield _fill(reason, Permission.UNKNOWN, f"{scope}_not_stated")
            elif not set(stated) <= set(reason.params["allowed"]):
                yield _fill(reason, Permission.DENY, f"{scope}_outside", stated=list(stated))


def check_outbound(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Hold share-alike: one outbound licence must satisfy everybody who asks for one."""
    if terms.outbound is None:
        return
    wanted = context.outbound_license
    if wanted is not None and wanted in terms.outbound:
        return
    for reason in _about(terms, "outbound"):
        if not terms.outbound:
            yield _fill(reason, Permission.DENY, "outbound_conflict")
        elif wanted is None:
            yield _fill(reason, Permission.UNKNOWN, "outbound_not_stated", possible=sorted(terms.outbound))
        elif wanted not in reason.params["allowed"]:
            yield _fill(reason, Permission.DENY, "outbound_not_allowed", wanted=wanted)


def check_added_terms(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Refuse to pass on use restrictions with what must carry no further terms."""
    if terms.added_terms is Permission.ALLOW:
        return
    passed_on = sorted((each for each in terms.restrictions if action in each.pass_on), key=lambda each: each.profile)
    for reason in _about(terms, "added_terms") if passed_on else ():
        for each in passed_on:
            clause = context.profile(each.profile).clause_of("pass_on")
            yield _fill(reason, reason.value, "terms_conflict", other=each.profile, other_clause=clause)


def check_ceilings(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Compare the company's revenue with every ceiling; a revenue nobody stated is over none and under none."""
    if context.aim.is_nonprofit or not terms.ceilings:
        return
    for reason in _about(terms, "ceilings"):
        if context.revenue is None:
            yield _fill(reason, Permission.UNKNOWN, "revenue_not_stated")
        elif not Ceiling.from_dict({"license": reason.license, **reason.params}).holds(context.revenue):
            yield _fill(reason, Permission.DENY, "revenue_above", revenue=str(context.revenue))


def check_releases(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Ask for releases: needed for business, for a person to judge in training, not asked for editorial use."""
    for reason in _about(terms, "releases") if terms.releases else ():
        value = _release_value(Release[reason.params["release"].upper()], action, context.aim)
        if value < Permission.ALLOW:
            yield _fill(reason, value, f"release_{reason.params['release']}")


def check_caps(terms: Terms, action: Action, context: Context) -> Iterator[Reason]:
    """Compare stated quantities with the caps."""
    for reason in _about(terms, "caps") if terms.caps else ():
        stated = context.quantities.get(reason.params["cap"])
        if stated is None:
            yield _fill(reason, Permission.REVIEW, "cap_not_stated")
        elif stated > reason.params["most"]:
            yield _fill(reason, Permission.DENY, "cap_above", stated=stated)


CHECKS: tuple[Check, ...] = (
    check_permissions,
    check_term,
    check_scope,
    check_outbound,
    check_added_terms,
    check_ceilings,
    check_releases,
    check_caps,
)


def _release_value(release: Release, action: Action, purpose: Purpose) -> Permission:
    asked = action in (*OUTWARD, *LEARNING)
    if release is Release.UNLIMITED or not asked or (purpose is Purpose.EDITORIAL and action not in LEARNING):
        return Permission.ALLOW
    return Permission.DENY if release is Release.NONE and purpose.is_business else Permission.REVIEW


def _about(terms: Terms, dimension: str) -> Iterator[Reason]:
    return (reason for reason in terms.reasons if reason.dimension == dimension)


def _fill(reason: Reason, value: Permission, code: str, **params: Any) -> Reason:
    return replace(reason, value=value, code=code, params={**reason.params, **params})
