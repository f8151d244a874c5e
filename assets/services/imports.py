"""Bring many pictures in: read them as a trial, take them in row by row, and undo all of it.

Everything is written row by row, and a row that is done is known by its state, so a walk that was killed goes on
where it stood, and one that is repeated makes nothing twice.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..archives import ArchiveError, fold_name
from ..containers.parts import PictureError
from ..declarations import Declared, read_row
from ..models import Dataset, DatasetVersionItem, ImportBatch, ImportJob, ImportRow, Picture, PictureTag
from ..storage import StorageError
from ..tables import Row, Table, TableError
from .datasets import add_items, lock, set_caption
from .decisions import facts_of
from .import_evidence import Documents
from .import_sources import Source, files_of, name_of, open_archive, save_uploads, sort_uploads, sources_of, table_of
from .import_steps import start_walk
from .import_undo import mark_added, undo_additions
from .origins import find_origin
from .pictures import Read, add_picture, may_come_back, read_picture, refresh_search_text, remove_picture
from .rights import Declaration

State = ImportRow.State
Step = ImportBatch.Step


def create_batch(
    user: User,
    project: Project,
    uploads: Iterable[UploadedFile],
    *,
    dataset: Dataset | None,
    defaults: Mapping[str, str],
) -> ImportBatch:
    """Keep uploaded files and begin the trial: a zip, or pictures, each with at most one table.

    Raises Problem when there is nothing to import, more than one archive or table, or no room on the disk.
    """
    kept = sort_uploads(list(uploads))
    batch = ImportBatch.objects.create(
        project=project, dataset=dataset, name=name_of(kept)[:200], defaults=dict(defaults), made_by=user
    )
    try:
        batch.folder.mkdir(parents=True)
        save_uploads(batch.folder, kept)
    except OSError as error:
        shutil.rmtree(batch.folder, ignore_errors=True)
        batch.delete()
        message = _("The files could not be kept: %(reason)s. Nothing was changed.") % {"reason": error.strerror}
        raise Problem("files_not_kept", message, status=507, fields={"files": message}) from error
    start_walk(user, batch, ImportJob.Kind.TRIAL)
    return batch


def try_batch(job: ImportJob) -> None:
    """Read every file of a batch and write down what would become of it. Nothing else is changed."""
    batch = job.batch
    batch.rows.all().delete()
    try:
        table = table_of(batch)
        documents = Documents(batch, table)
        sources = list(sources_of(batch, documents.names))
    except (ArchiveError, TableError) as error:
        refuse_batch(batch, error.code, error.params)
        raise
    by_name = {fold_name(row.file): row for row in table.rows} if table else {}
    seen: dict[str, int] = {}
    with open_archive(batch) as archive:
        for source in sources:
            job.beat_due(progress=source.number / max(len(sources), 1), stage="reading")
            try_source(batch, source, archive, row_for(source, by_name), seen, documents)
    write_lost_rows(batch, table, by_name, {fold_name(name) for each in sources for name in each.names})
    ImportBatch.objects.filter(pk=batch.pk).update(step=Step.READY, notices=notices_of(table))


def names_of(source: Source) -> tuple[str, str]:
    """Return the names by which a table may call a file: with its folders, or without."""
    return source.name, source.name.rsplit("/", 1)[-1]


def row_for(source: Source, by_name: Mapping[str, Row]) -> Row | None:
    """Return the table's row about a file."""
    return next((by_name[name] for name in map(fold_name, source.names) if name in by_name), None)


def try_source(
    batch: ImportBatch,
    source: Source,
    archive: IO[bytes] | None,
    row: Row | None,
    seen: dict[str, int],
    documents: Documents,
) -> None:
    """Write one row of the trial."""
    document = documents.find(row)
    declared = declared_of(batch, source, row, has_document=document is not None)
    fault = documents.fault_of(document, archive) if document is not None else None
    met = meet_picture(batch, source, archive, seen, declared.facts)
    problems = [*map(plain, declared.problems), *([fault] if fault else ()), *met.problems]
    ImportRow.objects.create(
        batch=batch,
        number=source.number,
        name=source.name[:300],
        values={"facts": declared.facts, "captions": declared.captions, "tags": declared.tags, "row": shown(row)},
        state=State.WRONG if problems else met.state,
        problems=problems,
        notices=[*map(plain, declared.notices), *met.notices],
        picture=met.known,
    )


@dataclass(slots=True, kw_only=True)
class Met:
    """A file that was opened: whether its picture is here already, and what is wrong or worth knowing."""

    state: str = State.GOOD
    known: Picture | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)


def meet_picture(
    batch: ImportBatch, source: Source, archive: IO[bytes] | None, seen: dict[str, int], facts: Mapping[str, Any]
) -> Met:
    """Open a file, and look for its pixels among the project's pictures and the batch's files so far."""
    try:
        read = read_source(source, archive)
    except (PictureError, ArchiveError) as error:
        return Met(problems=[{"column": "", "code": error.code, "params": dict(error.params)}])
    known, first = find_known(batch, read), seen.setdefault(read.pixels_sha256, source.number)
    met = Met(known=known, notices=[*known_notices(known, facts), *made_notices(batch, read)])
    if first != source.number:
        met.notices.insert(0, {"column": "", "code": "same_as_row", "params": {"row": first}})
    if known and not may_come_back(known):
        met.problems.append({"column": "", "code": "picture_withdrawn", "params": {}})
    if (known and not known.removed_at) or first != source.number:
        met.state = State.KNOWN
    return met


def made_notices(batch: ImportBatch, read: Read) -> list[dict[str, Any]]:
    """Return a notice when a model has made a picture, here or as its file says."""
    origin = find_origin(batch.project, read.pixels_sha256, read.data)
    return [] if origin is None else [{"column": "", "code": "made_by_model", "params": {}}]


def known_notices(known: Picture | None, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a notice when a picture that is here already is under another licence than is declared now."""
    if known is None or known.removed_at is not None or not facts.get("expression"):
        return []
    kept = facts_of(known.rights, kind="input_picture").expression
    branch = facts.get("branch", "")
    if kept == facts["expression"] and branch in ("", known.rights.branch):
        return []
    params = {"declared": branch or facts["expression"], **({"kept": known.rights.license or kept} if kept else {})}
    return [{"column": "license", "code": "known_other_license", "params": params}]


def find_known(batch: ImportBatch, read: Read) -> Picture | None:
    """Return the project's picture with the same pixels, also one that was taken out."""
    rows = Picture.objects.filter(project=batch.project, pixels_sha256=read.pixels_sha256)
    return rows.select_related("rights").first()


def declared_of(batch: ImportBatch, source: Source, row: Row | None, *, has_document: bool) -> Declared:
    """Return what the table, or else the batch's defaults, say about a file."""
    said = row or Row(line=0, file=source.name)
    return read_row(
        said,
        confirmed=batch.confirmed,
        defaults=batch.defaults,
        own=batch.own_profiles,
        has_document=has_document,
    )


def read_source(source: Source, archive: IO[bytes] | None) -> Read:
    """Open a file of a batch as a picture. Raises PictureError or ArchiveError."""
    if source.fault is not None:
        raise ArchiveError(source.fault["code"], **source.fault["params"])
    return read_picture(source.read(archive))


def take_batch(job: ImportJob) -> None:
    """Take in every good row that is not in yet, then put all of them into the batch's dataset."""
    batch = job.batch
    sources, documents = {source.number: source for source in files_of(batch)}, Documents(batch, table_of(batch))
    rows = list(batch.rows.filter(state__in=(State.GOOD, State.KNOWN)))
    with open_archive(batch) as archive:
        for done, row in enumerate(rows):
            job.beat_due(progress=done / max(len(rows), 1), stage="importing")
            take_row(job, row, sources[row.number], archive, documents)
    finish_batch(job)


def take_row(job: ImportJob, row: ImportRow, source: Source, archive: IO[bytes] | None, documents: Documents) -> None:
    """Take one picture in with its rights, captions and tags. A file that cannot be read any more is a wrong row."""
    batch = job.batch
    facts = facts_now(batch, row)
    try:
        read = read_source(source, archive)
        document = documents.find_named(row.values.get("row", {}).get("evidence", ""))
        if document is not None and not is_here(batch, read):
            facts["evidence_id"] = documents.keep(job.requested_by, document, archive).id
        name = source.names[-1]
        picture, is_new = add_picture(
            job.requested_by, batch.project, read, name=name, declaration=declaration_of(facts), batch=batch
        )
    except (PictureError, ArchiveError, StorageError, Problem) as error:
        params = {} if isinstance(error, Problem) else dict(error.params)
        problem = {"column": "", "code": error.code, "params": params}
        ImportRow.objects.filter(pk=row.pk).update(state=State.WRONG, problems=[problem])
        return
    write_taken(job, row, picture, is_ours=is_new or picture.batch_id == batch.id, facts=facts)


@transaction.atomic
def write_taken(job: ImportJob, row: ImportRow, picture: Picture, *, is_ours: bool, facts: Mapping[str, Any]) -> None:
    """Write what became of a row together with what it added to the picture."""
    mark_added(row, tags=add_tags(picture, row.values.get("tags", ()), job.requested_by))
    said = [each for each in row.notices if each["code"] != "known_other_license"]
    row.notices = said if is_ours else [*said, *known_notices(picture, facts)]
    row.state, row.picture = State.IMPORTED if is_ours else State.KNOWN, picture
    row.save(update_fields=["state", "picture", "values", "notices"])


def is_here(batch: ImportBatch, read: Read) -> bool:
    """Is a picture with the same pixels in the project already?"""
    known = find_known(batch, read)
    return known is not None and known.removed_at is None


def declaration_of(facts: Mapping[str, Any]) -> Declaration:
    """Return a row's facts as what a person declares."""
    named = {name: facts.get(name, "") for name in ("expression", "creator", "title", "source_url")}
    return Declaration(**named, facts={name: value for name, value in facts.items() if name not in named})


def facts_now(batch: ImportBatch, row: ImportRow) -> dict[str, Any]:
    """Return a row's facts with the licence that a person has confirmed meanwhile."""
    facts = dict(row.values.get("facts", {}))
    written = row.values.get("row", {}).get("license") or batch.defaults.get("license", "")
    for name in ("valid_from", "expires_at", "retrieved_at"):
        if name in facts:
            facts[name] = datetime.fromisoformat(facts[name])
    if "expression" not in facts and batch.confirmed.get(written):
        facts["expression"] = batch.confirmed[written]
    return facts


def add_tags(picture: Picture, tags: Iterable[str], user: User) -> list[str]:
    """Write what a person said that a picture shows. Return the words that nobody had written yet."""
    said = list(dict.fromkeys(str(tag)[:80] for tag in tags))
    known = set(picture.tags.values_list("text", flat=True))
    new = [text for text in said if text not in known]
    PictureTag.objects.bulk_create(
        [PictureTag(picture=picture, text=text, decided_by=user) for text in new], ignore_conflicts=True
    )
    refresh_search_text(picture)
    return new


def finish_batch(job: ImportJob) -> None:
    """Put the pictures into the dataset with their captions, and write what came of the batch."""
    batch = job.batch
    rows = list(batch.rows.exclude(picture=None).select_related("picture__rights"))
    with transaction.atomic():
        if batch.dataset is not None:
            fill_dataset(batch.dataset, rows, job.requested_by)
        counts = {state: sum(row.state == state for row in rows) for state in (State.IMPORTED, State.KNOWN)}
        ImportBatch.objects.filter(pk=batch.pk).update(step=Step.IMPORTED)
        facts = {"name": batch.name, "imported": counts[State.IMPORTED], "known": counts[State.KNOWN]}
        record(
            batch.project, "assets.batch.imported", actor=job.requested_by, subject=f"import:{batch.id}", payload=facts
        )


def fill_dataset(dataset: Dataset, rows: Sequence[ImportRow], user: User) -> None:
    """Put pictures into a dataset with their captions, and note on each row what was not there before."""
    lock(dataset)
    here = set(dataset.items.values_list("picture_id", flat=True))
    add_items(user, dataset, [row.picture for row in rows if row.picture])
    written = caption_rows(dataset, rows)
    new = [row for row in rows if mark_added(row, captions=written[row.pk], is_item=row.picture_id not in here)]
    ImportRow.objects.bulk_update(new, ["values"], batch_size=500)


def caption_rows(dataset: Dataset, rows: Iterable[ImportRow]) -> dict[int, list[str]]:
    """Write the captions of the table where the dataset has none yet. Return the languages by row."""
    items = {item.picture_id: item for item in dataset.items.select_related("picture__rights")}
    written: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        item = items.get(row.picture_id)
        for language, text in row.values.get("captions", {}).items() if item else ():
            if not item.captions.filter(language=language).exists():
                set_caption(item, language=language, text=text)
                written[row.pk].append(language)
    return written


def undo_batch(job: ImportJob) -> None:
    """Take out what a batch brought in, and what it added to what was here; a frozen version keeps what it holds."""
    batch = job.batch
    pictures = list(batch.pictures.filter(removed_at=None))
    kept = set(DatasetVersionItem.objects.filter(picture__in=pictures).values_list("picture_id", flat=True))
    for done, picture in enumerate(pictures):
        job.beat_due(progress=done / max(len(pictures), 1), stage="undoing")
        if picture.id not in kept:
            remove_picture(picture, actor=job.requested_by)
    removed = set(batch.pictures.exclude(removed_at=None).values_list("id", flat=True))
    kept |= undo_additions(batch, actor=job.requested_by, removed=removed, kept=kept)
    notices = [{"column": "", "code": "kept_in_versions", "params": {"count": len(kept)}}] if kept else []
    ImportBatch.objects.filter(pk=batch.pk).update(step=Step.UNDONE, notices=notices)


WALKS = {
    ImportJob.Kind.TRIAL: try_batch,
    ImportJob.Kind.IMPORT: take_batch,
    ImportJob.Kind.UNDO: undo_batch,
}


def walk_batch(job: ImportJob) -> None:
    """Do what the job asks of its batch."""
    WALKS[ImportJob.Kind(job.kind)](job)


def write_lost_rows(batch: ImportBatch, table: Table | None, by_name: Mapping[str, Row], found: set[str]) -> None:
    """Write the table's rows that name no file, and those that cannot be read, behind the files."""
    if table is None:
        return
    lost = [row for name, row in by_name.items() if name not in found]
    number = batch.rows.aggregate(last=Max("number"))["last"] or 0
    problems = [
        (row.file, {"column": "file", "code": "row_without_picture", "params": {"line": row.line}}) for row in lost
    ]
    problems += [(f"{_('Row')} {each.line}", plain(each)) for each in table.errors]
    ImportRow.objects.bulk_create(
        [
            ImportRow(batch=batch, number=number + place, name=name[:300], state=State.WRONG, problems=[problem])
            for place, (name, problem) in enumerate(problems, start=1)
        ]
    )


def notices_of(table: Table | None) -> list[dict[str, Any]]:
    """Return what is worth knowing about the table as a whole."""
    return [plain(each) for each in table.notices] if table else []


def refuse_batch(batch: ImportBatch, code: str, params: Mapping[str, Any]) -> None:
    """Say why nothing of the batch can be read."""
    notice = {"column": "", "code": code, "params": dict(params)}
    ImportBatch.objects.filter(pk=batch.pk).update(step=Step.REFUSED, notices=[notice])


def plain(finding: Any) -> dict[str, Any]:
    """Return a finding as JSON keeps it."""
    params = {"line": finding.line, "column": finding.column, **finding.params}
    return {"column": finding.column, "code": finding.code, "params": params}


def shown(row: Row | None) -> dict[str, str]:
    """Return the cells of a row that say something."""
    if row is None:
        return {}
    return {name: value for name in row.__slots__ if isinstance(value := getattr(row, name), str) and value}
