"""Captions as phrases: how they are parted, put together again, and when two are the same. Pure."""

import re
import unicodedata

SEPARATORS = re.compile("[,、，\n\r]")
COLONS = re.compile("[:：]")
JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々ーｦ-ﾟ]")
ARTICLES = ("a ", "an ", "the ")
JAPANESE_COMMA = "、"


def split_phrases(text: str) -> tuple[str, ...]:
    """Return a caption's phrases in order: what stands between commas (, 、 ，) and line ends, without the blanks."""
    return tuple(tidy(part) for part in SEPARATORS.split(text) if part.strip())


def join_phrases(phrases: tuple[str, ...] | list[str], like: str) -> str:
    """Return phrases as one caption, with the comma that the caption `like` uses first."""
    found = SEPARATORS.search(like)
    return (JAPANESE_COMMA if found and found[0] == JAPANESE_COMMA else ", ").join(phrases)


def tidy(phrase: str) -> str:
    """Return a phrase in NFC with single spaces."""
    return " ".join(unicodedata.normalize("NFC", phrase).split())


def fold(phrase: str) -> str:
    """Return what two spellings of one phrase share: case, width, spaces, curly apostrophes do not count."""
    return " ".join(unicodedata.normalize("NFKC", phrase).casefold().replace("’", "'").split())


def is_japanese(phrase: str) -> bool:
    """Say whether a phrase holds kana or kanji."""
    return bool(JAPANESE.search(phrase))


def split_attribute(phrase: str) -> tuple[str, str]:
    """Return the `attribute:` of a phrase with its colon ("" without one) and the value behind it."""
    found = COLONS.search(phrase)
    if not found or not phrase[: found.start()].strip() or not phrase[found.end() :].strip():
        return "", phrase
    return phrase[: found.end()], phrase[found.end() :].strip()


def without_article(phrase: str) -> str:
    """Return a folded phrase without its leading a, an or the."""
    return next((phrase[len(article) :] for article in ARTICLES if phrase.startswith(article)), phrase)
