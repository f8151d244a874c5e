"""What the import's room shows: batches, what would become of each file, and written licences to agree on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Prefetch, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs.words import remaining_words
from projects.models import Project

from . import licensing
from .declarations import DEFAULT_ZONE
from .license_questions import ANSWERS, QUESTIONS, choices_of, known_licenses
from .models import ImportBatch, ImportJob, ImportRow, Rights
from .rights_facts import Fact, day_of, limits_of
from .sentences import sentence
from .services import reading_language
from .spellings import propose

State = ImportRow.State
Step = ImportBatch.Step
PAGE_SIZE = 50
MAX_BATCHES = 100
# What the licences' list says once is not said again beside every file.
SAID_ELSEWHERE = frozenset(("license_unconfirmed", "license_missing"))
STEP_MARKS = {Step.IMPORTED: "ok", Step.READY: "accent", Step.REFUSED: "stop"}
STATE_MARKS = {State.GOOD: "ok", State.IMPORTED: "ok", State.WRONG: "stop", State.KNOWN: ""}
STAGES: Mapping[str, Any] = {
    "reading": gettext_lazy("Reading the files"),
    "importing": gettext_lazy("Taking the pictures in"),
    "undoing": gettext_lazy("Taking the pictures out again"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One import in the list."""

    batch: ImportBatch
    step: str
    mark: str
    is_running: bool
    files: int
    wrong: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The batch's newest walk of a worker: how far it is, or how it ended."""

    job: ImportJob
    is_live: bool
    stage: str
    percent: int
    remaining: str
    failure: str
    is_stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A licence as people wrote it, how many files it is about, and what it may mean."""

    number: int
    written: str
    files: int
    why: str
    choices: Sequence[tuple[str, str]]
    others: Sequence[tuple[str, str]]
    chosen: str

    @property
    def field(self) -> str:
        """Return what the form calls the answer."""
        return f"license-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLine:
    """One file: what becomes of it, and what is wrong or worth knowing."""

    row: ImportRow
    mark: str
    license: str
    written: str
    creator: str
    source: str
    captions: Sequence[tuple[str, str]]
    tags: Sequence[str]
    limits: Sequence[Any]
    problems: Sequence[str]
    notices: Sequence[str]


def batches_of(project: Project) -> list[BatchLine]:
    """Return the project's newest imports."""
    rows = ImportBatch.objects.filter(project=project).select_related("dataset", "made_by")
    wrong = Count("rows", filter=Q(rows__state=State.WRONG))
    jobs = Prefetch("jobs", ImportJob.objects.order_by("-queued_at"))
    found = rows.annotate(files=Count("rows"), wrong=wrong).prefetch_related(jobs)[:MAX_BATCHES]
    return [line_of(batch) for batch in found]


def line_of(batch: ImportBatch) -> BatchLine:
    """Return an import as the list shows it."""
    jobs = list(batch.jobs.all())
    return BatchLine(
        batch=batch,
        step=batch.get_step_display(),
        mark=STEP_MARKS.get(Step(batch.step), ""),
        is_running=bool(jobs) and not jobs[0].is_terminal,
        files=batch.files,
        wrong=batch.wrong,
    )


def walk_of(batch: ImportBatch) -> Walk | None:
    """Return the batch's newest walk as people see it."""
    job = batch.jobs.first()
    if job is None:
        return None
    return Walk(
        job=job,
        is_live=not job.is_terminal,
        stage=str(STAGES.get(job.stage, _("Beginning"))),
        percent=round(job.progress * 100),
        remaining=remaining_words(job.remaining_seconds),
        failure=job.reason,
        is_stopped=job.status == ImportJob.Status.CANCELED,
    )


def counts_of(batch: ImportBatch) -> dict[str, int]:
    """Count the batch's files by state."""
    counted = dict(batch.rows.order_by().values_list("state").annotate(count=Count("id")))
    return {state.value: counted.get(state, 0) for state in State}


def questions_of(batch: ImportBatch) -> list[Question]:
    """Return every written licence that a person has to agree on, the commonest first."""
    rows = batch.rows.filter(state__in=(State.GOOD, State.KNOWN)).exclude(values__facts__has_key="expression")
    counted: dict[str, int] = {}
    for written, count in unread_licenses(rows):
        name = written or batch.defaults.get("license", "")
        if name:
            counted[name] = counted.get(name, 0) + count
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return [question_of(batch, number, *pair) for number, pair in enumerate(ordered)]


def unread_licenses(rows: QuerySet[ImportRow]) -> Iterable[tuple[str | None, int]]:
    """Return licences as the tables write them, with how many files each is about."""
    written = rows.order_by().annotate(written=KT("values__row__license"))
    return written.values_list("written").annotate(count=Count("id"))


def question_of(batch: ImportBatch, number: int, written: str, files: int) -> Question:
    """Return one written licence with what it may mean; nothing is chosen that a person has not chosen."""
    proposal = propose(written, batch.own_profiles)
    choices = choices_of(proposal)
    return Question(
        number=number,
        written=written,
        files=files,
        why=sentence(proposal.code, proposal.params),
        choices=choices,
        others=[each for each in known_licenses(batch.own_profiles) if each not in choices],
        chosen=batch.confirmed.get(written, proposal.expression),
    )


def rows_page(batch: ImportBatch, state: str, page: str) -> Page:
    """Return one page of the batch's files, of one state where that is asked for."""
    rows = batch.rows.all()
    if state in State.values:
        rows = rows.filter(state=state)
    return Paginator(rows, PAGE_SIZE).get_page(page)


def lines_of(batch: ImportBatch, rows: Iterable[ImportRow]) -> list[RowLine]:
    """Return files as the trial's table shows them."""
    return [row_line(batch, row) for row in rows]


def row_line(batch: ImportBatch, row: ImportRow) -> RowLine:
    """Return one file with what it becomes."""
    facts = row.values.get("facts", {})
    written = row.values.get("row", {}).get("license") or batch.defaults.get("license", "")
    expression = facts.get("expression") or batch.confirmed.get(written, "")
    return RowLine(
        row=row,
        mark=STATE_MARKS[State(row.state)],
        license=licensing.label("licenses", expression, reading_language()) if expression else "",
        written="" if expression else written,
        creator=facts.get("creator", ""),
        source=facts.get("source_url", ""),
        captions=list(row.values.get("captions", {}).items()),
        tags=row.values.get("tags", []),
        limits=[fact for fact in (*limits_of(rights_as_declared(facts)), *more_of(facts)) if fact.value],
        problems=[spoken(each) for each in row.problems],
        notices=[spoken(each) for each in row.notices if each["code"] not in SAID_ELSEWHERE],
    )


def rights_as_declared(facts: Mapping[str, Any]) -> Rights:
    """Return rights that are not kept yet, so that their limits are said in the same words as kept ones."""
    names = ("territories", "media", "purposes", "caps", "releases", "time_zone")
    days = {name: datetime.fromisoformat(facts[name]) for name in ("valid_from", "expires_at") if facts.get(name)}
    return Rights(**{name: facts[name] for name in names if name in facts}, **days)


def more_of(facts: Mapping[str, Any]) -> list[Fact]:
    """Return what else a row declares: which licence we choose, whose law counts, and answers to the licence."""
    language, retrieved = reading_language(), facts.get("retrieved_at")
    branch = facts.get("branch", "")
    return [
        Fact(label=_("Chosen licence"), value=licensing.label("licenses", branch, language) if branch else ""),
        Fact(label=_("Jurisdiction"), value=facts.get("jurisdiction", "")),
        Fact(label=_("Creator’s page"), value=facts.get("creator_uri", "")),
        Fact(label=_("Retrieved"), value=day_of(datetime.fromisoformat(retrieved), DEFAULT_ZONE) if retrieved else ""),
        *(Fact(label=QUESTIONS[name], value=answer_word(value)) for name, value in facts.get("parameters", {}).items()),
    ]


def answer_word(value: Any) -> str:
    """Return an answer to a licence's question in words."""
    if isinstance(value, list):
        return ", ".join(map(answer_word, value)) or _("None of these")
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(ANSWERS.get(value, value))


def spoken(finding: Mapping[str, Any]) -> str:
    """Return a finding of the trial as a sentence."""
    return sentence(finding["code"], finding["params"])


def error_rows(batch: ImportBatch) -> Iterator[tuple[str, ...]]:
    """Yield a table of what is wrong or worth knowing, for people who mend it in their spreadsheet."""
    yield (_("No."), _("File"), _("State"), _("Column"), _("Error"), _("Notice"))
    for row in batch.rows.exclude(problems=[], notices=[]):
        state = row.get_state_display()
        for each in row.problems:
            yield str(row.number), row.name, state, each["column"], spoken(each), ""
        for each in row.notices:
            yield str(row.number), row.name, state, each["column"], "", spoken(each)
