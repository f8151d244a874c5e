"""What the gpu workers run for the library. Only workers import this module: it brings torch."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from engine.taggers import Tagger, open_tagger
from projects.models import Project

from .models import Tagging, Term
from .services import looking

Words = tuple[tuple[str, str], ...]


def propose_tags(job_id: str) -> None:
    """Propose tags for pictures that this tagger has not seen."""
    job = Tagging.objects.select_related("project", "dataset").get(pk=job_id)
    if job.claim():
        with job.work():
            looking.tag_pictures(job, tagger(settings.TAGGER_MODEL, words_of(job.project)))


def words_of(project: Project) -> Words:
    """Return the team's vocabulary, the shared words among it: slot and English word."""
    terms = Term.objects.filter(Q(project=None) | Q(project=project))
    return tuple(terms.order_by("slot", "en").values_list("slot", "en").distinct())


@lru_cache(maxsize=2)
def tagger(folder: str, words: Words) -> Tagger:
    """Return this worker's tagger: a model's folder, or else the starter world's judge."""
    vocabulary: dict[str, list[str]] = {}
    for slot, en in words:
        vocabulary.setdefault(slot, []).append(en)
    path = Path(folder) if folder else None
    return open_tagger(path, vocabulary=vocabulary, device=settings.ENGINE_DEVICE or "cpu")
