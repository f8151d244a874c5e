"""The vocabulary that a project translates with: the shared set, and the project's own words over it."""

from functools import lru_cache
from uuid import UUID

from django.db.models import Count, Max, Sum

from assets.models import Term
from assets.vocabulary import VocabularyTerm
from projects.access import usable_in
from projects.models import Project

from .translation import Vocabulary


def vocabulary_of(project: Project) -> Vocabulary:
    """Return the project's vocabulary; it is built again only when a word was added, changed or removed."""
    return build_vocabulary(project.id, state_of(project))


def state_of(project: Project) -> str:
    """Return a text that changes with every word that is added, changed or removed.

    Ids are never given twice, and each change counts a word's revision up in the database, so that neither the
    clock nor the order of commits can hide a change.
    """
    terms = usable_in(project, Term.objects.order_by())
    return "{count} {newest} {revisions}".format(
        **terms.aggregate(count=Count("id"), newest=Max("id"), revisions=Sum("revision"))
    )


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
