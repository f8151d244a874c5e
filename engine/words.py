"""Find a trigger word in a caption. Imports no torch, so that pages and the engine agree."""

import re


def _pattern(word: str) -> re.Pattern[str]:
    # Japanese is written without spaces: only letters and digits of ASCII make a longer word of a word.
    return re.compile(rf"(?<![0-9A-Za-z_]){re.escape(word)}(?![0-9A-Za-z_])")


def says(text: str, word: str) -> bool:
    """Does a text say a word, not only as a part of another one as in "desks" for "sks"?"""
    return bool(word) and _pattern(word).search(text) is not None


def put_instead(text: str, word: str, other: str) -> str:
    """Return a text with another word wherever it says the word."""
    return _pattern(word).sub(lambda _found: other, text) if word else text
