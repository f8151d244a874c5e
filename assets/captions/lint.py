"""Reads all captions of a dataset in one language, and says what may harm training."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from .findings import CODES, Finding, VocabularyWord
from .fragments import MIN_CAPTIONS, find_fragments
from .phrases import fold, is_japanese, split_attribute, split_phrases, tidy, without_article
from .words import Spellings, is_misspelled, most_used, replace_word, singular, words_of

MAX_TOKENS = 75
SHORT_WORDS = 4
SHORT_JAPANESE = 12
MIN_WORD = 3
JOINED = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Captions:
    """Captions taken apart: by folded phrase, the items that hold it and how often each spelling does."""

    texts: Mapping[str, str]
    phrases: Mapping[str, tuple[str, ...]]
    holders: Mapping[str, tuple[str, ...]]
    spellings: Mapping[str, Counter[str]]
    trigger: str

    def shown(self, key: str) -> str:
        """Return the spelling of a folded phrase that is used most."""
        return most_used(self.spellings[key])

    def others(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield every folded phrase but the trigger, with its items."""
        return ((key, items) for key, items in self.holders.items() if key != fold(self.trigger))


def lint(
    captions: Mapping[str, str],
    *,
    trigger: str = "",
    vocabulary: Iterable[VocabularyWord] = (),
    known_words: Iterable[str] | None = None,
    token_count: Callable[[str], int] | None = None,
) -> list[Finding]:
    """Return what is wrong with captions (item → text), in the order of CODES, then the most items first.

    `known_words` are lower-case English words; without them no word counts as unknown. `token_count` counts a text's
    tokens without start and end; without it no caption counts as too long. Japanese is compared as whole phrases:
    it has no plural, and no word of it counts as unknown. Phrases are rare or everywhere from 5 captions on.
    """
    parted = _part(captions, tidy(trigger))
    words = tuple(vocabulary)
    findings = [finding for find in PLAIN_RULES for finding in find(parted)]
    findings += _find_long(parted, token_count)
    findings += _find_synonyms(parted, words)
    findings += _find_unknown(parted, words, known_words)
    findings += find_fragments(parted.phrases, parted.trigger)
    mended = {fold(each.phrase) for each in findings if each.suggestion is not None}
    findings += (each for each in _find_single(parted) if fold(each.phrase) not in mended)
    return sorted(findings, key=lambda each: (CODES.index(each.code), -len(each.items), each.phrase, each.items))


def _part(captions: Mapping[str, str], trigger: str) -> _Captions:
    phrases = {item: split_phrases(text) for item, text in captions.items()}
    holders: dict[str, list[str]] = {}
    spellings: dict[str, Counter[str]] = {}
    for item, parts in phrases.items():
        for key in dict.fromkeys(map(fold, parts)):
            holders.setdefault(key, []).append(item)
        for part in parts:
            spellings.setdefault(fold(part), Counter())[part] += 1
    return _Captions(
        texts=captions,
        phrases=phrases,
        holders={key: tuple(items) for key, items in holders.items()},
        spellings=spellings,
        trigger=trigger,
    )


def _find_empty(captions: _Captions) -> Iterator[Finding]:
    empty = tuple(item for item, phrases in captions.phrases.items() if not phrases)
    if empty:
        yield Finding(code="caption_empty", items=empty)


def _find_long(captions: _Captions, token_count: Callable[[str], int] | None) -> Iterator[Finding]:
    for item, text in captions.texts.items() if token_count else ():
        tokens = token_count(text) if token_count else 0
        if tokens > MAX_TOKENS:
            yield Finding(code="caption_too_long", items=(item,), params={"tokens": tokens, "limit": MAX_TOKENS})


def _find_without_trigger(captions: _Captions) -> Iterator[Finding]:
    trigger = fold(captions.trigger)
    if not trigger:
        return
    pattern = re.compile(rf"(?<![a-z0-9]){re.escape(trigger)}(?![a-z0-9])")
    missing = tuple(
        item
        for item, phrases in captions.phrases.items()
        if phrases and not any(pattern.search(fold(phrase)) for phrase in phrases)
    )
    if missing:
        yield Finding(code="trigger_missing", items=missing, phrase=captions.trigger)


def _find_repeated(captions: _Captions) -> Iterator[Finding]:
    repeated: dict[str, list[str]] = {}
    for item, phrases in captions.phrases.items():
        for key, count in Counter(map(fold, phrases)).items():
            if count > 1:
                repeated.setdefault(key, []).append(item)
    for key, items in repeated.items():
        shown = captions.shown(key)
        yield Finding(code="phrase_repeated", items=tuple(items), phrase=shown, suggestion=shown)


def _find_identical(captions: _Captions) -> Iterator[Finding]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for item, phrases in captions.phrases.items():
        if phrases:
            groups.setdefault(tuple(map(fold, phrases)), []).append(item)
    for items in groups.values():
        if len(items) > 1:
            yield Finding(code="captions_identical", items=tuple(items))


def _find_synonyms(captions: _Captions, vocabulary: Iterable[VocabularyWord]) -> Iterator[Finding]:
    replacements = _replacements(vocabulary)
    for key, items in captions.others() if replacements else ():
        shown = captions.shown(key)
        suggestion = _main_phrase(shown, replacements)
        if suggestion is not None:
            yield Finding(code="phrase_synonym", items=items, phrase=shown, suggestion=suggestion)


def _replacements(vocabulary: Iterable[VocabularyWord]) -> dict[str, str]:
    """Map each folded synonym to its main word, and each main word to itself, so that it is left alone."""
    mains: dict[str, str] = {}
    synonyms: dict[str, str] = {}
    for word in vocabulary:
        english = without_article(tidy(word.en))
        mains |= {without_article(fold(each)): each for each in (english, tidy(word.ja)) if each}
        for synonym in word.synonyms:
            main = tidy(word.ja) if is_japanese(synonym) and word.ja else english
            synonyms.setdefault(without_article(fold(synonym)), main)
    return {**synonyms, **mains} if synonyms else {}


def _main_phrase(phrase: str, replacements: Mapping[str, str]) -> str | None:
    """Return a phrase with the synonym at its end replaced: English words stand last, Japanese must fit whole."""
    _attribute, value = split_attribute(phrase)
    words = [value] if is_japanese(value) else JOINED.sub(" ", value).split(" ")
    for start in range(len(words)):
        tail = without_article(fold(" ".join(words[start:])))
        main = replacements.get(tail)
        if main is not None:
            renamed = phrase[: len(phrase) - len(value)] + " ".join([*words[:start], main])
            return None if fold(main) == tail else renamed
    return None


def _find_case(captions: _Captions) -> Iterator[Finding]:
    for key, counts in captions.spellings.items():
        best = captions.trigger if key == fold(captions.trigger) else most_used(counts)
        strays = [spelling for _count, spelling in sorted((-count, each) for each, count in counts.items())]
        strays = [spelling for spelling in strays if spelling != best]
        if strays:
            items = tuple(item for item in captions.holders[key] if set(strays) & set(captions.phrases[item]))
            yield Finding(code="phrase_case_mixed", items=items, phrase=strays[0], suggestion=best)


def _find_underscores(captions: _Captions) -> Iterator[Finding]:
    for key, items in captions.others():
        shown = captions.shown(key)
        spaced = JOINED.sub(" ", shown)
        if spaced != shown:
            yield Finding(code="phrase_underscore", items=items, phrase=shown, suggestion=spaced)


def _find_plurals(captions: _Captions) -> Iterator[Finding]:
    groups: dict[str, list[str]] = {}
    for key, _items in captions.others():
        groups.setdefault(singular(key), []).append(key)
    for one, keys in groups.items():
        _count, _is_plural, best = min((-len(captions.holders[key]), key != one, key) for key in keys)
        for key in keys:
            if key != best:
                suggestion = captions.shown(best)
                yield Finding(
                    code="phrase_number_mixed",
                    items=captions.holders[key],
                    phrase=captions.shown(key),
                    suggestion=suggestion,
                )


def _find_unknown(
    captions: _Captions, vocabulary: Iterable[VocabularyWord], known_words: Iterable[str] | None
) -> Iterator[Finding]:
    if known_words is None:
        return
    told = (text for word in vocabulary for text in (word.en, *word.synonyms))
    known = Spellings({*known_words, *(word for text in (*told, captions.trigger) for word in words_of(text))})
    for key, items in captions.others():
        for word in () if is_japanese(key) else dict.fromkeys(words_of(key)):
            if not _is_known(word, known):
                shown, near = captions.shown(key), known.nearest(word)
                suggestion = replace_word(shown, word, near) if near else None
                params = {"word": word}
                yield Finding(code="word_unknown", items=items, phrase=shown, suggestion=suggestion, params=params)


def _is_known(word: str, known: Spellings) -> bool:
    parts = re.split("['’-]", word)
    return word in known or all(len(part) < MIN_WORD or part in known or singular(part) in known for part in parts)


def _find_single(captions: _Captions) -> Iterator[Finding]:
    if len(captions.phrases) < MIN_CAPTIONS:
        return
    common = Spellings(key for key, items in captions.others() if len(items) > 1)
    for key, items in captions.others():
        is_short = len(key) <= SHORT_JAPANESE if is_japanese(key) else len(key.split()) <= SHORT_WORDS
        if len(items) == 1 and is_short:
            near = None if is_japanese(key) else common.nearest(key)
            suggestion = captions.shown(near) if near and is_misspelled(key, near) else None
            yield Finding(code="phrase_once", items=items, phrase=captions.shown(key), suggestion=suggestion)


PLAIN_RULES: tuple[Callable[[_Captions], Iterable[Finding]], ...] = (
    _find_empty,
    _find_without_trigger,
    _find_repeated,
    _find_identical,
    _find_case,
    _find_underscores,
    _find_plurals,
)
