"""Bring model files into the library: from the server, by upload or from the web, through the same checks."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction

from engine.errors import ModelError
from engine.headers import refuse_unsafe_name
from jobs.queue import ring
from projects.models import Project, User
from projects.problems import Problem

from ..fetching import Fetched, FetchError, check_url, fetch
from ..model_kinds import Examined, examine_model, size_of
from ..models import DatasetVersion, ModelFile, ModelIntake, Rights
from ..sentences import sentence
from .intake_files import content_path, drop_files, find_on_server, list_waiting, sweep_uploads
from .model_sources import complete_sources
from .models import enter_new, find_known
from .predictions import choose_prediction
from .rights import Declaration, as_plain, check_facts

Source = ModelIntake.Source
Fetch = Callable[..., Fetched]
MAX_SOURCE_CHARS = 1000
BLOCK_BYTES = 4 * 1024 * 1024
FETCH_SECONDS = 2 * 3600.0
# Which part of the bar fetching takes, and where checking begins.
FETCHED, HASHED = 0.7, 0.95


class IntakeError(Exception):
    """Say why a file did not become a model. `code` is stable, `params` fill the translated sentence."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person says about a model file; `made_for` is the architecture of a VAE.

    `prediction_type` is how a base model predicts; empty leaves that to the file.
    """

    kind: str
    name: str
    declaration: Declaration
    made_for: str = ""
    prediction_type: str = ""
    bases: Sequence[ModelFile] = ()
    trained_on: DatasetVersion | None = None
    trigger_words: Sequence[str] = ()


@transaction.atomic
def start_intake(
    user: User, project: Project, asked: Asked, *, source: str, location: str, upload_id: UUID | None = None
) -> ModelIntake:
    """Ask a worker to take a model file in. Raises Problem for a source or a declaration that cannot be read.

    `location` is a path that `list_waiting` offers, a URL, or the name of the upload that was kept as `upload_id`. An
    upload is taken once, however often that is asked.
    """
    begun = ModelIntake.objects.filter(pk=upload_id, project=project).first() if upload_id else None
    if begun is not None:
        return begun
    check_source(project, source, location, upload_id)
    check_facts(Rights(**asked.declaration.values()))
    job = ModelIntake(
        **({"id": upload_id} if upload_id else {}),
        project=project,
        requested_by=user,
        source=source,
        location=location,
        **values_of(asked, with_source(asked.declaration, source, location)),
    )
    job.save(force_insert=True)
    job.bases.set(asked.bases)
    ring(job)
    return job


def values_of(asked: Asked, declaration: Declaration) -> dict[str, Any]:
    """Return what a person says as the fields of the job."""
    said = {name: getattr(asked, name) for name in ("kind", "name", "made_for", "prediction_type", "trained_on")}
    return {**said, "declaration": stored(declaration), "trigger_words": list(asked.trigger_words)}


def stored(declaration: Declaration) -> dict[str, Any]:
    """Return a declaration as JSON keeps it."""
    facts = {name: as_plain(value) for name, value in declaration.facts.items()}
    return {**asdict(replace(declaration, facts={})), "facts": facts}


def declaration_of(job: ModelIntake) -> Declaration:
    """Return what was declared about a job's file, days and times as such."""
    facts = job.declaration["facts"]
    read = {name: Rights._meta.get_field(name).to_python(value) for name, value in facts.items()}
    return Declaration(**{**job.declaration, "facts": read})


def with_source(declaration: Declaration, source: str, location: str) -> Declaration:
    """Return a declaration that says where the file comes from, where nobody said so and the address does."""
    if source != Source.URL or declaration.source_url:
        return declaration
    return replace(declaration, source_url=public_part(location)[:MAX_SOURCE_CHARS])


def public_part(url: str) -> str:
    """Return an address without its query, which may hold somebody's key."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def check_source(project: Project, source: str, location: str, upload_id: UUID | None) -> None:
    """Refuse at once what no worker needs to try. Raises Problem."""
    if source == Source.URL:
        check_address(location)
    elif source == Source.FOLDER and location not in {each.location for each in list_waiting(project)}:
        raise refusal("location", "model_path_unknown", path=location[:200])
    elif source == Source.UPLOAD and (upload_id is None or not content_path(upload_id).is_file()):
        raise refusal("upload", "upload_gone")


def check_address(url: str) -> None:
    """Refuse an address that is never fetched, or that names a file that can run programs. Raises Problem."""
    try:
        refuse_unsafe_name(Path(PurePosixPath(check_url(url).path).name))
    except (FetchError, ModelError) as error:
        raise refusal("url", error.code, **error.params) from error


def refusal(field: str, code: str, **params: Any) -> Problem:
    """Return a problem that stands beside a field of the form."""
    message = sentence(code, params)
    return Problem(code, message, fields={field: message})


def cancel_intake(job: ModelIntake) -> bool:
    """Ask an intake to stop; what waits loses its file at once. Return False when it was over."""
    asked = job.request_cancel()
    if job.is_terminal and asked:
        drop_files(job.id)
    return asked


def take_model(job: ModelIntake, *, get: Fetch = fetch) -> None:
    """Bring, check, hash and enter the file of a job that was claimed."""
    sweep_uploads()
    path = bring(job, get)
    bases = list(job.bases.all())
    made_for = [base.architecture for base in bases] or [job.made_for] * bool(job.made_for)
    begin = FETCHED if job.source == Source.URL else 0.0
    examined = examine_model(
        path, kind=job.kind, made_for=made_for, hash_file=hash_watched(job, path, begin), file_name=file_name_of(job)
    )
    job.beat(progress=HASHED, stage="checking")
    enter(job, examined, bases)


def file_name_of(job: ModelIntake) -> str:
    """Return what the job's file is called where it comes from."""
    location = unquote(public_part(job.location)) if job.source == Source.URL else job.location
    return PurePosixPath(location).name


def finish_files(job: ModelIntake) -> None:
    """Delete what this attempt's end leaves without use: a refused file, or content that was here before."""
    if job.is_terminal:
        drop_files(job.id)


def enter(job: ModelIntake, examined: Examined, bases: Sequence[ModelFile]) -> None:
    """Write the row, or find the one that the content has, and finish the job in the same transaction.

    Content that was known is completed with what it was made from, where nobody had said so before.
    """
    who: dict[str, Any] = {"actor": job.requested_by, "project": job.project}
    made: dict[str, Any] = {"bases": bases, "trained_on": job.trained_on}
    try:
        known = find_known(examined, **who)
        with transaction.atomic():
            model = known or enter_new(
                examined,
                **who,
                name=job.name,
                declaration=declaration_of(job),
                trigger_words=job.trigger_words,
                prediction_type=job.prediction_type,
                **made,
            )
            complete_sources(model, actor=job.requested_by, intake=str(job.id), **made)
            choose_prediction(model, job.prediction_type, actor=job.requested_by)
            job.rows().update(result=model, was_known=known is not None)
            job.succeed()
    except Problem as problem:
        raise IntakeError(problem.code, **problem.details) from problem


def bring(job: ModelIntake, get: Fetch) -> Path:
    """Return where the job's file lies, fetching it first when it comes from the web. Raises ModelError, FetchError."""
    if job.source == Source.FOLDER:
        return find_on_server(job.location)
    path = content_path(job.id)
    if job.source == Source.URL and not path.exists():
        fetch_content(job, path, get)
    if not path.is_file():
        raise IntakeError("upload_gone")
    return path


def fetch_content(job: ModelIntake, path: Path, get: Fetch) -> None:
    """Fetch the job's URL; the file appears under its name when all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"attempt-{job.attempt}.part")
    job.beat(progress=0.0, stage="fetching")
    with part.open("wb") as file:
        watched = Watched(file, job)
        try:
            get(
                job.location,
                watched,
                max_bytes=settings.MODEL_MAX_BYTES,
                timeout_seconds=FETCH_SECONDS,
                on_size=watched.expect,
            )
        except FetchError as error:
            if error.code == "too_many_bytes":
                raise IntakeError("model_too_many_bytes", **error.params) from error
            raise
        file.flush()
        os.fsync(file.fileno())
    job.beat()
    part.replace(path)


class Watched:
    """A file that moves the job's bar as it is written, and stops writing when the job is no longer ours."""

    def __init__(self, file: BinaryIO, job: ModelIntake) -> None:
        self.file, self.job = file, job
        self.expected = self.written = 0

    def expect(self, size: int) -> None:
        """Note how long the whole will be."""
        self.expected = size

    def write(self, chunk: bytes) -> int:
        """Write a piece. Raises Canceled."""
        self.written += len(chunk)
        share = min(self.written / self.expected, 1.0) if self.expected else 0.0
        self.job.beat_due(progress=FETCHED * share, stage="fetching")
        return self.file.write(chunk)


def hash_watched(job: ModelIntake, path: Path, begin: float) -> Callable[[Path], str]:
    """Return a function that hashes files of a model in pieces and moves the job's bar from `begin` on."""
    total, done = max(size_of(path), 1), 0

    def hash_file(file_path: Path) -> str:
        nonlocal done
        digest = hashlib.sha256()
        with file_path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                done += len(block)
                job.beat_due(progress=begin + (HASHED - begin) * min(done / total, 1.0), stage="hashing")
        return digest.hexdigest()

    return hash_file
