"""Look at pictures in a worker: measure them, find those nearly the same, and keep what a person decides."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, Protocol

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from PIL import Image

from jobs.queue import ring
from projects.models import Project, User

from .. import storage
from ..curation.duplicates import find_pairs, group
from ..curation.fingerprints import Fingerprint, fingerprint
from ..curation.quality import flags, measure
from ..models import Curation, Dataset, Picture, PicturePair, PictureTag, Tagging
from ..pictures import flatten, open_picture
from .pictures import refresh_search_text

SHARE_OF_MEASURING = 0.8


def request_curation(user: User, project: Project) -> Curation:
    """Ask a worker to look at the project's new pictures; while one waits, return that one."""
    try:
        with transaction.atomic():
            job = Curation.objects.create(project=project, requested_by=user)
            ring(job)
    except IntegrityError:
        return Curation.objects.filter(project=project).latest("queued_at")
    return job


def curate(job: Curation) -> None:
    """Measure every picture that nobody has measured, then compare all of them."""
    waiting = Picture.objects.filter(project=job.project, measures__isnull=True, removed_at=None)
    ids = list(waiting.order_by("added_at", "id").values_list("id", flat=True))
    for done, picture_id in enumerate(ids):
        job.beat_due(progress=SHARE_OF_MEASURING * done / max(len(ids), 1), stage="measuring")
        measure_picture(Picture.objects.get(pk=picture_id))
    job.beat(progress=SHARE_OF_MEASURING, stage="comparing")
    found = compare_pictures(job.project)
    Curation.objects.filter(pk=job.pk).update(measured=len(ids), pairs=found)


def measure_picture(picture: Picture) -> None:
    """Write a picture's measures, flags and fingerprint."""
    image = open_image(picture)
    measures = measure(image)
    Picture.objects.filter(pk=picture.pk).update(
        measures=measures.as_dict(),
        flags=list(flags(measures)),
        fingerprint=fingerprint(image).to_bytes(),
    )


def compare_pictures(project: Project) -> int:
    """Write the pairs of pictures that are nearly the same. Return how many there are."""
    rows = Picture.objects.filter(project=project, removed_at=None).exclude(fingerprint=None)
    prints = {row_id.hex: Fingerprint.from_bytes(bytes(data)) for row_id, data in rows.values_list("id", "fingerprint")}
    pairs = [
        PicturePair(first_id=pair.first, second_id=pair.second, similarity=pair.similarity)
        for pair in find_pairs(prints)
    ]
    PicturePair.objects.bulk_create(pairs, ignore_conflicts=True, batch_size=500)
    return len(pairs)


def duplicate_groups(pictures: Iterable[Picture]) -> list[list[Picture]]:
    """Return groups of two or more pictures that are nearly the same, unless somebody said that they are not."""
    rows = {picture.id.hex: picture for picture in pictures}
    ids = [picture.id for picture in rows.values()]
    pairs = PicturePair.objects.filter(dismissed_by=None).filter(first__in=ids, second__in=ids)
    groups = group([_Pair(pair.first_id.hex, pair.second_id.hex, pair.similarity) for pair in pairs], sorted(rows))
    return [[rows[key] for key in sorted(each)] for each in groups if len(each) > 1]


class _Pair:
    """What `group` reads of a pair."""

    def __init__(self, first: str, second: str, similarity: float) -> None:
        self.first, self.second, self.similarity = first, second, similarity


@transaction.atomic
def dismiss_group(user: User, pictures: Iterable[Picture]) -> int:
    """Say that pictures are not the same after all. Return how many pairs that concerns."""
    either = Q()
    for one, other in combinations(sorted(picture.id for picture in pictures), 2):
        either |= Q(first=one, second=other) | Q(first=other, second=one)
    return PicturePair.objects.filter(either).update(dismissed_by=user) if either else 0


@transaction.atomic
def decide_tag(user: User, tag: PictureTag, *, accepted: bool) -> None:
    """Accept or reject a proposed tag."""
    state = PictureTag.State.ACCEPTED if accepted else PictureTag.State.REJECTED
    PictureTag.objects.filter(pk=tag.pk).update(state=state, decided_by=user, decided_at=timezone.now())
    refresh_search_text(tag.picture)


class Tagger(Protocol):
    """What `tag_pictures` needs of a tagger; `version` is the hash of its weights."""

    name: str
    version: str

    def tag(self, images: Sequence[Image.Image]) -> list[list[Any]]:
        """Return the words for each picture."""


def request_tagging(user: User, project: Project, dataset: Dataset | None = None) -> Tagging:
    """Ask a worker to propose tags for a dataset's pictures, or for all of the project's."""
    with transaction.atomic():
        job = Tagging.objects.create(project=project, dataset=dataset, requested_by=user)
        ring(job)
    return job


def tag_pictures(job: Tagging, tagger: Tagger) -> None:
    """Propose tags picture by picture; what a person has decided about stays."""
    source = f"{tagger.name} {tagger.version[:12]}"
    rows = Picture.objects.filter(project=job.project, removed_at=None)
    rows = rows.filter(items__dataset=job.dataset) if job.dataset else rows
    ids = list(rows.exclude(tags__source=source).order_by("added_at", "id").values_list("id", flat=True))
    proposed = 0
    for done, picture_id in enumerate(ids):
        job.beat_due(progress=done / max(len(ids), 1), stage="tagging")
        picture = Picture.objects.get(pk=picture_id)
        [tags] = tagger.tag([open_image(picture)])
        proposed += propose_tags(picture, [(tag.label, tag.confidence) for tag in tags], source=source)
    Tagging.objects.filter(pk=job.pk).update(tagger=source[:120], proposed=proposed)


def open_image(picture: Picture) -> Image.Image:
    """Return a picture's pixels as people see them. Raises StorageError, PictureError."""
    with storage.open_stored(settings.MEDIA_ROOT, picture.path) as file:
        return flatten(open_picture(file.read()).image)


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
