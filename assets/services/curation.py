"""Ask workers to look at pictures, and keep what a person decides about what they found."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs.queue import ring
from projects.models import Project, User

from ..curation.groups import group
from ..models import Curation, Dataset, Picture, PicturePair, PictureTag, Tagging
from .pictures import refresh_search_text


class Near(NamedTuple):
    """Two pictures that are nearly the same, by their keys."""

    first: str
    second: str


def request_curation(user: User, project: Project) -> Curation:
    """Ask a worker to look at the project's new pictures; while one waits, return that one."""
    try:
        with transaction.atomic():
            job = Curation.objects.create(project=project, requested_by=user)
            ring(job)
    except IntegrityError:
        return Curation.objects.filter(project=project).latest("queued_at")
    return job


def duplicate_groups(pictures: Iterable[Picture]) -> list[list[Picture]]:
    """Return groups of two or more pictures that are nearly the same, unless somebody said that they are not."""
    rows = {picture.id.hex: picture for picture in pictures}
    ids = [picture.id for picture in rows.values()]
    pairs = PicturePair.objects.filter(dismissed_by=None).filter(first__in=ids, second__in=ids)
    groups = group([Near(pair.first_id.hex, pair.second_id.hex) for pair in pairs], sorted(rows))
    return [[rows[key] for key in sorted(each)] for each in groups if len(each) > 1]


@transaction.atomic
def dismiss_group(user: User, pictures: Iterable[Picture]) -> int:
    """Say that pictures are not the same after all. Return how many pairs that concerns; who said it first stays."""
    ids = [picture.id for picture in pictures]
    pairs = PicturePair.objects.filter(dismissed_by=None, first__in=ids, second__in=ids)
    return pairs.update(dismissed_by=user)


@transaction.atomic
def decide_tag(user: User, tag: PictureTag, *, accepted: bool) -> None:
    """Accept or reject a proposed tag."""
    state = PictureTag.State.ACCEPTED if accepted else PictureTag.State.REJECTED
    PictureTag.objects.filter(pk=tag.pk).update(state=state, decided_by=user, decided_at=timezone.now())
    refresh_search_text(tag.picture)


def request_tagging(user: User, project: Project, dataset: Dataset | None = None) -> Tagging:
    """Ask a worker to propose tags for a dataset's pictures, or for all of the project's.

    While one looks at the project's pictures, return that one.
    """
    try:
        with transaction.atomic():
            job = Tagging.objects.create(project=project, dataset=dataset, requested_by=user)
            ring(job)
    except IntegrityError:
        return Tagging.objects.filter(project=project).latest("queued_at")
    return job


def propose_tags(picture: Picture, proposals: Iterable[tuple[str, float]], *, source: str) -> int:
    """Write what a model sees; what a person has decided about stays. Return how many proposals are new."""
    rows = [
        PictureTag(
            picture=picture, text=text[:80], state=PictureTag.State.PROPOSED, source=source[:120], confidence=confidence
        )
        for text, confidence in proposals
    ]
    before: Any = picture.tags.count()
    PictureTag.objects.bulk_create(rows, ignore_conflicts=True)
    return int(picture.tags.count() - before)
