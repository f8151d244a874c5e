"""What the gpu workers run for the library. Only workers import this module: it brings torch."""

from functools import cache
from pathlib import Path

from django.conf import settings

from engine.taggers import Tagger, open_tagger

from .models import Tagging, Term
from .services import looking


def propose_tags(job_id: str) -> None:
    """Propose tags for pictures that this tagger has not seen."""
    job = Tagging.objects.select_related("project", "dataset").get(pk=job_id)
    if job.claim():
        with job.work():
            looking.tag_pictures(job, tagger(settings.TAGGER_MODEL))


@cache
def tagger(folder: str) -> Tagger:
    """Return this worker's tagger: a model's folder, or else the starter world's judge."""
    words: dict[str, list[str]] = {}
    for slot, en in Term.objects.filter(project=None).values_list("slot", "en"):
        words.setdefault(slot, []).append(en)
    path = Path(folder) if folder else None
    return open_tagger(path, vocabulary=words, device=settings.ENGINE_DEVICE or "cpu")
