"""What the room of promotions shows: which wait for whom, against which version in production, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, QuerySet
from django.urls import reverse
from django.utils.translation import ngettext

from assets.library import Answer, answer_of
from assets.licensing import Action
from assets.review_pages import Alert
from assets.waiting import Waiting
from projects.access import reviewed_among
from projects.models import Membership, Project, User

from .adapter_list import VERSIONS, Picture
from .adapter_pages import Line, lines_of, strip_for
from .gates import decide_version
from .models import AdapterAlias, Promotion

DECIDED_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two versions side by side, with the pictures that its run has drawn."""

    line: Line
    strip: Sequence[Picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One promotion that waits: what would come into production, and what is there now."""

    promotion: Promotion
    is_own: bool
    wanted: Side
    now: Side | None
    answer: Answer


def promotions_in(project: Project) -> QuerySet[Promotion]:
    """Return a project's promotions with who asked and who decided."""
    rows = Promotion.objects.filter(adapter__project=project)
    return rows.select_related("adapter__project", "version__adapter__project", "asked_by", "decided_by")


def wishes_of(user: User, project: Project) -> list[Wish]:
    """Return what waits for a decision, oldest first."""
    rows = list(promotions_in(project).filter(decided_at=None).order_by("asked_at"))
    return [wish_of(user, project, each) for each in rows]


def wish_of(user: User, project: Project, promotion: Promotion) -> Wish:
    """Return one promotion with both versions side by side, and the gate's answer of now."""
    adapter = promotion.adapter
    aliases = list(adapter.aliases.all())
    production = next((each for each in aliases if each.name == AdapterAlias.Name.PRODUCTION), None)
    ids = [promotion.version_id, *([production.version_id] if production else [])]
    versions = {each.id: each for each in VERSIONS.filter(id__in=ids).select_related("created_by")}
    sides = {each.version.id: each for each in lines_of(project, adapter, list(versions.values()), aliases)}
    wanted = sides[promotion.version_id]
    return Wish(
        promotion=promotion,
        is_own=promotion.asked_by_id == user.id,
        wanted=Side(line=wanted, strip=strip_for(project, wanted.version)),
        now=side_of(project, sides.get(production.version_id)) if production else None,
        answer=answer_of("", decide_version(promotion.version, Action.GENERATE)),
    )


def side_of(project: Project, line: Line | None) -> Side | None:
    """Return a version as a side."""
    return Side(line=line, strip=strip_for(project, line.version)) if line else None


def decided_of(project: Project) -> list[Promotion]:
    """Return the promotions that were decided last."""
    return list(promotions_in(project).exclude(decided_at=None).order_by("-decided_at")[:DECIDED_SHOWN])


def waiting_for_others(user: User) -> QuerySet[Promotion]:
    """Return what waits for a decision that this person may take: they did not ask for it."""
    return Promotion.objects.filter(decided_at=None).exclude(asked_by=user)


def count_waiting(user: User, project: Project) -> int:
    """Count the promotions that wait for this person's decision."""
    return waiting_for_others(user).filter(adapter__project=project).count()


def waiting_promotions(user: User, project: Project) -> Waiting | None:
    """Say in the review's room how many promotions wait."""
    count = count_waiting(user, project)
    if not count:
        return None
    said = ngettext(
        "%(count)d version waits to become production.", "%(count)d versions wait to become production.", count
    )
    return Waiting(sentence=said % {"count": count}, url=reverse("promotions", args=[project.slug]))


def promotion_alerts(user: User, memberships: Mapping[UUID, Membership]) -> list[Alert]:
    """Return what waits for a person over all projects that they review, counted by project."""
    reviewed = reviewed_among(memberships)
    if not reviewed:
        return []
    rows = waiting_for_others(user).filter(adapter__project__in=reviewed).order_by().values("adapter__project")
    found = rows.annotate(count=Count("id"), name=Min("adapter__name")).order_by("name")
    return [alert_of(memberships, row) for row in found]


def alert_of(memberships: Mapping[UUID, Membership], row: Mapping[str, Any]) -> Alert:
    """Return one project's waiting promotions as Home names them."""
    project = memberships[row["adapter__project"]].project
    url = reverse("promotions", args=[project.slug])
    return Alert(project=project, count=row["count"], name=row["name"], url=url, is_promotion=True)
