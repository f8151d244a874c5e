"""Makes text from strangers' files fit for a page, a database and a ledger."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

MAX_CHARACTERS = 2000
MAX_VALUES = 50
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")


def clean_text(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return text in NFC on one line, without control, invisible and bidirectional characters, cut at `limit`."""
    shown = " ".join(unicodedata.normalize("NFC", HIDDEN.sub("", text[: 4 * limit])).split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def clean_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """Return cleaned texts in order, each once and none empty, at most MAX_VALUES of them."""
    found = dict.fromkeys(clean_text(text) for text in islice(texts, 10 * MAX_VALUES))
    return tuple(text for text in found if text)[:MAX_VALUES]


def decode_text(raw: bytes) -> str:
    """Decode text of an undeclared encoding: UTF-8, else Shift_JIS where that reads as Japanese, else Latin-1."""
    for encoding in ("utf-8", "cp932"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Accented Latin-1 letters also make up rare kanji; a Japanese text has more of them than of a to z.
        if encoding == "utf-8" or len(JAPANESE.findall(text)) > max(1, len(LATIN.findall(text))):
            return text
    return raw.decode("latin-1")
