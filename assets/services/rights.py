"""Declare rights, look at them with four eyes, and end them. Every change is counted, and stands in the ledger."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from ledger.services import actor_hash, append
from projects.models import Membership, Project, Role, User
from projects.problems import Problem

from ..licensing import LicensingError
from ..models import ModelFile, Picture, Rights, RightsChange
from ..sentences import sentence
from .decisions import facts_of
from .ingest import check_arrival

# The ledger of what belongs to no project: models that the whole house shares.
HOUSE_CHAIN = uuid.uuid5(uuid.NAMESPACE_URL, "daicho:house")
FACTS = (
    "basis", "jurisdiction", "expression", "branch", "creator", "creator_reading", "creator_uri", "title", "source_url",
    "retrieved_at", "valid_from", "expires_at", "time_zone", "territories", "media", "purposes", "caps", "releases",
    "data_mining", "claims", "evidence_id", "note", "parameters",
)  # fmt: skip
OPEN = (Rights.State.PENDING, Rights.State.CLEARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a person says about the rights in one thing; `facts` are further fields of `Rights` by name."""

    expression: str
    creator: str = ""
    title: str = ""
    source_url: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return the fields of the row."""
        named = {"expression": self.expression, "creator": self.creator, "title": self.title}
        return {**named, "source_url": self.source_url, **self.facts}


def made_here(*, creator: str, title: str) -> Declaration:
    """Return what is declared of something that the house has made out of things whose rights it knows.

    Its own layer is own work and adds no rule; what it was made from is asked through its stored edges, at every gate
    and every time. So it waits for nobody's review: the gate under which it was made was one. Whoever edits it sends it
    there.
    """
    own = {"basis": Rights.Basis.OWN_WORK, "state": Rights.State.CLEARED, "cleared_at": timezone.now()}
    return Declaration(expression="", creator=creator, title=title, facts=own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What the rights are in: its name, its subject in the ledger, and whose chain that is."""

    name: str
    subject: str
    chain: uuid.UUID
    project: Project | None
    facts: Mapping[str, Any]


def holder_of(rights: Rights) -> Holder:
    """Return the thing that has these rights."""
    picture = Picture.objects.filter(rights=rights).select_related("project").first()
    if picture is not None:
        facts = {"name": picture.name, "pixels_sha256": picture.pixels_sha256}
        subject = f"picture:{picture.id}"
        return Holder(
            name=picture.name, subject=subject, chain=picture.project_id, project=picture.project, facts=facts
        )
    file = ModelFile.objects.select_related("project").get(rights=rights)
    facts = {"name": file.name, "sha256": file.sha256, "kind": file.kind}
    chain, subject = file.project_id or HOUSE_CHAIN, f"model_file:{file.id}"
    return Holder(name=file.name, subject=subject, chain=chain, project=file.project, facts=facts)


def declare(declaration: Declaration, *, actor: User) -> Rights:
    """Write down what a person says; it waits for somebody else's review. Raises Problem when it cannot be read."""
    rights = Rights(submitted_by=actor, **{"retrieved_at": timezone.now(), **declaration.values()})
    check_facts(rights)
    rights.save(force_insert=True)
    return rights


def check_facts(rights: Rights) -> None:
    """Raise Problem when the algebra cannot read the facts: an unknown time zone, release or the like."""
    try:
        facts_of(rights, kind="input_picture")
    except LicensingError as error:
        raise Problem(error.code, sentence(error.code, error.params)) from error


@transaction.atomic
def edit_rights(rights: Rights, *, actor: User, changes: Mapping[str, Any]) -> bool:
    """Change facts; what was cleared waits for review again, and counts at once. Return False when nothing changed.

    Raises Problem for rights that were refused or withdrawn: what is over is declared anew, not rewritten.
    """
    locked = lock(rights)
    if locked.state not in OPEN:
        raise Problem("rights_closed", _("These rights were refused or withdrawn. They stay as they are."), status=409)
    before = {name: getattr(locked, name) for name in changes if name in FACTS}
    changed = {name: value for name, value in changes.items() if name in before and before[name] != value}
    if not changed:
        return False
    for name, value in changed.items():
        setattr(locked, name, value)
    check_facts(locked)
    was = {name: before[name] for name in changed}
    was |= {"state": locked.state, "submitted_by_id": locked.submitted_by_id}
    move(
        locked,
        "assets.rights.edited",
        actor=actor,
        before=was,
        after={**changed, "state": Rights.State.PENDING, "submitted_by_id": actor.id},
    )
    rights.refresh_from_db()
    return True


@transaction.atomic
def clear_rights(thing: ModelFile | Picture, *, reviewer: User, seen: int | None = None, reason: str = "") -> Rights:
    """Clear declared rights, as a reviewer who did not submit them. Raises Problem otherwise.

    `seen` is the revision that the reviewer looked at; what was changed meanwhile is not cleared. What is in quarantine
    is cleared for a `reason` only, which is kept.
    """
    rights = thing.rights = lock(thing.rights)
    check_reviewer(rights, reviewer)
    check_seen(rights, seen)
    arrived = check_arrival(thing, reason)
    move(
        rights,
        "assets.rights.cleared",
        actor=reviewer,
        before={"state": rights.state},
        after={"state": Rights.State.CLEARED, "cleared_by_id": reviewer.id, "cleared_at": timezone.now()},
        kept=arrived,
    )
    thing.rights.refresh_from_db()
    return thing.rights


@transaction.atomic
def clear_alike(
    things: Sequence[ModelFile | Picture],
    *,
    reviewer: User,
    seen: Mapping[uuid.UUID, int] | None = None,
    reason: str = "",
) -> None:
    """Clear several things at once that say the same of licence and creator. Raises Problem, and clears none then.

    `seen` has the revisions that the reviewer looked at, by the id of the rights; `reason` is kept with those that are
    in quarantine.
    """
    said = {(each.rights.expression, each.rights.branch, each.rights.basis, each.rights.creator) for each in things}
    if len(said) > 1:
        message = _("Only things with the same licence and creator are cleared at once.")
        raise Problem("not_alike", message, status=409)
    for each in things:
        clear_rights(each, reviewer=reviewer, seen=(seen or {}).get(each.rights_id), reason=reason)


@transaction.atomic
def refuse_rights(thing: ModelFile | Picture, *, reviewer: User, reason: str, seen: int | None = None) -> Rights:
    """Refuse declared rights with a reason, as a reviewer who did not submit them. Raises Problem otherwise.

    `seen` is the revision that the reviewer looked at.
    """
    rights = lock(thing.rights)
    check_reviewer(rights, reviewer)
    check_seen(rights, seen)
    close(rights, "assets.rights.refused", Rights.State.REFUSED, actor=reviewer, reason=reason)
    thing.rights.refresh_from_db()
    return thing.rights


@transaction.atomic
def withdraw_rights(
    thing: ModelFile | Picture, *, actor: User, reason: str, touched: Mapping[str, int] | None = None
) -> Rights:
    """End the rights in a thing: everything that was made from it is closed from this moment on.

    `touched` counts by kind what that is, for the ledger. Raises Problem when there is nothing to end, or when the
    person may not.
    """
    rights = lock(thing.rights)
    if not may_review(actor, thing.project):
        message = _("Only a reviewer or owner withdraws material, and the house’s staff what everybody shares.")
        raise Problem("not_reviewer", message, status=403)
    if rights.state not in OPEN:
        raise Problem("rights_closed", _("These rights were refused or withdrawn already."), status=409)
    more = {"touched": dict(touched)} if touched is not None else {}
    close(rights, "assets.rights.withdrawn", Rights.State.WITHDRAWN, actor=actor, reason=reason, more=more)
    thing.rights.refresh_from_db()
    return thing.rights


def check_reviewer(rights: Rights, reviewer: User) -> None:
    """Raise Problem unless this person may decide about what another one submitted, and it waits."""
    if not may_review(reviewer, holder_of(rights).project):
        message = _("Only a reviewer or owner clears rights, and the house’s staff those that everybody shares.")
        raise Problem("not_reviewer", message, status=403)
    if reviewer.id in declarers_of(rights):
        raise Problem("four_eyes", _("Nobody clears what they submitted. Ask another reviewer."), status=409)
    if rights.state != Rights.State.PENDING:
        raise Problem("not_pending", _("These rights do not wait for review any more."), status=409)


def check_seen(rights: Rights, seen: int | None) -> None:
    """Raise Problem when rights are no longer those that somebody looked at."""
    if seen is not None and seen != rights.revision:
        message = _("Somebody changed these rights meanwhile. Look at them again before you decide.")
        raise Problem("changed_meanwhile", message, status=409)


def declarers_of(rights: Rights) -> set[Any]:
    """Return who has a share in what is declared now: the first to submit it, and all who edited it since a review."""
    cleared = rights.changes.filter(event="assets.rights.cleared").aggregate(last=Max("id"))["last"] or 0
    edits = list(rights.changes.filter(event="assets.rights.edited", id__gt=cleared))
    earlier = {uuid.UUID(edit.before["submitted_by_id"]) for edit in edits if edit.before.get("submitted_by_id")}
    before_review = earlier if not cleared else set()
    return {rights.submitted_by_id, *(edit.made_by_id for edit in edits), *before_review}


def may_review(user: User, project: Project | None) -> bool:
    """Say whether a person reviews for the project; what the whole house shares is for its staff to judge."""
    if project is None:
        return user.is_staff
    return Membership.objects.filter(user=user, project=project, role__in=Role.at_least(Role.REVIEWER)).exists()


def close(
    rights: Rights, event: str, state: str, *, actor: User, reason: str, more: Mapping[str, Any] | None = None
) -> None:
    """Move rights to a state that has no way back, with the reason; the ledger says `more`."""
    text = " ".join(reason.split())[:500]
    if not text:
        message = _("Say why, so that others understand it later.")
        raise Problem("reason_missing", message, fields={"reason": message})
    after = {"state": state, "closed_by_id": actor.id, "closed_at": timezone.now(), "closed_reason": text}
    move(rights, event, actor=actor, before={"state": rights.state}, after=after, more=more)


def lock(rights: Rights) -> Rights:
    """Return the row under a lock, as it is now, once no other transaction changes rights."""
    RightsChange.take_turn()
    return Rights.objects.select_for_update().get(pk=rights.pk)


def move(
    rights: Rights,
    event: str,
    *,
    actor: User,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
) -> None:
    """Write new values, the change, and the ledger's entry, which says `more`, in the running transaction.

    `kept` is no fact of the rights, and stands in the change and in the ledger.
    """
    Rights.objects.filter(pk=rights.pk).update(**after, revision=F("revision") + 1)
    rights.refresh_from_db()
    plain = {name: as_plain(value) for name, value in after.items()}
    RightsChange.objects.create(
        rights=rights,
        revision=rights.revision,
        event=event,
        before={name: as_plain(value) for name, value in before.items()},
        after={**plain, **(kept or {})},
        made_by=actor,
    )
    said = {name: value for name, value in plain.items() if not name.endswith("_by_id")}
    write_entry(rights, event, actor, {**said, **(kept or {}), **(more or {})})


def write_entry(rights: Rights, event: str, actor: User, said: Mapping[str, Any]) -> None:
    """Write what happened to rights into the ledger of the thing that has them."""
    holder = holder_of(rights)
    payload = {**holder.facts, "expression": rights.expression, "revision": rights.revision, **said}
    append(holder.chain, event, actor=actor_hash(actor.id), subject=holder.subject, payload=payload)


def as_plain(value: Any) -> Any:
    """Return a value as JSON keeps it."""
    if value is None or isinstance(value, str | int | list | dict):
        return value
    return DjangoJSONEncoder().default(value)
