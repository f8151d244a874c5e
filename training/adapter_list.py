"""The list of adapters: each with the version that counts, a picture, its words, and where it is used."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.urls import reverse

from assets.library import count_pictures
from assets.models import ModelFile
from projects.models import Project

from .adapter_cards import strip_of
from .models import Adapter, AdapterAlias, AdapterVersion, Promotion, TrainingSample
from .version_words import Badge, aliases_by_version, license_words, state_of

HEAVY = ("decision", "attribution", "run__decision", "run__environment", "run__split", "run__detail", "run__notes")
VERSIONS = AdapterVersion.objects.select_related("file__rights", "run", "job", "dataset_version__dataset").defer(*HEAVY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A small picture that an adapter has drawn."""

    url: str
    width: int
    height: int
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One adapter of the list. `version` is the one that counts: production, else candidate, else the newest."""

    adapter: Adapter
    version: AdapterVersion | None
    badges: Sequence[tuple[int, Badge]]
    closed: Badge | None
    license: str
    picture: Picture | None
    versions: int
    pictures: int
    grids: int
    is_waiting: bool


def shown_adapters(project: Project) -> QuerySet[Adapter]:
    """Return the project's adapters with what the list shows of each."""
    aliases = Prefetch("aliases", AdapterAlias.objects.select_related("version"))
    return Adapter.objects.filter(project=project).select_related("created_by").prefetch_related(aliases)


def cards_of(project: Project, adapters: Sequence[Adapter]) -> list[Card]:
    """Return adapters as cards, in a handful of queries for all of them."""
    versions = versions_of(adapters)
    shown = {each.id: counting(each, versions.get(each.id, ())) for each in adapters}
    files = [each.file for rows in versions.values() for each in rows]
    pictures, grids = count_pictures(project, files), count_grids(project, files)
    drawn = pictures_of(project, [each for each in shown.values() if each is not None])
    waiting = set(Promotion.objects.filter(adapter__in=adapters, decided_at=None).values_list("adapter_id", flat=True))
    return [
        card_of(each, shown[each.id], versions.get(each.id, ()), pictures, grids, drawn, is_waiting=each.id in waiting)
        for each in adapters
    ]


def card_of(
    adapter: Adapter,
    version: AdapterVersion | None,
    versions: Sequence[AdapterVersion],
    pictures: Counter[Any],
    grids: Counter[Any],
    drawn: Mapping[Any, Picture],
    *,
    is_waiting: bool,
) -> Card:
    """Return one adapter as a card."""
    badges = aliases_by_version(adapter.aliases.all())
    numbers = {each.id: each.number for each in versions}
    return Card(
        adapter=adapter,
        version=version,
        badges=[(numbers[key], badge) for key, found in badges.items() for badge in found if key in numbers],
        closed=state_of(version) if version else None,
        license=license_words(version.license) if version else "",
        picture=drawn.get(version.id) if version else None,
        versions=len(versions),
        pictures=sum(pictures[each.file_id] for each in versions),
        grids=sum(grids[each.file_id] for each in versions),
        is_waiting=is_waiting,
    )


def versions_of(adapters: Iterable[Adapter]) -> dict[Any, list[AdapterVersion]]:
    """Return the versions of adapters by adapter, newest first."""
    found: dict[Any, list[AdapterVersion]] = {}
    for version in VERSIONS.filter(adapter__in=adapters).order_by("adapter_id", "-number"):
        found.setdefault(version.adapter_id, []).append(version)
    return found


def counting(adapter: Adapter, versions: Sequence[AdapterVersion]) -> AdapterVersion | None:
    """Return the version that people use: production, else candidate, else the newest that was not taken back."""
    names = {alias.version_id: alias.name for alias in adapter.aliases.all()}
    order = (AdapterAlias.Name.PRODUCTION, AdapterAlias.Name.CANDIDATE)
    for name in order:
        found = next((each for each in versions if names.get(each.id) == name), None)
        if found is not None:
            return found
    left = [each for each in versions if not each.is_withdrawn]
    return next(iter(left or versions), None)


def count_grids(project: Project, files: Sequence[ModelFile]) -> Counter[Any]:
    """Count this project's grids in which a file was used, by the file's id."""
    way = "adapter_generations__generation__grid_cells__grid"
    rows = ModelFile.objects.filter(id__in=[each.id for each in files], **{f"{way}__project": project})
    return Counter(dict(rows.order_by().values_list("id").annotate(count=Count(way, distinct=True))))


def pictures_of(project: Project, versions: Sequence[AdapterVersion]) -> dict[Any, Picture]:
    """Return a picture of each version by its id: its run's newest sample, else the newest that was drawn with it."""
    found = samples_of(project, versions)
    left = [each for each in versions if each.id not in found]
    return {**found, **(outputs_of(project, left) if left else {})}


def samples_of(project: Project, versions: Sequence[AdapterVersion]) -> dict[Any, Picture]:
    """Return the first sample of the step that each version kept."""
    runs = {each.run_id: each for each in versions if each.run_id is not None}
    rows = TrainingSample.objects.filter(run__in=runs).only("run_id", "step", "index", "prompt", "width", "height")
    by_run: dict[Any, list[TrainingSample]] = {}
    for row in rows:
        by_run.setdefault(row.run_id, []).append(row)
    strips = {runs[key].id: strip_of(runs[key], samples) for key, samples in by_run.items()}
    return {key: sample_picture(project, strip[0]) for key, strip in strips.items() if strip}


def sample_picture(project: Project, sample: TrainingSample) -> Picture:
    """Return a sample as a small picture."""
    url = reverse("training_thumbnail", args=[project.slug, sample.run_id, sample.step, sample.index])
    return Picture(url=url, width=sample.width, height=sample.height, words=sample.prompt)


def outputs_of(project: Project, versions: Sequence[AdapterVersion]) -> dict[Any, Picture]:
    """Return the newest picture of the project that was drawn with each version's file."""
    uses: Any = ModelFile._meta.get_field("adapter_generations").related_model
    outputs = "generation__outputs"
    newest = uses.objects.filter(file=OuterRef("pk"), generation__project=project, **{f"{outputs}__rejected_at": None})
    newest = newest.exclude(**{outputs: None}).order_by("-generation__queued_at", f"{outputs}__index")
    wanted = {name: Subquery(newest.values(f"{outputs}__{name}")[:1]) for name in ("id", "width", "height")}
    rows = ModelFile.objects.filter(id__in=[each.file_id for each in versions])
    rows = rows.annotate(**{f"drawn_{name}": query for name, query in wanted.items()}).exclude(drawn_id=None)
    by_file = {each.file_id: each for each in versions}
    return {
        by_file[key].id: Picture(
            url=reverse("picture_thumbnail", args=[project.slug, output]), width=width, height=height
        )
        for key, output, width, height in rows.values_list("id", "drawn_id", "drawn_width", "drawn_height")
    }
