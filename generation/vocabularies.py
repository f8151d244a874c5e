"""The vocabulary that a project translates with: the shared set, and the project's own words over it."""

import hashlib
from functools import lru_cache
from uuid import UUID

from assets.models import Term
from assets.vocabulary import VocabularyTerm
from projects.access import usable_in
from projects.models import Project

from .translation import Vocabulary


def vocabulary_of(project: Project) -> Vocabulary:
    """Return the project's vocabulary; it is built again only when a word was added, changed or removed."""
    return build_vocabulary(project.id, state_of(project))


def state_of(project: Project) -> str:
    """Return the sha256 over every word's id and time of change.

    Counting words and taking the newest time is not enough: two changes may be committed in the other order than
    they were made, and a word may leave in the moment in which another one comes.
    """
    rows = usable_in(project, Term.objects.order_by("id")).values_list("id", "changed_at")
    return hashlib.sha256("\n".join(f"{key} {moment.timestamp()}" for key, moment in rows).encode()).hexdigest()


@lru_cache(maxsize=64)
def build_vocabulary(project_id: UUID, state: str) -> Vocabulary:
    """Build a vocabulary; the state is there to tell one from the next."""
    rows = Term.objects.filter(project=None) | Term.objects.filter(project=project_id)
    shared_first = sorted(rows, key=lambda row: row.project_id is not None)
    chosen = {(row.ja, row.slot): row for row in shared_first}
    return Vocabulary(
        [
            VocabularyTerm(ja=row.ja, reading=row.reading, en=row.en, synonyms=tuple(row.synonyms), slot=row.slot)
            for row in chosen.values()
        ]
    )
