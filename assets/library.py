"""What the library says of a model: what we may do with it, what its licence says, where it is used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from projects.access import usable_in
from projects.models import Project

from . import licensing
from .licensing import Action, Decision, Input, Profile, Purpose
from .licensing.terms import PERMISSIONS
from .models import ModelFile, ModelSource, Rights, Waiver
from .overrides import Override, overrides_of, waivers_behind
from .services import decide_about, reading_language
from .services.decisions import BASIS_LICENSES, Sources, waivers_of

JOBS_LOOKED_AT = 60
PICTURES_SHOWN = 12
# What people ask of a model: the question, the gate, and the circumstances that differ from the project's own.
QUESTIONS: tuple[tuple[Any, Action, Mapping[str, Any]], ...] = (
    (_("Generate pictures"), Action.GENERATE, {}),
    (_("Publish them commercially in Japan"), Action.PUBLISH, {"purpose": Purpose.COMMERCIAL, "territory": "JP"}),
    (_("Publish them without commercial purpose"), Action.PUBLISH, {"purpose": Purpose.NONCOMMERCIAL}),
    (_("Train further on it"), Action.TRAIN, {}),
    (_("Pass the weights on"), Action.WEIGHTS, {}),
    (_("Offer it as a service"), Action.HOST, {}),
)
# How a kind of file is used by jobs: the way from a use to its job, and the uses of a file.
USES = {
    ModelFile.Kind.BASE: ("", "generations"),
    ModelFile.Kind.VAE: ("", "vae_generations"),
    ModelFile.Kind.ADAPTER: ("generation__", "adapter_generations"),
    ModelFile.Kind.UPSCALER: ("", "generations"),
}
STATE_MARKS = {
    Rights.State.PENDING: "warn",
    Rights.State.CLEARED: "ok",
    Rights.State.REFUSED: "stop",
    Rights.State.WITHDRAWN: "stop",
}
MARKS = {"allow": "ok", "review": "warn", "block": "stop"}
GRANTS = {
    licensing.Permission.ALLOW: "ok",
    licensing.Permission.REVIEW: "warn",
    licensing.Permission.DENY: "stop",
    licensing.Permission.UNKNOWN: "stop",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question about a model and the gate's answer in words: verdict, reasons, what is owed and ruled out.

    `overrides` are the rules that two persons set aside for it.
    """

    question: Any
    verdict: str
    mark: str
    reasons: list[str]
    owed: list[str]
    rules: list[str]
    overrides: list[Override]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a licence says about one use: the answer, its clause, and what stands there in our own words."""

    use: str
    word: str
    mark: str
    clause: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseWords:
    """One licence of a model, in words."""

    name: str
    url: str
    is_known: bool
    evidence: str
    grants: list[Grant]
    clauses: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One model in the list: the answer of the generate gate now, and how many of our pictures it made."""

    file: ModelFile
    license: str
    verdict: str
    mark: str
    pictures: int


def files_of(project: Project) -> QuerySet[ModelFile]:
    """Return the models that a project sees, with their rights; the removed ones stay as tombstones."""
    rows = usable_in(project, ModelFile.objects.all())
    rows = rows.select_related("rights__cleared_by", "rights__submitted_by", "rights__closed_by", "rights__evidence")
    return rows.order_by(F("removed_at").asc(nulls_first=True), "kind", "name", "id")


def get_file(project: Project, model_id: Any) -> ModelFile:
    """Return one model of the project or of the house. Raises Http404."""
    file = files_of(project).filter(id=model_id).first()
    if file is None:
        raise Http404
    if file.project_id == project.pk:
        file.project = project
    return file


def count_pictures(project: Project, files: Sequence[ModelFile]) -> Counter[Any]:
    """Count this project's pictures by the id of the file that made them, as base model, VAE or adapter."""
    counted: Counter[Any] = Counter()
    for use in ("generations", "vae_generations", "adapter_generations__generation"):
        rows = ModelFile.objects.filter(id__in=[file.id for file in files], **{f"{use}__project": project})
        counted.update(dict(rows.order_by().values_list("id").annotate(count=Count(f"{use}__outputs"))))
    return counted


def shelves_of(project: Project, files: Sequence[ModelFile]) -> list[Shelf]:
    """Return models as the list shows them."""
    counted, sources, waivers = count_pictures(project, files), Sources(files), waivers_of(project, Action.GENERATE)
    return [
        shelf_of(file, decide_about(project, Action.GENERATE, sources.inputs_of([file]), waivers=waivers), counted)
        for file in files
    ]


def shelf_of(file: ModelFile, decision: Decision, counted: Counter[Any]) -> Shelf:
    """Return one model with the generate gate's answer and its pictures."""
    language = reading_language()
    return Shelf(
        file=file,
        license=license_label(file, language),
        verdict=licensing.label("verdicts", decision.verdict.value, language),
        mark=MARKS[decision.verdict.value],
        pictures=counted[file.id],
    )


def license_label(file: ModelFile, language: str) -> str:
    """Return what the declared licence is called; another basis than a licence names its own."""
    declared = file.license or BASIS_LICENSES.get(Rights.Basis(file.rights.basis), "")
    return licensing.label("licenses", declared, language) if declared else str(_("unknown licence"))


def answers_of(project: Project, inputs: Sequence[Input]) -> list[Answer]:
    """Return what may be done with a model and all that it was made from, question by question."""
    waivers = waivers_of(project, *Action)
    decisions = [decide_about(project, gate, inputs, waivers=waivers, **changes) for _words, gate, changes in QUESTIONS]
    known = waivers_behind(*decisions)
    return [
        answer_of(question, decision, known)
        for (question, _gate, _changes), decision in zip(QUESTIONS, decisions, strict=True)
    ]


def answer_of(question: Any, decision: Decision, known: Mapping[str, Waiver] | None = None) -> Answer:
    """Return one decision in the reader's language; `known` are the waivers behind it, if they were read before."""
    language = reading_language()
    return Answer(
        question=question,
        verdict=licensing.label("verdicts", decision.verdict.value, language),
        mark=MARKS[decision.verdict.value],
        reasons=licensing.explain(decision, language),
        owed=licensing.obligations_text(decision, language).splitlines(),
        rules=licensing.restrictions_text(decision, language),
        overrides=overrides_of(decision, known=known),
    )


def licenses_of(project: Project, inputs: Sequence[Input]) -> list[LicenseWords]:
    """Return the licences behind a model in words; the house's own policy is not one of them."""
    decision = decide_about(project, Action.GENERATE, inputs, waivers=())
    profiles = [decision.context.profile(license_id) for license_id in decision.profiles]
    return [words_of(each) for each in profiles if each.kind != "policy"]


def words_of(profile: Profile) -> LicenseWords:
    """Return a licence in the reader's language: every answer with its clause, then the clauses about the rest."""
    language = reading_language()
    grants = [
        Grant(
            use=licensing.label("dimensions", dimension, language),
            word=licensing.label("permissions", permission.name.lower(), language),
            mark=GRANTS[permission],
            clause=profile.clause_of(dimension),
            quote=profile.quote(dimension, language),
        )
        for dimension, permission in sorted(profile.permissions.items(), key=lambda pair: PERMISSIONS.index(pair[0]))
        if dimension != "basis"
    ]
    others = [each for name, each in profile.clauses.items() if name not in profile.permissions and name != "whole"]
    whole = profile.clauses["whole"]
    return LicenseWords(
        name=profile.name[language],
        url=profile.license_url,
        is_known=profile.id != licensing.UNKNOWN,
        evidence=profile.evidence,
        grants=grants,
        clauses=[(each.clause, each.quote[language]) for each in (whole, *others)],
    )


def pictures_of(project: Project, file: ModelFile) -> list[dict[str, Any]]:
    """Return pictures of the newest jobs of this project with a model: id, width, height, seed."""
    job, rows = USES[ModelFile.Kind(file.kind)]
    made = getattr(file, rows).filter(**{f"{job}project": project})
    newest = list(made.order_by(f"-{job}queued_at").values_list("id", flat=True)[:JOBS_LOOKED_AT])
    outputs = f"{job}outputs__"
    found = made.filter(**{"id__in": newest, f"{outputs}isnull": False, f"{outputs}rejected_at": None})
    names = ("id", "width", "height", "seed")
    shown = found.order_by(f"-{job}queued_at", f"{outputs}index").values_list(*(outputs + name for name in names))
    return [dict(zip(names, values, strict=True)) for values in shown[:PICTURES_SHOWN]]


def origins_of(file: ModelFile) -> list[ModelSource]:
    """Return what a model was made from: other models, and versions of datasets."""
    return list(file.sources.select_related("file", "dataset_version__dataset__project"))


def products_of(project: Project, file: ModelFile) -> list[ModelFile]:
    """Return the models that were made from this one, of those that the project sees."""
    rows = usable_in(project, ModelFile.objects.filter(sources__file=file))
    return list(rows.distinct().order_by("name", "id"))
