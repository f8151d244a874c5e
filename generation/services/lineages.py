"""What pictures are made from, what is made from a thing, and which pictures a gate lets through now."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from assets.licensing import Action, Verdict
from assets.models import (
    DatasetVersion,
    DatasetVersionItem,
    ModelFile,
    ModelSource,
    Picture,
    PictureSource,
    RightsChange,
    Waiver,
)
from assets.services.decisions import Sources, decide_about, latest_change, waivers_of
from assets.services.watches import circumstances_of, next_moment, waivers_in
from jobs.models import LIVE
from projects.models import Project
from training.models import TrainingRun

from ..models import Generation, Lineage, LineageFile, Output

ASKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Descendants:
    """Everything that was made from one thing in a project: what stands to be closed when it is withdrawn."""

    versions: Sequence[DatasetVersion]
    files: Sequence[ModelFile]
    lineages: Sequence[int]
    outputs: QuerySet[Output]
    trainings: QuerySet[TrainingRun]

    @property
    def live(self) -> QuerySet[Generation]:
        """Return the jobs that wait or run."""
        return Generation.objects.filter(lineage__in=self.lineages, status__in=LIVE)

    @property
    def live_trainings(self) -> QuerySet[TrainingRun]:
        """Return the trainings that wait or run."""
        return self.trainings.filter(status__in=LIVE)


@dataclass(slots=True, kw_only=True)
class Verdicts:
    """What one gate says of a project's lineages, as far as it was asked; `change` is the newest change it knows."""

    change: int
    context: str
    by_lineage: dict[int, Verdict] = field(default_factory=dict)
    holds_until: dict[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether pictures of a lineage may be published now, and the moment at which that may change by time alone."""

    is_open: bool
    until: datetime | None


def lineage_for(project: Project, files: Iterable[ModelFile]) -> Lineage:
    """Return the project's lineage of exactly these files, making it the first time."""
    rows = {file.id: file for file in files}
    lineage, made = Lineage.objects.get_or_create(project=project, key=key_of(rows))
    if made:
        LineageFile.objects.bulk_create([LineageFile(lineage=lineage, file=file) for file in rows.values()])
    return lineage


def key_of(file_ids: Iterable[UUID]) -> str:
    """Return the identity of files that are used together, in any order."""
    return hashlib.sha256("\n".join(sorted(file_id.hex for file_id in file_ids)).encode()).hexdigest()


def descendants_of(thing: Picture | ModelFile, project: Project | None) -> Descendants:
    """Follow the stored edges down from a picture or a model file, to this project's outputs; None means all.

    An output that came back as a picture to learn from is on the way: through it to the versions that hold it, and to
    what was trained on these.
    """
    if isinstance(thing, Picture):
        start = ModelFile.objects.filter(sources__dataset_version__items__picture=thing)
    else:
        start = ModelFile.objects.filter(id=thing.id)
    files = files_below(start)
    scope = {"project": project} if project else {}
    versions = versions_below(thing, files, project)
    found = Lineage.objects.filter(files__file__in=files, **scope)
    lineages = list(found.order_by("id").values_list("id", flat=True).distinct())
    outputs = Output.objects.filter(lineage__in=lineages, **scope)
    learns = Q(dataset_version__in=versions) | Q(base_model__in=files) | Q(vae__in=files)
    trainings = TrainingRun.objects.filter(learns, **scope)
    return Descendants(versions=versions, files=files, lineages=lineages, outputs=outputs, trainings=trainings)


def versions_below(
    thing: Picture | ModelFile, files: Sequence[ModelFile], project: Project | None
) -> list[DatasetVersion]:
    """Return a project's versions that hold a picture, or pictures that were made with one of these files."""
    found = PictureSource.objects.filter(file__in=files).values("picture")
    held = Q(picture__in=found) | Q(picture=thing) if isinstance(thing, Picture) else Q(picture__in=found)
    rows = DatasetVersion.objects.filter(id__in=DatasetVersionItem.objects.filter(held).values("version"))
    rows = rows.filter(dataset__project=project) if project else rows
    return list(rows.select_related("dataset__project", "created_by"))


def files_below(start: QuerySet[ModelFile]) -> list[ModelFile]:
    """Return model files and everything that was derived or merged from them, or trained on what they made."""
    found = {file.id: file for file in start.distinct()}
    waiting = list(found)
    while waiting:
        made = PictureSource.objects.filter(file__in=waiting).values("picture")
        versions = DatasetVersionItem.objects.filter(picture__in=made).values("version")
        edges = ModelSource.objects.filter(Q(file__in=waiting) | Q(dataset_version__in=versions))
        products = ModelFile.objects.filter(id__in=edges.values("product")).exclude(id__in=found)
        new = {file.id: file for file in products}
        found |= new
        waiting = list(new)
    return sorted(found.values(), key=lambda file: (file.name, str(file.id)))


def lineages_touched(project: Project, since: int) -> set[int]:
    """Return the lineages below anything whose rights changed after this number."""
    changed = RightsChange.objects.filter(id__gt=since).values("rights")
    start = ModelFile.objects.filter(rights__in=changed) | ModelFile.objects.filter(
        id__in=ModelSource.objects.filter(dataset_version__items__picture__rights__in=changed).values("product")
    )
    files = files_below(start)
    return set(Lineage.objects.filter(project=project, files__file__in=files).values_list("id", flat=True))


_kept: dict[tuple[UUID, Action], Verdicts] = {}
_lock = Lock()


def verdicts_now(project: Project, action: Action, only: Collection[int] | None = None) -> Mapping[int, Verdict]:
    """Return what a gate says of each of the project's lineages at this moment, in the project's circumstances.

    With `only` no other lineages than those are asked about. Answers are kept in memory, and asked anew below
    everything whose rights changed since, where a term has begun or ended meanwhile, and for all when the project means
    to do something else.
    """
    return verdicts_in({project: only}, action)


def verdicts_in(wanted: Mapping[Project, Collection[int] | None], action: Action) -> Mapping[int, Verdict]:
    """Do as `verdicts_now` for lineages of several projects, with no more queries than for one while all is known."""
    moment, found = timezone.now(), dict[int, Verdict]()
    if not wanted:
        return found
    with _lock:
        newest, waivers = latest_change(), waivers_in(wanted)
        for project, only in wanted.items():
            kept = kept_for(project, action, newest, circumstances_of(project, waivers[project.id]))
            forget(kept, {each for each, end in kept.holds_until.items() if end <= moment})
            ask_missing(project, action, kept, moment, only)
            known = kept.by_lineage
            found |= known if only is None else {each: known[each] for each in only if each in known}
    return found


def kept_for(project: Project, action: Action, newest: int, circumstances: str) -> Verdicts:
    """Return the answers in memory that still hold after every change up to the newest."""
    kept = _kept.get((project.id, action))
    if kept is None or kept.context != circumstances:
        kept = _kept[project.id, action] = Verdicts(change=newest, context=circumstances)
    elif kept.change != newest:
        forget(kept, lineages_touched(project, kept.change))
        kept.change = newest
    return kept


def standing_of(project: Project, lineage_id: int | None) -> Standing:
    """Return whether pictures of a lineage may be published now, and until when that answer holds at the longest."""
    if lineage_id is None:
        return Standing(is_open=False, until=None)
    verdicts_now(project, Action.PUBLISH, {lineage_id})
    with _lock:
        # Both together: what another thread has forgotten meanwhile counts as closed.
        kept = _kept[project.id, Action.PUBLISH]
        verdict, until = kept.by_lineage.get(lineage_id), kept.holds_until.get(lineage_id)
    return Standing(is_open=verdict is Verdict.ALLOW, until=until)


def closed_lineages(outputs: Iterable[Output]) -> set[int | None]:
    """Return the lineages of pictures, whose projects were read, that may not be published now.

    None is always among them: what nobody knows the making of.
    """
    wanted: dict[Project, set[int]] = defaultdict(set)
    for output in outputs:
        if output.lineage_id is not None:
            wanted[output.project].add(output.lineage_id)
    verdicts = verdicts_in(wanted, Action.PUBLISH)
    return {None, *(each for each, verdict in verdicts.items() if verdict is not Verdict.ALLOW)}


def forget(kept: Verdicts, lineages: Iterable[int]) -> None:
    """Drop answers that must be asked anew."""
    for each in lineages:
        kept.by_lineage.pop(each, None)
        kept.holds_until.pop(each, None)


def ask_missing(
    project: Project, action: Action, kept: Verdicts, moment: datetime, only: Collection[int] | None
) -> None:
    """Ask the gate about every lineage that has no answer, some at a time, so that memory stays small."""
    if only is not None and kept.by_lineage.keys() >= set(only):
        return
    rows = Lineage.objects.filter(project=project, **({} if only is None else {"id__in": only}))
    known = rows.order_by("id").values_list("id", flat=True)
    missing = [each for each in known if each not in kept.by_lineage]
    waivers = waivers_of(project, action) if missing else []
    for start in range(0, len(missing), ASKED_AT_ONCE):
        ask_some(project, action, kept, moment, missing[start : start + ASKED_AT_ONCE], waivers)


def ask_some(
    project: Project,
    action: Action,
    kept: Verdicts,
    moment: datetime,
    lineages: Sequence[int],
    waivers: Sequence[Waiver],
) -> None:
    """Ask about these lineages, and keep the answers with the moment until which they hold."""
    asked: dict[int, list[ModelFile]] = {each: [] for each in lineages}
    links = list(LineageFile.objects.filter(lineage__in=lineages).select_related("file__rights__evidence"))
    for link in links:
        asked[link.lineage_id].append(link.file)
    sources = Sources({link.file_id: link.file for link in links}.values())
    for lineage_id, files in asked.items():
        decision = decide_about(project, action, sources.inputs_of(files), at=moment, waivers=waivers)
        kept.by_lineage[lineage_id] = decision.verdict
        end = next_moment(decision, waivers, moment)
        if end is not None:
            kept.holds_until[lineage_id] = end


def publishable(rows: QuerySet[Output], project: Project, *, wanted: bool = True) -> QuerySet[Output]:
    """Keep pictures that may be published now in the project's circumstances, or with `wanted=False` the others.

    What nobody knows the making of is among the others.
    """
    verdicts = verdicts_now(project, Action.PUBLISH)
    open_ones = [each for each, verdict in verdicts.items() if verdict is Verdict.ALLOW]
    closed = [each for each in verdicts if verdicts[each] is not Verdict.ALLOW]
    if not wanted:
        return rows.filter(Q(lineage__in=closed) | Q(lineage=None))
    if len(closed) < len(open_ones):
        return rows.exclude(lineage__in=closed).exclude(lineage=None)
    return rows.filter(lineage__in=open_ones)
