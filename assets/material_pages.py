"""What the pages of pictures to learn from show: what may be done with one, what its file claims, where it is used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from projects.models import Project

from .library import STATE_MARKS, Answer, answer_of
from .licensing import Action, Edge, Purpose
from .material_claims import ClaimRow, claim_rows, claim_sentences
from .material_files import is_closed_to
from .material_history import HistoryLine, evidence_of, history_of, reason_to_clear
from .material_origins import Makers, makers_of
from .models import DatasetItem, DatasetVersion, Evidence, Picture, PictureTag, Rights
from .picture_filters import flag_words
from .rights_facts import Fact, facts_of_rights, license_label
from .services import decide_about
from .services.decisions import inputs_about, waivers_of
from .services.ingest import quarantine_of

PAGE_SIZE = 48
IN_JAPAN = {"purpose": Purpose.COMMERCIAL, "territory": "JP"}
# What people ask of a picture: the question, the gate, what it is then, how it gets there, and the circumstances.
QUESTIONS: tuple[tuple[Any, Action, str, Edge | None, Mapping[str, Any]], ...] = (
    (gettext_lazy("Train on it"), Action.TRAIN, "training_picture", None, {}),
    (gettext_lazy("Generate from it"), Action.GENERATE, "input_picture", None, {}),
    (
        gettext_lazy("Publish what is made from it, commercially in Japan"),
        Action.PUBLISH, "input_picture", None, IN_JAPAN,
    ),
    (
        gettext_lazy("Publish it unchanged, commercially in Japan"),
        Action.PUBLISH, "input_picture", Edge.ITSELF, IN_JAPAN,
    ),
    (
        gettext_lazy("Publish it unchanged, without commercial purpose"),
        Action.PUBLISH, "input_picture", Edge.ITSELF, {"purpose": Purpose.NONCOMMERCIAL},
    ),
    (gettext_lazy("Keep it in the library"), Action.INGEST, "input_picture", Edge.ITSELF, {}),
)  # fmt: skip
MEASURES: Mapping[str, Any] = {
    "edges": gettext_lazy("Sharp edges"),
    "reach": gettext_lazy("Reach of detail"),
    "noise": gettext_lazy("Noise"),
    "blocks": gettext_lazy("JPEG blocks"),
    "median": gettext_lazy("Median brightness"),
    "contrast": gettext_lazy("Contrast"),
    "clipped": gettext_lazy("Overexposed share"),
    "color": gettext_lazy("Colourfulness"),
    "bars": gettext_lazy("Bars at the edges"),
    "letters": gettext_lazy("Letters"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture in the grid."""

    picture: Picture
    license: str
    state: str
    mark: str
    flags: Sequence[str]
    is_closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Everything that a picture's page shows but for its tags and forms."""

    license: str
    mark: str
    facts: Sequence[Fact]
    measures: Sequence[tuple[Any, str]]
    flags: Sequence[str]
    rights: Sequence[Fact]
    quarantine: Sequence[str]
    cleared_despite: str
    makers: Makers | None
    answers: Sequence[Answer]
    claims: Sequence[ClaimRow]
    warnings: Sequence[tuple[str, bool]]
    evidence: Sequence[Evidence]
    history: Sequence[HistoryLine]
    items: Sequence[DatasetItem]
    versions: Sequence[DatasetVersion]


def tiles_of(project: Project, pictures: Iterable[Picture]) -> list[Tile]:
    """Return pictures as the grid shows them to this reader."""
    return [
        Tile(
            picture=picture,
            license=license_label(picture.rights),
            state=str(picture.rights.get_state_display()),
            mark=STATE_MARKS[Rights.State(picture.rights.state)],
            flags=flag_words(picture.flags),
            is_closed=is_closed_to(project.role, picture.rights),
        )
        for picture in pictures
    ]


def sheet_of(project: Project, picture: Picture) -> Sheet:
    """Return everything that a picture's page shows."""
    rights = picture.rights
    history = list(rights.changes.select_related("made_by"))
    return Sheet(
        license=license_label(rights),
        mark=STATE_MARKS[Rights.State(rights.state)],
        facts=facts_of(picture),
        measures=measures_of(picture),
        flags=flag_words(picture.flags),
        rights=facts_of_rights(rights),
        quarantine=quarantine_of(picture),
        cleared_despite=reason_to_clear(rights, history),
        makers=makers_of(project, picture),
        answers=answers_of(project, picture),
        claims=claim_rows(rights),
        warnings=claim_sentences(rights),
        evidence=evidence_of(rights, history),
        history=history_of(rights, history, who=picture.added_by, at=picture.added_at),
        items=list(picture.items.select_related("dataset__project").prefetch_related("captions")),
        versions=versions_of(picture),
    )


def facts_of(picture: Picture) -> list[Fact]:
    """Return what is known of the file."""
    return [
        Fact(label=_("Size"), value=f"{picture.width} × {picture.height}"),
        Fact(label=_("Format"), value=picture.format),
        Fact(label=_("File size"), value=filesizeformat(picture.size_bytes)),
        Fact(label=_("Added by"), value=str(picture.added_by)),
    ]


def measures_of(picture: Picture) -> list[tuple[Any, str]]:
    """Return what a worker has measured."""
    measures = picture.measures or {}
    return [(word, f"{measures[name]:.3g}") for name, word in MEASURES.items() if name in measures]


def answers_of(project: Project, picture: Picture) -> list[Answer]:
    """Return what may be done with a picture, question by question."""
    waivers = waivers_of(project, *Action)
    return [
        answer_of(
            words,
            decide_about(project, gate, inputs_about(gate, [picture], kind, edge=edge), waivers=waivers, **changes),
        )
        for words, gate, kind, edge, changes in QUESTIONS
    ]


def tags_of(picture: Picture) -> dict[str, list[PictureTag]]:
    """Return the picture's words by what a person has decided about them."""
    rows = list(picture.tags.all())
    return {state.value: [tag for tag in rows if tag.state == state] for state in PictureTag.State}


def versions_of(picture: Picture) -> list[DatasetVersion]:
    """Return the frozen versions that hold the picture, the newest first."""
    rows = DatasetVersion.objects.filter(items__picture=picture).select_related("dataset__project")
    return list(rows.order_by("-created_at"))
