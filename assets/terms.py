"""The team's words as rows: find them, add, change and remove a project's own."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from projects.access import usable_in
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from .models import Term

HIDDEN = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
OURS, SHARED = "ours", "shared"


def find_terms(project: Project, *, q: str = "", slot: str = "", whose: str = "") -> list[Term]:
    """Return the words that hold the text in Japanese, reading, English or a synonym, by slot and reading.

    Search is literal but for width, case and kana: ウミ finds うみ. `term.is_ours` says whose a word is, and
    `term.is_replaced` that the project says something else for this shared word.
    """
    rows = usable_in(project, Term.objects.all())
    rows = rows.filter(slot=slot) if slot else rows
    terms = list(rows)
    own = {(term.ja, term.slot) for term in terms if term.project_id}
    for term in terms:
        term.is_ours = term.project_id is not None
        term.is_replaced = not term.is_ours and (term.ja, term.slot) in own
    needle = fold(q)
    found = [term for term in terms if fits(term, needle) and whose in ("", OURS if term.is_ours else SHARED)]
    return sorted(found, key=sort_key)


def sort_key(term: Term) -> tuple[bool, int, str, int]:
    """Return what puts the project's own words first, then slot by slot in the order of their readings."""
    return term.project_id is None, Term.Slot.values.index(term.slot), fold(term.reading or term.ja), term.id


def fits(term: Term, needle: str) -> bool:
    """Say whether one of a word's spellings holds the folded text."""
    return not needle or any(needle in fold(each) for each in (term.ja, term.reading, term.en, *term.synonyms))


def fold(text: str) -> str:
    """Return text as it is compared: compatibility forms and case made equal, katakana as hiragana."""
    return unicodedata.normalize("NFKC", text).casefold().translate(TO_HIRAGANA).strip()


@transaction.atomic
def add_term(user: User, project: Project, **values: Any) -> Term:
    """Add a word to a project's vocabulary. Raises Problem when it is there already in this slot."""
    lock_words(project)
    refuse_twice(project, values, without=None)
    term = Term.objects.create(project=project, **values)
    record(project, "assets.term.added", actor=user, subject=f"term:{term.id}", payload=content_of(term))
    return term


@transaction.atomic
def change_term(user: User, project: Project, term: Term, **values: Any) -> Term:
    """Change a project's own word. Raises Problem when another one says the same Japanese in this slot."""
    lock_words(project)
    refuse_twice(project, values, without=term)
    before = content_of(term)
    for name, value in values.items():
        setattr(term, name, value)
    after = content_of(term)
    if before != after:
        term.save(update_fields=[*values, "changed_at"])
        payload = {"ja": term.ja, "from": before, "to": after}
        record(project, "assets.term.changed", actor=user, subject=f"term:{term.id}", payload=payload)
    return term


@transaction.atomic
def remove_term(user: User, project: Project, term: Term) -> None:
    """Take a project's own word out; its content stays in the ledger."""
    record(project, "assets.term.removed", actor=user, subject=f"term:{term.id}", payload=content_of(term))
    term.delete()


def lock_words(project: Project) -> None:
    """Let nobody else change the project's words until the transaction ends."""
    Project.objects.select_for_update().get(pk=project.pk)


def refuse_twice(project: Project, values: dict[str, Any], *, without: Term | None) -> None:
    """Raise Problem when the project has this Japanese word in this slot already."""
    same = Term.objects.filter(project=project, ja=values["ja"], slot=values["slot"])
    if without is not None:
        same = same.exclude(pk=without.pk)
    if same.exists():
        message = _("The project has this word in this slot already. Change it in the list.")
        raise Problem("term_known", message, status=409, fields={"ja": message})


def content_of(term: Term) -> dict[str, Any]:
    """Return what a word says, for the ledger."""
    return {name: getattr(term, name) for name in ("ja", "reading", "en", "synonyms", "slot")}


def clean_word(text: str) -> str:
    """Return a word in NFC on one line, without invisible characters."""
    return " ".join(unicodedata.normalize("NFC", HIDDEN.sub("", text)).split())


def split_synonyms(text: str) -> Sequence[str]:
    """Return synonyms that were written with any of the usual signs between them, each once."""
    parts = (clean_word(part) for part in re.split(r"[|｜,，、\n]", text))
    return list(dict.fromkeys(part for part in parts if part))
