"""The vocabulary that a project translates with: the shared set, and the project's own words over it."""

from functools import lru_cache
from uuid import UUID

from django.db.models import Count, Max

from assets.models import Term
from assets.vocabulary import VocabularyTerm
from projects.access import usable_in
from projects.models import Project

from .translation import Vocabulary


def vocabulary_of(project: Project) -> Vocabulary:
    """Return the project's vocabulary; it is built again only when a word was added, changed or removed."""
    terms = usable_in(project, Term.objects.all())
    state = terms.aggregate(count=Count("id"), changed_at=Max("changed_at"))
    return build_vocabulary(project.id, state["count"], str(state["changed_at"]))


@lru_cache(maxsize=64)
def build_vocabulary(project_id: UUID, count: int, changed_at: str) -> Vocabulary:
    """Build a vocabulary; count and time are there to tell one state from the next."""
    rows = Term.objects.filter(project=None) | Term.objects.filter(project=project_id)
    shared_first = sorted(rows, key=lambda row: row.project_id is not None)
    chosen = {(row.ja, row.slot): row for row in shared_first}
    return Vocabulary(
        [
            VocabularyTerm(ja=row.ja, reading=row.reading, en=row.en, synonyms=tuple(row.synonyms), slot=row.slot)
            for row in chosen.values()
        ]
    )
