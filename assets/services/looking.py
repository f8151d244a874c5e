"""Look at pictures: measure them, find those nearly the same, propose tags. Workers only: it brings OpenCV."""

from collections.abc import Sequence
from typing import Any, Protocol

from django.conf import settings
from PIL import Image

from projects.models import Project

from .. import storage
from ..curation.duplicates import find_pairs
from ..curation.fingerprints import Fingerprint, fingerprint
from ..curation.quality import flags, measure
from ..models import Curation, Picture, PicturePair, Tagging
from ..pictures import flatten, open_picture
from .curation import propose_tags

SHARE_OF_MEASURING = 0.8


class Tagger(Protocol):
    """What `tag_pictures` needs of a tagger; `version` is the hash of its weights."""

    name: str
    version: str

    def tag(self, images: Sequence[Image.Image]) -> list[list[Any]]:
        """Return the words for each picture."""


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
