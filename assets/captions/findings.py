"""What the lint of captions says, and the words that it measures captions against."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CODES = (
    "caption_empty",
    "caption_too_long",
    "trigger_missing",
    "phrase_repeated",
    "captions_identical",
    "phrase_synonym",
    "phrase_case_mixed",
    "phrase_underscore",
    "phrase_number_mixed",
    "word_unknown",
    "fragment_everywhere",
    "phrase_once",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyWord:
    """The word that a team has agreed on, in English and Japanese, and those that it replaces in either language."""

    en: str
    ja: str = ""
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about captions that may harm training.

    `code` is one of CODES, `items` are the keys of the captions, `phrase` is what it is about ("" for a whole
    caption). `suggestion` is what `rename` should make of the phrase to mend it: "" removes it, None means that no
    rename mends it. `params` fill the translated sentence: always `phrase` and `count` (of items), `suggestion` where
    there is one, and what a code adds: tokens and limit, percent, word.
    """

    code: str
    items: tuple[str, ...]
    phrase: str = ""
    suggestion: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        common: dict[str, str | int] = {"phrase": self.phrase, "count": len(self.items)}
        if self.suggestion is not None:
            common["suggestion"] = self.suggestion
        object.__setattr__(self, "params", {**common, **self.params})
