"""What a dataset's checks say: may we train, is it enough, what is there twice, what is missing, how it is cut."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from jobs.words import remaining_words
from projects.models import Project

from . import captions as caption_rules
from .captions import Readiness
from .curation.cropping import CropPlan, aspect_buckets, crop_plan
from .dataset_pages import Badge, Tile, tiles_of
from .library import Answer, answer_of
from .licensing import Action, Decision
from .models import Caption, Curation, Dataset, DatasetItem, PicturePair, PictureTag, Tagging
from .picture_filters import FLAG_WORDS
from .sentences import sentence
from .services import decide_pictures, reading_language
from .services.curation import duplicate_groups

METHODS = {
    "textual_inversion": "Textual Inversion",
    "dreambooth": "DreamBooth",
    "lora": "LoRA",
    "hypernetwork": _("Hypernetwork"),
}
LEVELS = {
    "ready": (_("Ready"), "ok"),
    "check": (_("Look first"), "warn"),
    "not_ready": (_("Not ready"), "stop"),
}
STAGES = {
    "measuring": _("Looking at each picture"),
    "comparing": _("Comparing pictures"),
    "tagging": _("Proposing tags"),
}
NUMBERS_SHOWN = 12
WORTH_SAYING = 1.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Whether a dataset is enough for one way of training, and what speaks against it."""

    name: str
    level: Badge
    reasons: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pictures that are nearly the same; `number` counts groups from 1."""

    number: int
    tiles: list[Tile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How many pictures speak of one thing; `id` is its name for programs."""

    id: str
    label: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One group of the coverage table; `unsaid` are the first numbers of pictures that say nothing about it."""

    id: str
    label: str
    values: list[Shown]
    unsaid: list[str]
    unsaid_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """How many pictures have one warning about quality, and the first numbers of them."""

    flag: str
    label: str
    count: int
    numbers: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is counted of a dataset."""

    pictures: int
    flagged: int
    captioned: int
    unmeasured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """The newest look of a worker at the project's pictures, and how many of the dataset wait for one."""

    job: Curation | Tagging | None
    stage: str
    percent: int
    remaining: str
    waiting: int

    @property
    def is_live(self) -> bool:
        """Is a worker still to finish?"""
        return self.job is not None and not self.job.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """How training cuts one picture; `box` and `shade` are drawn over it in its own pixels."""

    item: DatasetItem
    plan: CropPlan
    lost_percent: int
    enlarged: float | None
    box: Mapping[str, str]
    view: str
    shade: str


def count_dataset(dataset: Dataset) -> Counts:
    """Count a dataset's pictures, warnings and captions."""
    found = dataset.items.aggregate(
        pictures=Count("id"),
        unmeasured=Count("id", filter=Q(picture__measures__isnull=True)),
        flagged=Count("id", filter=~Q(picture__flags=[])),
    )
    captioned = Caption.objects.filter(item__dataset=dataset).order_by().values("item").distinct().count()
    return Counts(captioned=captioned, **found)


def gate_of(dataset: Dataset) -> Answer | None:
    """Return the train gate's answer about all pictures in words; None without any."""
    decision = decide_training(dataset)
    return answer_of(_("Train on these pictures"), decision) if decision else None


def decide_training(dataset: Dataset) -> Decision | None:
    """Return the train gate's answer about all pictures; None without any."""
    items = dataset.items.select_related("picture__rights__evidence")
    pictures = [item.picture for item in items]
    return decide_pictures(dataset.project, Action.TRAIN, pictures) if pictures else None


def judge_readiness(counts: Counts, groups: Iterable[Sequence[Any]]) -> list[Readiness]:
    """Judge for each way of training whether the dataset is enough."""
    sizes = [len(group) for group in groups]
    return caption_rules.readiness(counts.pictures, sizes, counts.flagged, counts.captioned)


def methods_of(counts: Counts, groups: Iterable[Sequence[Any]]) -> list[Method]:
    """Return for each way of training whether the dataset is enough, in words."""
    return [
        Method(
            name=METHODS[each.method],
            level=Badge(word=str(LEVELS[each.level][0]), mark=LEVELS[each.level][1]),
            reasons=[sentence(reason.code, reason.params) for reason in each.reasons],
        )
        for each in judge_readiness(counts, groups)
    ]


def warnings_in(dataset: Dataset) -> list[Warned]:
    """Return each warning about quality that pictures of a dataset have, in the order of the filters."""
    found: dict[str, list[int]] = defaultdict(list)
    rows = dataset.items.exclude(picture__flags=[]).order_by("number").values_list("number", "picture__flags")
    for number, flags in rows:
        for flag in flags:
            found[flag].append(number)
    return [
        Warned(flag=flag, label=str(label), count=len(found[flag]), numbers=found[flag][:NUMBERS_SHOWN])
        for flag, label in FLAG_WORDS.items()
        if flag in found
    ]


def duplicates_in(dataset: Dataset) -> list[list[DatasetItem]]:
    """Return groups of a dataset's pictures that are nearly the same, in the order of their numbers."""
    pairs = PicturePair.objects.filter(
        dismissed_by=None, first__items__dataset=dataset, second__items__dataset=dataset
    ).values_list("first", "second")
    ids = {picture_id for pair in pairs for picture_id in pair}
    rows = dataset.items.filter(picture__in=ids).select_related("picture__rights__evidence")
    items = {item.picture_id: item for item in rows} if ids else {}
    groups = duplicate_groups([item.picture for item in items.values()])
    numbered = [sorted((items[each.id] for each in group), key=lambda item: item.number) for group in groups]
    return sorted(numbered, key=lambda group: group[0].number)


def group_numbers(groups: Iterable[Iterable[DatasetItem]]) -> dict[Any, int]:
    """Return each picture's group by its id."""
    return {item.picture_id: number for number, group in enumerate(groups, 1) for item in group}


def groups_of(project: Project, groups: Iterable[Sequence[DatasetItem]]) -> list[Group]:
    """Return groups as the page shows them; all pictures are judged in one go."""
    grouped = list(groups)
    tiles: dict[int, list[Tile]] = defaultdict(list)
    for tile in tiles_of(project, (item for group in grouped for item in group), group_numbers(grouped)):
        tiles[tile.group].append(tile)
    return [Group(number=number, tiles=found) for number, found in tiles.items()]


def coverage_of(dataset: Dataset) -> list[Covered]:
    """Return which angles, compositions and parts the captions and accepted tags of a dataset speak of."""
    numbers = dict(dataset.items.values_list("picture", "number"))
    texts: dict[str, list[str]] = {str(number): [] for number in numbers.values()}
    captions = Caption.objects.filter(item__dataset=dataset).values_list("item__picture", "text")
    tags = PictureTag.objects.filter(picture__items__dataset=dataset, state=PictureTag.State.ACCEPTED)
    for picture, text in [*captions, *tags.values_list("picture", "text")]:
        texts[str(numbers[picture])].append(text)
    language = reading_language()
    return [
        Covered(
            id=found.group.id,
            label=found.group.label[language],
            values=[
                Shown(id=value.id, label=value.label[language], count=len(found.items[value.id]))
                for value in found.group.values
            ],
            unsaid=list(found.unsaid[:NUMBERS_SHOWN]),
            unsaid_count=len(found.unsaid),
        )
        for found in caption_rules.coverage(texts)
    ]


def looking_at(project: Project, waiting: int) -> Looking:
    """Return how far the newest look at the project's pictures is."""
    return looking_of(Curation.objects.filter(project=project).order_by("-queued_at").first(), waiting)


def tagging_at(project: Project) -> Looking:
    """Return how far the newest proposing of tags in the project is."""
    return looking_of(Tagging.objects.filter(project=project).order_by("-queued_at").first(), 0)


def looking_of(job: Curation | Tagging | None, waiting: int) -> Looking:
    """Return a worker's look as the page shows it."""
    return Looking(
        job=job,
        stage=str(STAGES.get(job.stage, job.stage)) if job else "",
        percent=round(job.progress * 100) if job else 0,
        remaining=remaining_words(job.remaining_seconds) if job else "",
        waiting=waiting,
    )


def crops_of(items: Iterable[DatasetItem], *, side: int, in_buckets: bool) -> list[Crop]:
    """Return how training would cut pictures: to squares, or to the bucket that loses least."""
    buckets = aspect_buckets(side) if in_buckets else None
    plans = ((item, crop_plan(item.picture.width, item.picture.height, side=side, buckets=buckets)) for item in items)
    return [crop_of(item, plan) for item, plan in plans]


def crop_of(item: DatasetItem, plan: CropPlan) -> Crop:
    """Return one cut as numbers for a drawing: the outside is shaded, the inside framed."""
    width, height = item.picture.width, item.picture.height
    across, down = plan.right - plan.left, plan.bottom - plan.top
    outside = f"M0 0H{width}V{height}H0Z"
    inside = f"M{plan.left} {plan.top}V{plan.bottom}H{plan.right}V{plan.top}Z"
    return Crop(
        item=item,
        plan=plan,
        lost_percent=round(plan.lost * 100),
        enlarged=plan.factor if plan.factor >= WORTH_SAYING else None,
        box={"x": str(plan.left), "y": str(plan.top), "width": str(across), "height": str(down)},
        view=f"0 0 {width} {height}",
        shade=outside + inside,
    )
