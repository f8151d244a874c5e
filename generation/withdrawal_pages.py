"""What a withdrawal touches: before it happens and after, as a page, as a report, and as a flag on a picture."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from assets.licensing import Decision
from assets.models import DatasetVersion, ModelFile, Rights
from assets.review_pages import Thing, rights_in, thing_of
from assets.services import HOUSE_CHAIN
from ledger.models import Entry
from projects.models import Project
from training.models import TrainingRun

from .models import Generation, Output
from .services.lineages import Descendants, descendants_of
from .services.withdrawals import count_touched

NEWEST_SHOWN = 12
MAX_LISTED = 200
CHUNK = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
OUTPUT_FIELDS = ("id", "project_id", "generation_id", "seed", "spec", "pixels_sha256", "created_at", "ledger_seq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One touched thing in a report: `ledger` is its number in the project's chain, or the house's for shared files."""

    kind: str
    id: str
    name: str
    sha256: str
    made_by: str
    made_at: str
    ledger: int | None


COLUMNS = tuple(each.name for each in fields(Row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """Everything in a project that a thing's withdrawal touches, and how much elsewhere in the house."""

    thing: Thing
    found: Descendants
    versions: Sequence[DatasetVersion]
    files: Sequence[ModelFile]
    jobs: Sequence[Generation]
    trainings: Sequence[TrainingRun]
    counts: Mapping[str, int]
    elsewhere: Mapping[str, int]

    @property
    def is_withdrawn(self) -> bool:
        """Has it happened?"""
        return bool(self.thing.rights.state == Rights.State.WITHDRAWN)

    @property
    def is_closed(self) -> bool:
        """Is there nothing left to withdraw?"""
        return self.thing.rights.state in (Rights.State.WITHDRAWN, Rights.State.REFUSED)

    @property
    def is_empty(self) -> bool:
        """Is nothing touched, here or elsewhere?"""
        return not any((*self.counts.values(), *self.elsewhere.values()))

    def newest(self) -> list[Output]:
        """Return the newest pictures for a look."""
        return list(shown(self.found.outputs).order_by("-created_at", "-id")[:NEWEST_SHOWN])


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """One thing below a picture whose rights were withdrawn: when, why, and where the report is."""

    thing: Thing
    at: datetime | None
    reason: str
    report: str


def blast_of(project: Project, thing: Thing) -> Blast:
    """Return what withdrawing a thing touches, or has touched, as this project may see it."""
    found, holder = descendants_of(thing.holder, project), thing.holder
    files = [file for file in found.files if file != holder and file.project_id in (None, project.id)]
    jobs, trainings = jobs_of(found, thing.rights), trainings_of(found, thing.rights)
    counts = count_touched(found, holder) | {"model_files": len(files), "jobs": jobs.count() + trainings.count()}
    return Blast(
        thing=thing,
        found=found,
        versions=found.versions,
        files=files,
        jobs=list(jobs[:MAX_LISTED]),
        trainings=list(trainings[:MAX_LISTED]),
        counts=counts,
        elsewhere=count_elsewhere(thing, project),
    )


def jobs_of(found: Descendants, rights: Rights) -> QuerySet[Generation]:
    """Return the jobs that wait or run, and those that the withdrawal has stopped."""
    rows = found.live
    if rights.closed_at is not None:
        stopped = Generation.objects.filter(
            lineage__in=found.lineages, status=Generation.Status.BLOCKED, finished_at__gte=rights.closed_at
        )
        rows = rows | stopped
    return rows.select_related("requested_by").order_by("-queued_at", "id")


def trainings_of(found: Descendants, rights: Rights) -> QuerySet[TrainingRun]:
    """Return the trainings that wait or run, and those that the withdrawal has stopped."""
    rows = found.live_trainings
    if rights.closed_at is not None:
        rows = rows | found.trainings.filter(status=TrainingRun.Status.BLOCKED, finished_at__gte=rights.closed_at)
    return rows.select_related("requested_by").order_by("-queued_at", "id")


def count_elsewhere(thing: Thing, project: Project) -> dict[str, int]:
    """Count what a model that the whole house shares touches in other projects; nothing of it is named here."""
    if thing.holder.project_id is not None:
        return {}
    everywhere = descendants_of(thing.holder, None)
    files = [file for file in everywhere.files if file.project_id not in (None, project.id)]
    return {"model_files": len(files), "pictures": everywhere.outputs.exclude(project=project).count()}


def shown(rows: QuerySet[Output]) -> QuerySet[Output]:
    """Return pictures with what lists and reports show of them, and nothing that is long."""
    return rows.select_related("generation__requested_by").only(
        *OUTPUT_FIELDS, "generation__requested_by__name", "generation__requested_by__email"
    )


def rows_of(blast: Blast) -> Iterator[Row]:
    """Yield one row for each touched thing: versions, model files, pictures from the newest on, jobs."""
    yield from map(version_row, blast.versions)
    numbers = ledger_numbers(f"model_file:{each.id}" for each in blast.files)
    files = ModelFile.objects.filter(id__in=[each.id for each in blast.files]).select_related("rights__submitted_by")
    yield from (file_row(each, numbers) for each in files)
    outputs = shown(blast.found.outputs).order_by("-created_at", "-id")
    yield from map(output_row, outputs.iterator(chunk_size=CHUNK))
    numbers = ledger_numbers(f"generation:{each.id}" for each in blast.jobs)
    yield from (job_row(each, f"generation:{each.id}", numbers) for each in blast.jobs)
    numbers = ledger_numbers(f"training_run:{each.id}" for each in blast.trainings)
    yield from (job_row(each, f"training_run:{each.id}", numbers) for each in blast.trainings)


def ledger_numbers(subjects: Iterator[str]) -> dict[str, int]:
    """Return the number of the first entry about each subject."""
    found = Entry.objects.filter(subject__in=list(subjects)).order_by("-seq").values_list("subject", "seq")
    return dict(found)


def version_row(version: DatasetVersion) -> Row:
    """Return a dataset's version as a row."""
    return Row(
        kind="dataset_version",
        id=str(version.id),
        name=str(version),
        sha256=version.manifest_sha256,
        made_by=str(version.created_by),
        made_at=version.created_at.isoformat(),
        ledger=version.ledger_seq,
    )


def file_row(file: ModelFile, numbers: Mapping[str, int]) -> Row:
    """Return a model file as a row; whoever declared its rights has made it, as far as the house knows."""
    return Row(
        kind=f"model:{file.kind}",
        id=str(file.id),
        name=file.name,
        sha256=file.sha256,
        made_by=str(file.rights.submitted_by or ""),
        made_at=file.registered_at.isoformat(),
        ledger=numbers.get(f"model_file:{file.id}"),
    )


def output_row(output: Output) -> Row:
    """Return a picture as a row."""
    return Row(
        kind="picture",
        id=str(output.id),
        name=str(output),
        sha256=output.pixels_sha256,
        made_by=str(output.generation.requested_by),
        made_at=output.created_at.isoformat(),
        ledger=output.ledger_seq,
    )


def job_row(job: Generation | TrainingRun, subject: str, numbers: Mapping[str, int]) -> Row:
    """Return a job or a training as a row; it has made nothing yet that could be hashed."""
    return Row(
        kind=f"{'training' if isinstance(job, TrainingRun) else 'job'}:{job.status}",
        id=str(job.id),
        name=str(job),
        sha256="",
        made_by=str(job.requested_by),
        made_at=job.queued_at.isoformat(),
        ledger=numbers.get(subject),
    )


def heading_of(project: Project, blast: Blast) -> dict[str, Any]:
    """Return what a report says of the withdrawal itself; before it happens there is no `withdrawn`."""
    thing, rights = blast.thing, blast.thing.rights
    sha256 = getattr(thing.holder, "pixels_sha256", "") or getattr(thing.holder, "sha256", "")
    withdrawn = {
        "by": str(rights.closed_by),
        "at": rights.closed_at.isoformat() if rights.closed_at else None,
        "reason": rights.closed_reason,
        "ledger": withdrawal_number(project, thing),
    }
    return {
        "project": project.slug,
        "thing": {"id": str(thing.holder.id), "name": thing.name, "sha256": sha256, "license": rights.expression},
        "withdrawn": withdrawn if blast.is_withdrawn else None,
        "counts": dict(blast.counts),
        "elsewhere": dict(blast.elsewhere),
    }


def withdrawal_number(project: Project, thing: Thing) -> int | None:
    """Return the ledger's number of a withdrawal, in the chain that it stands in."""
    subject = f"{'picture' if thing.is_picture else 'model_file'}:{thing.holder.id}"
    chain = thing.holder.project_id or HOUSE_CHAIN
    entries = Entry.objects.filter(chain=chain, subject=subject, event="assets.rights.withdrawn")
    return entries.order_by("-seq").values_list("seq", flat=True).first()


def json_report(heading: Mapping[str, Any], rows: Iterator[Row]) -> Iterator[str]:
    """Yield a report as JSON, a row at a time."""
    yield f'{{"report": {json.dumps(heading, ensure_ascii=False)}, "rows": ['
    for number, row in enumerate(rows):
        yield (",\n" if number else "\n") + json.dumps(asdict(row), ensure_ascii=False)
    yield "\n]}\n"


class Echo:
    """Hand each written line back, so that a file is sent as it is made."""

    def write(self, line: str) -> str:
        return line


def csv_report(rows: Iterator[Row]) -> Iterator[str]:
    """Yield a report as CSV that spreadsheets read as UTF-8, and whose texts they never take for formulas."""
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)  # type: ignore[operator]
    for row in rows:
        yield writer.writerow([as_cell(getattr(row, name)) for name in COLUMNS])  # type: ignore[misc]


def as_cell(value: str | int | None) -> str | int:
    """Return a value as a cell; a text that looks like a formula is quoted."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def withdrawn_in(project: Project) -> QuerySet[Rights]:
    """Return what was withdrawn in a project, the latest first, also where the thing was taken out since."""
    rows = rights_in(project, with_removed=True).filter(state=Rights.State.WITHDRAWN)
    return rows.order_by("-closed_at", "id")


def withdrawn_sources(project: Project, decision: Decision) -> list[Withdrawn]:
    """Return what a picture was made from and was withdrawn since, as its decision says now."""
    refs = [each.ref for each in decision.inputs if each.facts.state == Rights.State.WITHDRAWN]
    if not refs:
        return []
    rows = withdrawn_in(project).filter(id__in=refs)
    return [withdrawn_of(project, each) for each in rows]


def withdrawn_of(project: Project, rights: Rights) -> Withdrawn:
    """Return one withdrawal as pages name it."""
    thing = thing_of(project, rights)
    return Withdrawn(thing=thing, at=rights.closed_at, reason=rights.closed_reason, report=page_of(project, thing))


def page_of(project: Project, thing: Thing) -> str:
    """Return the address of a thing's withdrawal, before and after it."""
    view = "withdraw_picture" if thing.is_picture else "withdraw_model"
    return reverse(view, args=[project.slug, thing.holder.id])
