"""What the caption editor shows: captions with their pictures, what is wrong with them, and their words."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from projects.access import usable_in

from . import captions as caption_rules
from .captions import Finding, VocabularyWord
from .models import Caption, CaptionEdit, Dataset, DatasetItem, PictureTag, Term
from .sentences import sentence
from .services import reading_language
from .services.datasets import captions_of

PAGE_SIZE = 40
NUMBERS_SHOWN = 12
WORDS_SHOWN = 200
TOGETHER_SHOWN = 12
EDITS_SHOWN = 8
PREVIEWED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A picture's caption in one language, and what helps to write it: the other language, and accepted tags."""

    item: DatasetItem
    text: str
    other: str
    tags: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One finding of the lint in words; `rename` is the query that mends it, "" where none does."""

    finding: Finding
    sentence: str
    numbers: list[int]
    more: int
    rename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A caption before and after a rename."""

    number: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """How often one phrase stands with each of the others."""

    phrase: str
    counts: list[int | None]


def rows_of(items: Sequence[DatasetItem], language: str) -> list[Row]:
    """Return pictures with their captions."""
    texts = {
        (item, written): text
        for item, written, text in Caption.objects.filter(item__in=items).values_list("item", "language", "text")
    }
    tags: dict[object, list[str]] = {}
    accepted = PictureTag.objects.filter(
        picture__in=[item.picture_id for item in items], state=PictureTag.State.ACCEPTED
    )
    for picture, text in accepted.values_list("picture", "text"):
        tags.setdefault(picture, []).append(text)
    other = other_language(language)
    return [
        Row(
            item=item,
            text=texts.get((item.pk, language), ""),
            other=texts.get((item.pk, other), ""),
            tags=tags.get(item.picture_id, []),
        )
        for item in items
    ]


def other_language(language: str) -> str:
    """Return the language beside this one."""
    return "en" if language == "ja" else "ja"


def language_asked(text: str) -> str:
    """Return a language of captions, the reader's own when none is asked for."""
    return text if text in ("en", "ja") else reading_language()


def complaints_of(dataset: Dataset, language: str) -> list[Complaint]:
    """Return what the lint says about a dataset's captions, measured against the team's vocabulary."""
    findings = caption_rules.lint(
        captions_of(dataset, language), trigger=dataset.trigger, vocabulary=vocabulary_words(dataset)
    )
    return [complaint_of(finding, language) for finding in findings]


def vocabulary_words(dataset: Dataset) -> list[VocabularyWord]:
    """Return the team's words as the lint reads them."""
    terms = usable_in(dataset.project, Term.objects.all())
    return [VocabularyWord(en=term.en, ja=term.ja, synonyms=tuple(term.synonyms)) for term in terms]


def complaint_of(finding: Finding, language: str) -> Complaint:
    """Return one finding in words."""
    numbers = sorted(map(int, finding.items))
    mended = {"language": language, "old": finding.phrase, "new": finding.suggestion or ""}
    return Complaint(
        finding=finding,
        sentence=sentence(finding.code, finding.params),
        numbers=numbers[:NUMBERS_SHOWN],
        more=max(0, len(numbers) - NUMBERS_SHOWN),
        rename=urlencode(mended) if finding.suggestion is not None else "",
    )


def frequencies_of(dataset: Dataset, language: str) -> list[tuple[str, int]]:
    """Return the phrases of a dataset's captions with how many captions hold each, most first."""
    return list(caption_rules.frequencies(captions_of(dataset, language)).items())[:WORDS_SHOWN]


def together_in(dataset: Dataset, language: str) -> list[Together]:
    """Return how often the most frequent phrases stand together; None where a phrase meets itself."""
    found = caption_rules.cooccurrence(captions_of(dataset, language), top=TOGETHER_SHOWN)
    return [
        Together(phrase=phrase, counts=[None if here == there else count for there, count in enumerate(counts)])
        for here, (phrase, counts) in enumerate(zip(found.phrases, found.counts, strict=True))
    ]


def preview_rename(dataset: Dataset, *, language: str, old: str, new: str) -> list[Change]:
    """Return the captions that a rename would change, in order."""
    before = captions_of(dataset, language)
    after = caption_rules.rename(before, old, new)
    changes = [Change(number=int(key), before=before[key], after=text) for key, text in after.items()]
    return sorted(changes, key=lambda each: each.number)


def edits_of(dataset: Dataset) -> list[CaptionEdit]:
    """Return the last edits that were made in one go, newest first."""
    return list(dataset.edits.select_related("made_by")[:EDITS_SHOWN])
