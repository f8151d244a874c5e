"""What the review's room shows: what waits and for whom, one thing in focus, and what Home says about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.access import reviewed_among
from projects.models import Membership, Project, User

from . import licensing
from .library import QUESTIONS as MODEL_QUESTIONS
from .library import Answer, answer_of
from .licensing import Action, Edge
from .models import ModelFile, OwnLicense, Picture, Rights, Waiver
from .rights_facts import Fact, claims_of_rights, facts_of_rights, license_label
from .sentences import sentence
from .services import decide_about
from .services.decisions import Sources, inputs_about, waivers_of
from .services.ingest import quarantine_of
from .services.pictures import claims_notices

MAX_ALIKE = 60
MAX_THINGS = 200
MAX_MINE = 50
WARN_DAYS = (7, 30, 90)
# What clearing a picture would allow: the question, the gate, what the picture is then, and how it gets there.
PICTURE_QUESTIONS: tuple[tuple[Any, Action, str, Edge | None], ...] = (
    (_("Train on it"), Action.TRAIN, "training_picture", None),
    (_("Generate from it"), Action.GENERATE, "input_picture", None),
    (_("Publish what is made from it"), Action.PUBLISH, "input_picture", None),
    (_("Publish it unchanged"), Action.PUBLISH, "input_picture", Edge.ITSELF),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A picture or model file with its rights, as every list of the review names it.

    `query` names it in addresses of rooms that are about a thing: "picture=…" or "model=…".
    """

    rights: Rights
    holder: Picture | ModelFile
    kind: Any
    license: str
    url: str
    thumbnail: str
    query: str

    @property
    def name(self) -> str:
        """Return what the thing is called."""
        return str(self.holder)

    @property
    def is_picture(self) -> bool:
        """Is there something to look at?"""
        return isinstance(self.holder, Picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """One thing that waits, with everything that a reviewer decides by, and what else says the very same."""

    thing: Thing
    facts: Sequence[Fact]
    claims: Sequence[Fact]
    notices: Sequence[str]
    quarantine: Sequence[str]
    answers: Sequence[Answer]
    owed: Sequence[str]
    alike: Sequence[Thing]
    alike_count: int
    place: int
    previous: Rights | None
    following: Rights | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What needs a person in one project: a count, the first name of it, and where to look.

    `within` is the smallest of WARN_DAYS for licences that end, 0 for those that have ended, None for what waits.
    """

    project: Project
    count: int
    name: str
    url: str
    within: int | None = None
    is_waiver: bool = False
    is_license: bool = False
    is_promotion: bool = False

    @property
    def others(self) -> int:
        """Return how many there are besides the named one."""
        return self.count - 1


def rights_in(project: Project, *, with_removed: bool = False) -> QuerySet[Rights]:
    """Return the rights in a project's pictures and in the models that it can use; those taken out on request."""
    pictures = Q(picture__project=project)
    files = Q(model_file__isnull=False) & (Q(model_file__project=project) | Q(model_file__project=None))
    rows = Rights.objects.filter(pictures | files)
    if not with_removed:
        rows = rows.filter(picture__removed_at=None, model_file__removed_at=None)
    return rows.select_related("picture__project", "model_file", "evidence", "submitted_by", "closed_by")


def revisions_in(values: Iterable[str], limit: int = MAX_THINGS) -> dict[UUID, int]:
    """Return the revisions that a page showed, by the id of the rights; what is none is passed over."""
    found = {}
    for text in list(values)[:limit]:
        name, _at, revision = text.partition("@")
        if (ids := ids_in([name])) and revision.isascii() and revision.isdecimal():
            found[ids[0]] = int(revision[:9])
    return found


def ids_in(values: Iterable[str], limit: int = MAX_THINGS) -> list[UUID]:
    """Return the ids among the first texts, each once; what is no id is passed over."""
    found: list[UUID] = []
    for text in list(values)[:limit]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def get_chosen(project: Project, ids: Sequence[UUID]) -> list[Rights]:
    """Return all of some rights, in order. Raises Http404 when one is not there."""
    found = {each.id: each for each in rights_in(project).filter(id__in=ids)}
    if len(found) < len(ids):
        raise Http404
    return [found[each] for each in ids]


def get_thing(project: Project, *, picture: Any = None, model: Any = None, with_removed: bool = False) -> Thing:
    """Return one picture of the project, or one model that it can use. Raises Http404."""
    wanted = Q(picture=picture) if picture else Q(model_file=model)
    rights = rights_in(project, with_removed=with_removed).filter(wanted).first()
    if rights is None:
        raise Http404
    return thing_of(project, rights)


def holder_in(rights: Rights) -> Picture | ModelFile:
    """Return the thing of rights that were read with it."""
    picture: Picture | None = getattr(rights, "picture", None)
    return rights.model_file if picture is None else picture


def thing_of(project: Project, rights: Rights) -> Thing:
    """Return the thing as lists name it."""
    holder = holder_in(rights)
    is_picture = isinstance(holder, Picture)
    view, word = ("material", "picture") if is_picture else ("model_file", "model")
    return Thing(
        rights=rights,
        holder=holder,
        kind=_("Picture") if is_picture else holder.get_kind_display(),
        license=license_label(rights),
        url=reverse(view, args=[project.slug, holder.id]),
        thumbnail=reverse("material_thumbnail", args=[project.slug, holder.id]) if is_picture else "",
        query=f"{word}={holder.id}",
    )


def find_things(project: Project, text: str, limit: int = 12) -> list[Thing]:
    """Return things whose name, title or creator holds these very characters, models first."""
    wanted = text.strip()
    if not wanted:
        return []
    said = Q(title__icontains=wanted) | Q(creator__icontains=wanted)
    named = Q(picture__name__icontains=wanted) | Q(model_file__name__icontains=wanted)
    rows = (
        rights_in(project)
        .filter(said | named)
        .order_by(F("model_file__name").asc(nulls_last=True), "-picture__added_at")
    )
    return [thing_of(project, each) for each in rows[:limit]]


def in_order(rows: QuerySet[Rights]) -> QuerySet[Rights]:
    """Put what came first first."""
    at = Coalesce("picture__added_at", "model_file__registered_at")
    return rows.annotate(at=at).order_by("at", "id")


def queue_of(user: User, project: Project) -> QuerySet[Rights]:
    """Return what waits for this person's review: pending, and submitted by somebody else."""
    pending = in_order(rights_in(project)).filter(state=Rights.State.PENDING)
    return judged_by(user, pending.filter(~Q(submitted_by=user) | Q(submitted_by=None)))


def judged_by(user: User, rows: QuerySet[Rights]) -> QuerySet[Rights]:
    """Leave out models that the whole house shares, unless the person is one of its staff."""
    return rows if user.is_staff else rows.exclude(model_file__isnull=False, model_file__project=None)


def own_of(user: User, project: Project) -> QuerySet[Rights]:
    """Return what this person submitted and somebody else has to look at."""
    return in_order(rights_in(project)).filter(state=Rights.State.PENDING, submitted_by=user)


def after(rows: QuerySet[Rights], rights: Rights) -> QuerySet[Rights]:
    """Keep what comes after rights that were read in order."""
    return rows.filter(Q(at__gt=rights.at) | Q(at=rights.at, id__gt=rights.id))


def before(rows: QuerySet[Rights], rights: Rights) -> QuerySet[Rights]:
    """Keep what comes before rights that were read in order, the nearest first."""
    return rows.filter(Q(at__lt=rights.at) | Q(at=rights.at, id__lt=rights.id)).order_by("-at", "-id")


def next_after(queue: QuerySet[Rights], project: Project, rights_id: Any) -> Rights | None:
    """Return what comes after rights that may have left the queue meanwhile, else its beginning."""
    passed = in_order(rights_in(project)).filter(id=rights_id).first()
    return (after(queue, passed).first() if passed else None) or queue.first()


def focus_on(project: Project, queue: QuerySet[Rights], rights: Rights) -> Focus:
    """Return everything that a reviewer decides by."""
    thing = thing_of(project, rights)
    alike, earlier, answers = alike_in(queue, rights), before(queue, rights), answers_if_cleared(project, thing)
    return Focus(
        thing=thing,
        facts=facts_of_rights(rights),
        claims=claims_of_rights(rights),
        notices=[sentence(each["code"], each["params"]) for each in notices_of(thing)],
        quarantine=quarantine_of(thing.holder),
        answers=answers,
        owed=list(dict.fromkeys(line for each in answers for line in each.owed)),
        alike=[thing_of(project, each) for each in alike[:MAX_ALIKE]],
        alike_count=alike.count(),
        place=earlier.count() + 1,
        previous=earlier.first(),
        following=after(queue, rights).first(),
    )


def alike_in(queue: QuerySet[Rights], rights: Rights) -> QuerySet[Rights]:
    """Return what else waits under the same licence by the same creator."""
    same = {name: getattr(rights, name) for name in ("expression", "branch", "basis", "creator")}
    return queue.filter(**same).exclude(id=rights.id)


def notices_of(thing: Thing) -> list[dict[str, Any]]:
    """Return where a picture's file contradicts what was declared."""
    return claims_notices(thing.holder) if isinstance(thing.holder, Picture) else []


def answers_if_cleared(project: Project, thing: Thing) -> list[Answer]:
    """Return what clearing these rights would allow, in the project's own circumstances."""
    waivers = waivers_of(project, *Action)
    return [
        answer_of(question, decide_about(project, gate, inputs, waivers=waivers, **changes))
        for question, gate, inputs, changes in questions_about(thing)
    ]


def questions_about(thing: Thing) -> list[tuple[Any, Action, list[licensing.Input], Mapping[str, Any]]]:
    """Return each question about a thing: its words, its gate, its inputs as if cleared, its circumstances."""
    if isinstance(thing.holder, Picture):
        asked = [
            (words, gate, inputs_about(gate, [thing.holder], kind, edge=edge))
            for words, gate, kind, edge in PICTURE_QUESTIONS
        ]
        return [(words, gate, [as_if_cleared(each, thing) for each in inputs], {}) for words, gate, inputs in asked]
    inputs = [as_if_cleared(each, thing) for each in Sources([thing.holder]).inputs_of([thing.holder])]
    return [(words, gate, inputs, changes) for words, gate, changes in MODEL_QUESTIONS]


def as_if_cleared(given: licensing.Input, thing: Thing) -> licensing.Input:
    """Return an input as it would be if a reviewer cleared the thing; what it was made from stays as it is."""
    if given.ref != str(thing.rights.id):
        return given
    return replace(given, facts=replace(given.facts, state=Rights.State.CLEARED.value))


def alerts_of(user: User, memberships: Mapping[UUID, Membership]) -> list[Alert]:
    """Return what needs a person, over all their projects: licences that end in 7, 30 or 90 days, then reviews."""
    if not memberships:
        return []
    reviewed = reviewed_among(memberships)
    return [*ending_alerts(memberships), *(review_alerts(user, reviewed) if reviewed else ())]


def ending_alerts(memberships: Mapping[UUID, Membership]) -> list[Alert]:
    """Return the licences that end soon or have ended, counted by project and nearness."""
    now = timezone.now()
    classes = [When(expires_at__lte=now + timedelta(days=days), then=Value(days)) for days in WARN_DAYS]
    nearness = Case(When(expires_at__lte=now, then=Value(0)), *classes, output_field=IntegerField())
    rows = rights_of_many(memberships).filter(expires_at__lte=now + timedelta(days=WARN_DAYS[-1]))
    rows = rows.exclude(state__in=(Rights.State.REFUSED, Rights.State.WITHDRAWN))
    found = rows.annotate(within=nearness).values("home", "within").annotate(count=Count("id"), name=Min("called"))
    return [alert_of(memberships, row.pop("home"), "expiries", **row) for row in found.order_by("within", "name")]


def review_alerts(user: User, memberships: Mapping[UUID, Membership]) -> list[Alert]:
    """Return what waits for this person's review or approval, counted by project."""
    pending = rights_of_many(memberships).filter(state=Rights.State.PENDING)
    pending = judged_by(user, pending.filter(~Q(submitted_by=user) | Q(submitted_by=None)))
    rights = pending.values("home").annotate(count=Count("id"), name=Min("called")).order_by("name")
    open_ones = Waiver.objects.filter(project__in=memberships, approved_at=None, revoked_at=None)
    waivers = open_ones.exclude(requested_by=user).filter(expires_at__gt=timezone.now())
    asked = waivers.order_by().values("project").annotate(count=Count("id"), name=Min("reason"))
    written = OwnLicense.objects.filter(project__in=memberships, approved_at=None, ended_at=None)
    written = written.exclude(written_by=user).order_by().values("project")
    licenses = written.annotate(count=Count("id"), name=Min("license_id"))
    return [
        *(alert_of(memberships, row.pop("home"), "review", **row) for row in rights),
        *(alert_of(memberships, row.pop("project"), "waivers", is_waiver=True, **row) for row in asked),
        *(alert_of(memberships, row.pop("project"), "licenses", is_license=True, **row) for row in licenses),
    ]


def rights_of_many(memberships: Mapping[UUID, Membership]) -> QuerySet[Rights]:
    """Return rights in things of projects and of the house, with `home` (the project) and `called` (the name)."""
    pictures = Q(picture__project__in=memberships, picture__removed_at=None)
    ours = Q(model_file__project__in=memberships) | Q(model_file__project=None)
    files = Q(model_file__isnull=False, model_file__removed_at=None) & ours
    return Rights.objects.filter(pictures | files).annotate(
        home=Coalesce("picture__project", "model_file__project"),
        called=Coalesce("picture__name", "model_file__name"),
    )


def alert_of(memberships: Mapping[UUID, Membership], home: UUID | None, view: str, **values: Any) -> Alert:
    """Return an alert; what belongs to the whole house is shown in the person's newest project."""
    membership = memberships[home] if home else next(iter(memberships.values()))
    return Alert(project=membership.project, url=reverse(view, args=[membership.project.slug]), **values)
