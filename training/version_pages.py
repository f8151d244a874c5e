"""What the page of a version shows: what may be done with it, what it was made from, and what is in the file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from assets import library, licensing
from assets.library import Answer, answer_of
from assets.licensing import NOTHING_OWED, Action, Purpose
from assets.models import DatasetVersion, ModelFile, Rights
from assets.overrides import waivers_behind
from assets.services import decide_about, reading_language
from assets.services.decisions import Sources, waivers_of
from projects.models import Project

from .adapter_cards import kind_of
from .adapter_headers import FileFacts, facts_in, is_lycoris
from .adapter_list import Picture
from .adapter_pages import Line, lines_of, strip_for
from .export_sentences import stage_sentence
from .exports import Form, forms_of
from .models import AdapterAlias, AdapterExport, AdapterVersion, Promotion
from .papers import credit_lines, duty_lines
from .run_curves import Drawing, change_drawing, points_of
from .version_words import license_words

LICENSES_SHOWN = 6
EXPORTS_SHOWN = 6
# Two names for the same: nobody asks for anything.
FREE = (NOTHING_OWED, "CC0-1.0")
# What people ask of a version: the question, the gate, and the circumstances that differ from the project's own.
QUESTIONS: tuple[tuple[Any, Action, Mapping[str, Any]], ...] = (
    (_("Use it in the Studio"), Action.GENERATE, {}),
    (_("Publish what it draws"), Action.PUBLISH, {}),
    (_("Publish that without commercial purpose"), Action.PUBLISH, {"purpose": Purpose.NONCOMMERCIAL}),
    (_("Give the weights away"), Action.WEIGHTS, {}),
    (_("Offer it as a service"), Action.HOST, {}),
    (_("Merge it with others"), Action.MERGE, {}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One thing that a version was made from: what it is, its name, its page and its licence."""

    role: Any
    name: str
    url: str
    license: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLine:
    """A file that was asked for, as the version's page shows it."""

    export: AdapterExport
    stage: str
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage:
    """Everything that a version's page shows. `today` names the licences that bind it now, where these have changed."""

    line: Line
    today: str
    answers: Sequence[Answer]
    credits: Mapping[str, Sequence[str]]
    duties: Sequence[str]
    chain: Sequence[Link]
    strip: Sequence[Picture]
    drawing: Drawing | None
    inside: FileFacts | None
    forms: Sequence[Form]
    exports: Sequence[ExportLine]
    is_production: bool
    promotion: Promotion | None


def version_page(project: Project, version: AdapterVersion) -> VersionPage:
    """Return what a version's page shows, with the gates' answers of now."""
    adapter = version.adapter
    [line] = lines_of(project, adapter, [version], list(adapter.aliases.all()))
    inputs = Sources([version.file]).inputs_of([version.file])
    owed = decide_about(project, Action.WEIGHTS, inputs, waivers=())
    aliases = {each.name: each.version_id for each in adapter.aliases.all()}
    return VersionPage(
        line=line,
        today=changed_license(version.license, owed.effective_license),
        answers=answers_of(project, inputs),
        credits=credits_in_both(owed),
        duties=duty_lines(owed, "ja" if reading_language() == "ja" else "en"),
        chain=chain_of(project, version),
        strip=strip_for(project, version),
        drawing=change_drawing(version.run, points_of(version.run)) if version.run else None,
        inside=facts_in(version.file),
        forms=forms_of(kind_of(version), version.file.architecture, is_lycoris=is_lycoris(version.file)),
        exports=exports_of(version),
        is_production=aliases.get(AdapterAlias.Name.PRODUCTION) == version.id,
        promotion=adapter.promotions.filter(decided_at=None).select_related("version", "asked_by").first(),
    )


def answers_of(project: Project, inputs: Sequence[licensing.Input]) -> list[Answer]:
    """Return what may be done with a version and everything that it was made from, question by question."""
    waivers = waivers_of(project, *Action)
    decisions = [decide_about(project, gate, inputs, waivers=waivers, **changes) for _words, gate, changes in QUESTIONS]
    known = waivers_behind(*decisions)
    return [answer_of(words, each, known) for (words, _gate, _more), each in zip(QUESTIONS, decisions, strict=True)]


def changed_license(then: str, now: str) -> str:
    """Return what binds a version now in words; nothing where that is what bound it when it was made."""
    before, after = ({part for part in each.split(" AND ") if part not in FREE} for each in (then, now))
    return "" if before == after else license_words(now)


def credits_in_both(decision: licensing.Decision) -> dict[str, list[str]]:
    """Return the credits that are owed, in both languages, one a line."""
    return {"ja": credit_lines(decision, "ja"), "en": credit_lines(decision, "en")}


def chain_of(project: Project, version: AdapterVersion) -> list[Link]:
    """Return what a version was made from: other versions, then the models and sets of pictures below all of them."""
    rows = list(version.parents.select_related("parent__adapter__project"))
    links = [
        Link(
            role=_("Version"),
            name=f"{row.parent} × {row.weight:g}",
            url=row.parent.get_absolute_url(),
            license=license_words(row.parent.license),
        )
        for row in rows
    ]
    return [*links, *ground_of(project, version.file, passed={row.parent.file_id for row in rows})]


def ground_of(project: Project, file: ModelFile, *, passed: set[Any]) -> list[Link]:
    """Return the models and versions of datasets below a file; adapters that it was made from are passed through."""
    files: dict[Any, ModelFile] = {}
    versions: dict[Any, DatasetVersion] = {}
    waiting, seen = [file], {file.id}
    while waiting:
        for row in library.origins_of(waiting.pop()):
            if row.dataset_version is not None:
                versions[row.dataset_version_id] = row.dataset_version
            elif row.file is not None and row.file_id not in seen:
                seen.add(row.file_id)
                waiting.append(row.file)
                files |= {row.file_id: row.file} if row.file_id not in passed else {}
    shown = sorted(files.values(), key=lambda each: (each.kind != ModelFile.Kind.BASE, each.name))
    return [*(file_link(project, each) for each in shown), *(dataset_link(project, each) for each in versions.values())]


def file_link(project: Project, file: ModelFile) -> Link:
    """Return a model that a version was made from."""
    license_name = library.license_label(file, reading_language())
    url = reverse("model_file", args=[project.slug, file.id])
    return Link(role=file.get_kind_display(), name=file.name, url=url, license=license_name)


def dataset_link(project: Project, version: DatasetVersion) -> Link:
    """Return the version of a dataset that was learned from, with the licences of its pictures as they are now."""
    is_ours = version.dataset.project_id == project.id
    return Link(
        role=_("Dataset"),
        name=str(version) if is_ours else str(_("a dataset of another project")),
        url=version.get_absolute_url() if is_ours else "",
        note=licenses_in(version),
    )


def licenses_in(version: DatasetVersion) -> str:
    """Say under which licences the pictures of a version are, the most frequent first."""
    rows = Rights.objects.filter(picture__version_items__version=version).values_list("branch", "expression", "basis")
    language = reading_language()
    names = (
        licensing.label("licenses", branch or expression, language)
        if branch or expression
        else Rights.Basis(basis).label
        for branch, expression, basis in rows
    )
    counted = Counter(map(str, names)).most_common()
    shown = [f"{name} × {count}" for name, count in counted[:LICENSES_SHOWN]]
    return " · ".join([*shown, *(["…"] if len(counted) > LICENSES_SHOWN else [])])


def exports_of(version: AdapterVersion) -> list[ExportLine]:
    """Return the newest files that were asked for and are on their way or still here."""
    rows = version.exports.select_related("requested_by").exclude(status=AdapterExport.Status.CANCELED)
    return [export_line(each) for each in rows[: 4 * EXPORTS_SHOWN] if each.is_here or not each.is_terminal][
        :EXPORTS_SHOWN
    ]


def export_line(export: AdapterExport) -> ExportLine:
    """Return one file with how far it is."""
    return ExportLine(export=export, stage=stage_sentence(export.stage), percent=round(export.progress * 100))
