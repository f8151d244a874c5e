"""What a picture's file says of its own rights, row by row beside what was declared, with contradictions marked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .claims import EmbeddedClaims, contradictions
from .claims.values import Notice
from .models import Rights
from .rights_facts import CLAIMS, RELEASES, creator_of, credentials_of, license_label
from .sentences import sentence
from .terms import fold

ABOUT_TRAINING = ("c2pa_training_forbidden", "c2pa_training_constrained")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One thing that the file says, what was declared about it, and whether the two agree.

    `mark` is stop where they contradict each other, warn where they differ, else empty.
    """

    label: Any
    said: Sequence[str]
    declared: str
    mark: str


def claims_of(rights: Rights) -> EmbeddedClaims:
    """Return what the file says; nobody has verified it."""
    return EmbeddedClaims.from_dict(rights.claims) if rights.claims else EmbeddedClaims()


def found_contradictions(rights: Rights) -> list[Notice]:
    """Return where the file contradicts what was declared."""
    return contradictions(claims_of(rights), expression=rights.license, train_wanted=True)


def claim_sentences(rights: Rights) -> list[tuple[str, bool]]:
    """Return contradictions and what could not be read, as sentences; True for what blocks training."""
    notices = (*found_contradictions(rights), *claims_of(rights).notices)
    return [(sentence(each.code, each.params), each.blocks) for each in notices]


def claim_rows(rights: Rights) -> list[ClaimRow]:
    """Return what the file says beside what was declared; nothing when it says nothing."""
    claims, found = claims_of(rights), found_contradictions(rights)
    rows = [claim_row(rights, name, texts_of(getattr(claims, name)), found) for name in CLAIMS]
    rows.append(credentials_row(claims, found))
    return [row for row in rows if row.said]


def claim_row(rights: Rights, name: str, said: Sequence[str], found: Sequence[Notice]) -> ClaimRow:
    """Return one thing that the file says beside what was declared."""
    declared = DECLARED[name](rights) if name in DECLARED else ""
    is_against = any(contradicts(each, name, said) for each in found)
    mark = "stop" if is_against else "warn" if name == "creators" and differs(said, rights.creator) else ""
    return ClaimRow(label=CLAIMS[name], said=said, declared=declared, mark=mark)


def credentials_row(claims: EmbeddedClaims, found: Sequence[Notice]) -> ClaimRow:
    """Return what Content Credentials say."""
    said = [credentials_of(claims)] if claims.c2pa is not None else []
    is_against = any(each.code in ABOUT_TRAINING for each in found)
    return ClaimRow(label=_("Content Credentials"), said=said, declared="", mark="stop" if is_against else "")


def texts_of(value: Any) -> Sequence[str]:
    """Return what a file says as a list of texts."""
    if isinstance(value, str):
        return [value] if value else []
    return list(value)


def contradicts(notice: Notice, name: str, said: Sequence[str]) -> bool:
    """Say whether a contradiction is about this thing that the file says."""
    if notice.code == "data_mining_prohibited":
        return name == "data_mining"
    words = {str(notice.params.get("url", "")), str(notice.params.get("found", ""))} - {""}
    return notice.code not in ABOUT_TRAINING and any(word in text for word in words for text in said)


def differs(said: Sequence[str], creator: str) -> bool:
    """Say whether a file names other creators than the declared one."""
    return bool(said and creator) and not any(
        fold(text) in fold(creator) or fold(creator) in fold(text) for text in said
    )


def releases_of(rights: Rights) -> str:
    """Return who has released the picture, as declared."""
    return ", ".join(f"{who}: {RELEASES.get(word, word)}" for who, word in rights.releases.items())


DECLARED: Mapping[str, Callable[[Rights], str]] = {
    "copyright_notices": creator_of,
    "creators": creator_of,
    "credit_lines": creator_of,
    "sources": lambda rights: rights.source_url,
    "usage_terms": license_label,
    "license_urls": license_label,
    "web_statements": license_label,
    "terms_urls": license_label,
    "data_mining": license_label,
    "model_release": releases_of,
    "persons_shown": releases_of,
}
