"""The team's words: one term is a Japanese word, its reading, its English and the slot it belongs to. Pure."""

import csv
import io
import unicodedata
from dataclasses import dataclass
from pathlib import Path

STARTER_TERMS = Path(__file__).parent / "vocabulary" / "starter.csv"
TERM_SLOTS = ("subject", "environment", "light", "style", "negative", "quality")
COLUMNS = ("ja", "reading", "en", "synonyms", "slot")
MAX_FILE_BYTES = 5_000_000
MAX_CHARS = {"ja": 80, "reading": 120, "en": 160}


class VocabularyError(ValueError):
    """Refuse a vocabulary file: `code` names the rule, `params` the row (from 1) and the column."""

    def __init__(self, code: str, params: dict[str, object]) -> None:
        self.code = code
        self.params = params
        super().__init__(f"Vocabulary: {code.replace('_', ' ')} ({params}).")


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyTerm:
    """Name one thing in Japanese and English.

    `en` is what a prompt says: countable nouns carry their article ("a mushroom"), which the translation moves in
    front of adjectives. `reading` is hiragana, `synonyms` are further Japanese spellings.
    """

    ja: str
    reading: str
    en: str
    synonyms: tuple[str, ...] = ()
    slot: str

    def as_dict(self) -> dict[str, object]:
        """Return the term as JSON-ready values."""
        return {
            "ja": self.ja,
            "reading": self.reading,
            "en": self.en,
            "synonyms": list(self.synonyms),
            "slot": self.slot,
        }


def load_terms(path: Path = STARTER_TERMS) -> list[VocabularyTerm]:
    """Return the terms of a UTF-8 CSV file with the columns ja, reading, en, synonyms (joined by |) and slot.

    Raises VocabularyError for a file over 5 MB, other columns, an empty word, an unknown slot or the same word
    twice in a slot, and OSError or UnicodeDecodeError for a file that cannot be read.
    """
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise VocabularyError("file_too_large", {"limit": MAX_FILE_BYTES})
    return parse_terms(data.decode("utf-8-sig"))


def parse_terms(text: str) -> list[VocabularyTerm]:
    """Return the terms of CSV text; see `load_terms`."""
    rows = csv.reader(io.StringIO(text))
    if tuple(next(rows, ())) != COLUMNS:
        raise VocabularyError("bad_columns", {"expected": ",".join(COLUMNS)})
    terms = [read_term(cells, number) for number, cells in enumerate(rows, start=2) if cells]
    seen: set[tuple[str, str]] = set()
    for number, term in enumerate(terms, start=2):
        if (term.ja, term.slot) in seen:
            raise VocabularyError("duplicate_term", {"row": number, "ja": term.ja})
        seen.add((term.ja, term.slot))
    return terms


def read_term(cells: list[str], number: int) -> VocabularyTerm:
    """Return the term of one row."""
    if len(cells) != len(COLUMNS):
        raise VocabularyError("bad_row", {"row": number})
    ja, reading, en, synonyms, slot = (unicodedata.normalize("NFC", cell.strip()) for cell in cells)
    for column, value in (("ja", ja), ("reading", reading), ("en", en)):
        if len(value) > MAX_CHARS[column] or (not value and column != "reading"):
            raise VocabularyError("bad_word", {"row": number, "column": column})
    if slot not in TERM_SLOTS:
        raise VocabularyError("unknown_slot", {"row": number, "slot": slot[:40]})
    others = tuple(word.strip() for word in synonyms.split("|") if word.strip())
    return VocabularyTerm(ja=ja, reading=reading, en=en, synonyms=others, slot=slot)
