"""What the page of an adapter shows: its versions, which of them counts, and what waits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assets.library import count_pictures
from projects.models import Project

from .adapter_cards import strip_of
from .adapter_list import VERSIONS, Picture, count_grids, counting, sample_picture
from .models import Adapter, AdapterAlias, AdapterJob, AdapterVersion, Promotion
from .version_words import Badge, Scores, aliases_by_version, license_words, scores_of, state_of

STRIP_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One version in its adapter's list. `is_comparable` when it came from a run that can be laid beside another."""

    version: AdapterVersion
    badges: Sequence[Badge]
    state: Badge | None
    scores: Scores
    license: str
    pictures: int
    grids: int

    @property
    def is_comparable(self) -> bool:
        """Can its run be laid beside another one?"""
        return self.version.run_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPage:
    """Everything that an adapter's page shows. `shown` is the version that counts."""

    adapter: Adapter
    lines: Sequence[Line]
    shown: Line | None
    production: AdapterAlias | None
    candidate: AdapterAlias | None
    promotion: Promotion | None
    strip: Sequence[Picture]
    jobs: Sequence[AdapterJob]

    @property
    def can_roll_back(self) -> bool:
        """Is there a version to go back to?"""
        return self.production is not None and self.production.previous_id is not None

    @property
    def comparable(self) -> int:
        """How many of its versions came from runs?"""
        return sum(each.is_comparable for each in self.lines)


def adapter_page(project: Project, adapter: Adapter) -> AdapterPage:
    """Return what an adapter's page shows."""
    versions = list(VERSIONS.filter(adapter=adapter).select_related("created_by", "withdrawn_by"))
    aliases = list(adapter.aliases.select_related("version", "previous"))
    lines = lines_of(project, adapter, versions, aliases)
    shown = counting(adapter, versions)
    by_name = {each.name: each for each in aliases}
    waiting = adapter.promotions.filter(decided_at=None).select_related("version", "asked_by").first()
    return AdapterPage(
        adapter=adapter,
        lines=lines,
        shown=next((each for each in lines if shown and each.version.id == shown.id), None),
        production=by_name.get(AdapterAlias.Name.PRODUCTION),
        candidate=by_name.get(AdapterAlias.Name.CANDIDATE),
        promotion=waiting,
        strip=strip_for(project, shown) if shown else (),
        jobs=list(adapter.jobs.exclude(status=AdapterJob.Status.SUCCEEDED).select_related("requested_by")[:5]),
    )


def lines_of(
    project: Project, adapter: Adapter, versions: Sequence[AdapterVersion], aliases: Sequence[AdapterAlias]
) -> list[Line]:
    """Return versions as lines, with what was drawn with each."""
    files, badges = [each.file for each in versions], aliases_by_version(aliases)
    pictures, grids = count_pictures(project, files), count_grids(project, files)
    for each in versions:
        each.adapter = adapter
    return [line_of(each, badges.get(each.id, ()), pictures, grids) for each in versions]


def line_of(version: AdapterVersion, badges: Sequence[Badge], pictures: Counter[Any], grids: Counter[Any]) -> Line:
    """Return one version as a line."""
    return Line(
        version=version,
        badges=badges,
        state=state_of(version),
        scores=scores_of(version),
        license=license_words(version.license),
        pictures=pictures[version.file_id],
        grids=grids[version.file_id],
    )


def strip_for(project: Project, version: AdapterVersion) -> list[Picture]:
    """Return the sample strip of the step that a version kept."""
    samples = list(version.run.samples.all()) if version.run else []
    return [sample_picture(project, each) for each in strip_of(version, samples)[:STRIP_SHOWN]]
