"""What the datasets' pages show: the list, and the pictures of one dataset with their licences and warnings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet
from django.utils.translation import gettext_lazy as _

from projects.access import get_in_project
from projects.models import Project

from . import licensing
from .library import MARKS, STATE_MARKS
from .licensing import Action, Decision
from .models import CaptionEdit, Dataset, DatasetItem, DatasetVersion, Picture, Rights, Waiver
from .picture_filters import flag_words
from .services import decide_about, decide_pictures, explain_here, reading_language
from .services.decisions import BASIS_LICENSES, input_of_picture, makers_of, own_profiles_in, waivers_of

PAGE_SIZE = 60
COVER = 4
NAMED_LICENSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A word with what it means for us: ok, warn, stop, or "" for nothing."""

    word: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One dataset in the list; `gate` is the train gate's answer now, None without pictures."""

    dataset: Dataset
    count: int
    version: int
    licenses: list[tuple[str, int]]
    gate: Badge | None
    changed_at: datetime
    cover: list[Picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What people see of one picture: its licence as the train gate judges it, why, its rights' state, its warnings."""

    picture: Picture
    license: Badge
    why: str
    state: Badge
    flags: list[str]
    is_measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A picture at its place in a dataset; `group` counts groups of near duplicates from 1, 0 for none."""

    item: DatasetItem
    sheet: Sheet
    group: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows in order, and the number to go on after; None at the end."""

    rows: Sequence[Any]
    next_after: int | None


def datasets_of(project: Project) -> QuerySet[Dataset]:
    """Return a project's datasets that are in use."""
    return Dataset.objects.filter(project=project, archived_at=None)


def get_dataset(project: Project, slug: str) -> Dataset:
    """Return one dataset of a project that `get_project` has opened. Raises Http404."""
    dataset = get_in_project(project, Dataset.objects.all(), slug=slug)
    dataset.project = project
    return dataset


def summaries_of(project: Project) -> list[Summary]:
    """Return the project's datasets as the list shows them, what changed last first."""
    datasets = list(datasets_of(project).select_related("project"))
    items: dict[Any, list[DatasetItem]] = defaultdict(list)
    for item in DatasetItem.objects.filter(dataset__in=datasets).select_related("picture__rights__evidence"):
        items[item.dataset_id].append(item)
    versions = {
        row["dataset"]: row
        for row in DatasetVersion.objects.filter(dataset__in=datasets)
        .order_by()
        .values("dataset")
        .annotate(number=Max("number"), at=Max("created_at"))
    }
    edits = CaptionEdit.objects.filter(dataset__in=datasets).order_by().values_list("dataset")
    edited = dict(edits.annotate(at=Max("made_at")))
    waivers = waivers_of(project, Action.TRAIN)
    found = [
        summary_of(each, items[each.id], versions.get(each.id, {}), edited.get(each.id), waivers) for each in datasets
    ]
    return sorted(found, key=lambda each: each.changed_at, reverse=True)


def summary_of(
    dataset: Dataset,
    items: Sequence[DatasetItem],
    version: Mapping[str, Any],
    edited_at: datetime | None,
    waivers: Sequence[Waiver],
) -> Summary:
    """Return one dataset as the list shows it."""
    moments = [dataset.created_at, version.get("at"), edited_at, *(item.added_at for item in items)]
    counted = Counter(license_word(item.picture.rights) for item in items)
    return Summary(
        dataset=dataset,
        count=len(items),
        version=version.get("number", 0),
        licenses=counted.most_common(NAMED_LICENSES),
        gate=train_badge(dataset.project, [item.picture for item in items], waivers),
        changed_at=max(moment for moment in moments if moment is not None),
        cover=[item.picture for item in items if item.picture.rights.state != Rights.State.WITHDRAWN][:COVER],
    )


def train_badge(project: Project, pictures: Sequence[Picture], waivers: Sequence[Waiver]) -> Badge | None:
    """Return the train gate's answer about all of these pictures together, in one word; None without any."""
    if not pictures:
        return None
    return verdict_badge(decide_pictures(project, Action.TRAIN, pictures, waivers=waivers))


def verdict_badge(decision: licensing.Decision) -> Badge:
    """Return a gate's answer in one word."""
    verdict = decision.verdict.value
    return Badge(word=licensing.label("verdicts", verdict, reading_language()), mark=MARKS[verdict])


def read_items(items: QuerySet[DatasetItem], after: str, *, size: int = PAGE_SIZE) -> Page:
    """Return the next pictures of a dataset after a number; what is no number means the beginning."""
    start = int(after) if after.isdecimal() and len(after) < 10 else 0
    rows = items.filter(number__gt=start).select_related("picture__rights__evidence").order_by("number")
    found = list(rows[: size + 1])
    return Page(rows=found[:size], next_after=found[size - 1].number if len(found) > size else None)


def tiles_of(project: Project, items: Iterable[DatasetItem], groups: Mapping[Any, int]) -> list[Tile]:
    """Return pictures of a dataset as the grid shows them; `groups` is by the picture's id."""
    rows = list(items)
    sheets = sheets_of(project, [item.picture for item in rows])
    return [
        Tile(item=item, sheet=sheet, group=groups.get(item.picture_id, 0))
        for item, sheet in zip(rows, sheets, strict=True)
    ]


def named_groups(dataset: Dataset) -> list[str]:
    """Return the groups that people have named in a dataset."""
    return list(dataset.items.exclude(group="").order_by("group").values_list("group", flat=True).distinct())


def sheets_of(project: Project, pictures: Iterable[Picture]) -> list[Sheet]:
    """Return pictures with what people need to know of them; two queries at most, however many there are."""
    shown, waivers = list(pictures), waivers_of(project, Action.TRAIN)
    makers = makers_of(shown, is_lesson=True)
    learned = [[input_of_picture(each, "training_picture"), *makers.get(each.id, ())] for each in shown]
    own = own_profiles_in(project, [each for inputs in learned for each in inputs])
    return [
        sheet_of(picture, decide_about(project, Action.TRAIN, inputs, waivers=waivers, own=own))
        for picture, inputs in zip(shown, learned, strict=True)
    ]


def sheet_of(picture: Picture, decision: Decision) -> Sheet:
    """Return one picture with its licence, as the train gate has judged it alone."""
    return Sheet(
        picture=picture,
        license=Badge(word=license_word(picture.rights), mark=MARKS[decision.verdict.value]),
        why="\n".join(explain_here(decision)),
        state=state_badge(picture.rights),
        flags=flag_words(picture.flags),
        is_measured=picture.measures is not None,
    )


def license_word(rights: Rights) -> str:
    """Return what the licence of a picture is called; a basis other than a licence is called by its own name."""
    name = rights.license or BASIS_LICENSES.get(Rights.Basis(rights.basis), licensing.UNKNOWN)
    return licensing.label("licenses", name, reading_language())


def state_badge(rights: Rights) -> Badge:
    """Return how far rights are cleared; a term that has ended goes before that."""
    if rights.is_expired:
        return Badge(word=str(_("Expired")), mark="stop")
    state = Rights.State(rights.state)
    return Badge(word=str(state.label), mark=STATE_MARKS[state])
