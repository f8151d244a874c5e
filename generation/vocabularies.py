"""The vocabulary that a project translates with: the shared set, and the project's own words over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db.models import Count, F, Max, Sum

from assets.models import Term
from assets.vocabulary import VocabularyTerm
from projects.access import usable_in
from projects.models import Project

from .translation import Vocabulary

# Which kinds of words a slot of the Studio offers.
SLOT_TERMS = {
    Term.Slot.SUBJECT: (Term.Slot.SUBJECT,),
    Term.Slot.ENVIRONMENT: (Term.Slot.ENVIRONMENT,),
    Term.Slot.LIGHT: (Term.Slot.LIGHT,),
    Term.Slot.STYLE: (Term.Slot.STYLE, Term.Slot.QUALITY),
    Term.Slot.NEGATIVE: (Term.Slot.NEGATIVE,),
}
FIRST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a project at one moment: to translate with, and a few of each slot to click."""

    vocabulary: Vocabulary
    first: Mapping[str, Sequence[Term]]


def words_of(project: Project) -> Words:
    """Return the project's words; they are read again only when one was added, changed or removed."""
    state = state_of(project)
    return Words(vocabulary=build_vocabulary(project.id, state), first=find_first_words(project.id, state))


def vocabulary_of(project: Project) -> Vocabulary:
    """Return the project's vocabulary; it is built again only when a word was added, changed or removed."""
    return build_vocabulary(project.id, state_of(project))


@lru_cache(maxsize=64)
def find_first_words(project_id: UUID, state: str) -> Mapping[str, Sequence[Term]]:
    """Read a few words for each slot, the project's own first; the state tells one vocabulary from the next."""
    rows = Term.objects.filter(project=None) | Term.objects.filter(project=project_id)
    terms = list(rows.order_by(F("project_id").asc(nulls_last=True), "id").only("ja", "en", "slot"))
    return {
        slot: [term for kind in kinds for term in terms if term.slot == kind][:FIRST_WORDS]
        for slot, kinds in SLOT_TERMS.items()
    }


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
