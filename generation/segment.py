"""Cut Japanese text into words of a vocabulary, particles, English and what nobody knows. Pure.

The cut with the least unknown text wins, then the one with the fewest and longest words. A word is not
cut out of the middle of an unknown one: カー is no "car" in カーテン, 花 no "flower" in 花粉.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from assets.vocabulary import VocabularyTerm

JAPANESE = re.compile("[\u3041-\u30ff\u3400-\u9fff々\uff66-\uff9f]")
WIDE_TEXT = re.compile("[\u3001-\u30ff\u3400-\u9fff\uff01-\uffef]")
HIRAGANA = re.compile("[\u3041-\u309f]")
KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30ff]")
KANJI = re.compile("[\u3400-\u9fff々〆]")
HALF_KATAKANA = re.compile("[\uff61-\uff9f]+")
WIDE_WEIGHT = re.compile(r"（([^（）]{1,200})[：:]\s*([0-9.]{1,8})\s*）")
MARKS = "、。，．・；：！？（）「」『』【】〈〉《》〔〕…／〜～｜"
BREAK = re.compile(rf"\s*[{MARKS},]+\s*")
ENGLISH = re.compile(rf"[^\s,{MARKS}\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]+")
SPACE = re.compile(r"\s+")
COUNT = re.compile("([0-9]{1,3}|[一二三四五六七八九十])(?:人|匹|本|個|台|枚|冊|輪|羽|頭|着|足|つ|杯|隻|皿|粒|株)の")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COUNTED = dict(zip("一二三四五六七八九十", NUMBERS, strict=True))
WIDE = "０１２３４５６７８９％＆＋－＃＠＄＇" + "".join(
    chr(code) for code in [*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]
)
TO_NARROW = {ord(mark): ord(mark) - 0xFEE0 for mark in WIDE} | {0xFF0E: 0x2E}
TO_LOWER = {code: code + 32 for code in range(65, 91)}

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "link": "の な である という ような みたいな っぽい 風の 風 いる ある のある のいる がある している する です",
        "and": "と や および",
        "plural": "たち 達",
        "object": "を",
        "place": "に へ",
        "means": "で",
        "topic": "が は も から まで より には では",
        "in": "の中 の中の の中で の中に の中を",
        "on": "の上 の上の の上で の上に の上を",
        "under": "の下 の下の の下で の下に",
        "in front of": "の前 の前の の前で の前に",
        "behind": "の後ろ の後ろの の後ろで の後ろに",
        "next to": "の横 の横の の横で の横に の隣 の隣の の隣に のそば のそばの のそばに",
        "with": "付きの つきの 入りの と一緒の と一緒に",
    }
)
JOINERS: Mapping[str, str] = MappingProxyType(
    {joiner: role for role, joiners in ROLES.items() for joiner in joiners.split()}
)

Kind = Literal["term", "joiner", "english", "space", "break", "number", "unknown", "literal"]
PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (("break", BREAK), ("space", SPACE), ("english", ENGLISH))
Find = Callable[[str], VocabularyTerm | None]

UNKNOWN_COST = 4
KNOWN_COST = 1
EDGE_COSTS = ((KANJI, 8), (KATAKANA, 100), (HIRAGANA, 12))
TIGHT = 8
LOOSE = 2
AFTER_WORD, AFTER_FREE_JOINER, AFTER_JOINER, AFTER_UNKNOWN = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexeme:
    """One cut of the text; `role` is what a joiner does or how many a count says, `term` the word found."""

    kind: Kind
    source: str
    role: str = ""
    term: VocabularyTerm | None = None


def normalize(text: str) -> str:
    """Return cleaned text with full-width letters and digits narrow, half-width kana wide, か゛ as が.

    A weight typed in full width, （夕焼け：１．２）, becomes (夕焼け:1.2).
    """
    text = HALF_KATAKANA.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    text = re.sub("(?<=[\u3041-\u30ff])[゛゜]", lambda mark: "\u3099" if mark[0] == "゛" else "\u309a", text)
    text = unicodedata.normalize("NFC", text)
    narrow = text.translate(TO_NARROW)
    return WIDE_WEIGHT.sub(r"(\1:\2)", narrow)


def fold(word: str) -> str:
    """Return a word as it is looked up: normalised, ASCII letters small, as long as before."""
    return normalize(word).translate(TO_LOWER)


def edge_cost(text: str, index: int) -> int:
    """Return what it costs to tear known from unknown between `index - 1` and `index`."""
    if not 0 < index < len(text):
        return 0
    for script, cost in EDGE_COSTS:
        if script.match(text[index - 1]) and script.match(text[index]):
            return cost
    return 0


def segment(text: str, *, find: Find, lengths: Mapping[str, tuple[int, ...]]) -> list[Lexeme]:
    """Return the cheapest cut of normalised text; the sources joined are the text.

    `find` looks a folded word up, `lengths` says how long the words with a given first letter are.
    """
    folded = text.translate(TO_LOWER)
    size = len(text)
    costs = [[0] * 4 for _ in range(size + 1)]
    steps: list[list[Lexeme | None]] = [[None] * 4 for _ in range(size + 1)]
    for index in range(size - 1, -1, -1):
        options = list(known_at(text, index, folded=folded, find=find, lengths=lengths))
        for state in range(4):
            costs[index][state], steps[index][state] = choose(text, index, state, options=options, costs=costs)
    return merge(walk(text, steps))


def known_at(
    text: str, index: int, *, folded: str, find: Find, lengths: Mapping[str, tuple[int, ...]]
) -> Iterator[Lexeme]:
    """Yield every known piece that starts at `index`, the longest word first."""
    for length in lengths.get(folded[index], ()):
        term = find(folded[index : index + length]) if index + length <= len(text) else None
        if term and not splits_english(text, index, index + length):
            yield Lexeme(kind="term", source=text[index : index + length], term=term)
    for length in (5, 4, 3, 2, 1):
        role = JOINERS.get(text[index : index + length])
        if role and index + length <= len(text) and not (text[index] == "風" and starts_word(text, index)):
            yield Lexeme(kind="joiner", source=text[index : index + length], role=role)
    count = COUNT.match(text, index)
    if count:
        yield Lexeme(kind="number", source=count[0], role=COUNTED.get(count[1], count[1]))
    for kind, pattern in PATTERNS:
        match = pattern.match(text, index)
        if match:
            yield Lexeme(kind=kind, source=match[0])


def starts_word(text: str, index: int) -> bool:
    """Tell whether a word begins here: 風 is the wind in 春の風 and a manner in 手描き風."""
    return index == 0 or text[index - 1] in "のなとでにをがはも " or BREAK.match(text[index - 1]) is not None


def splits_english(text: str, start: int, end: int) -> bool:
    """Tell whether a cut would tear an English word or number apart."""
    return any(
        0 < at < len(text) and (text[at - 1] + text[at]).isascii() and (text[at - 1] + text[at]).isalnum()
        for at in (start, end)
    )


def choose(text: str, index: int, state: int, *, options: list[Lexeme], costs: list[list[int]]) -> tuple[int, Lexeme]:
    """Return the cheapest way on from `index`, after a piece of the given state."""
    torn = 0 if state in (AFTER_UNKNOWN, AFTER_FREE_JOINER) else edge_cost(text, index)
    torn = min(torn, TIGHT) if state == AFTER_JOINER else torn
    best = UNKNOWN_COST + torn + costs[index + 1][AFTER_UNKNOWN]
    chosen = Lexeme(kind="unknown", source=text[index])
    for option in reversed(options):
        end = index + len(option.source)
        cost = piece_cost(text, index, state, option) + costs[end][next_state(text, index, option)]
        if cost <= best:
            best, chosen = cost, option
    return best, chosen


def piece_cost(text: str, index: int, state: int, piece: Lexeme) -> int:
    """Return the cost of a known piece, with the tear when it follows an unknown one."""
    if piece.kind in ("break", "space"):
        return 0
    torn = edge_cost(text, index) if state == AFTER_UNKNOWN else 0
    if torn and piece.kind == "joiner":
        following = text[index + len(piece.source) : index + len(piece.source) + 1]
        torn = LOOSE if following and not HIRAGANA.match(following) else TIGHT
    return KNOWN_COST + torn


def next_state(text: str, index: int, piece: Lexeme) -> int:
    """Return the state after a known piece: a particle behind kanji or katakana may be followed by anything."""
    if piece.kind != "joiner":
        return AFTER_WORD
    return AFTER_FREE_JOINER if index and not HIRAGANA.match(text[index - 1]) else AFTER_JOINER


def walk(text: str, steps: list[list[Lexeme | None]]) -> Iterator[Lexeme]:
    """Yield the chosen pieces from left to right."""
    index, state = 0, AFTER_WORD
    while index < len(text):
        piece = steps[index][state]
        assert piece is not None
        yield piece
        state = AFTER_UNKNOWN if piece.kind == "unknown" else next_state(text, index, piece)
        index += len(piece.source)


def merge(pieces: Iterator[Lexeme]) -> list[Lexeme]:
    """Return the pieces with unknown letters joined to words, and English words to phrases."""
    merged: list[Lexeme] = []
    for piece in pieces:
        if merged and piece.kind == "unknown" and merged[-1].kind == "unknown":
            merged[-1] = replace(merged[-1], source=merged[-1].source + piece.source)
        elif piece.kind == "english" and [each.kind for each in merged[-2:]] == ["english", "space"]:
            space = merged.pop()
            merged[-1] = replace(merged[-1], source=merged[-1].source + space.source + piece.source)
        else:
            merged.append(piece)
    return merged
