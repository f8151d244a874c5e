"""Japanese prompts become English ones by the team's vocabulary; prompt syntax stays as it was typed. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from assets.vocabulary import VocabularyTerm
from generation.grammar import Atom, Sentence, plain_atom, say_lexeme, term_atom
from generation.segment import JAPANESE, WIDE_TEXT, Lexeme, fold, normalize, segment
from generation.syntax import NAME, check_length, clean_text

MAX_NESTING = 20

NODE = re.compile(
    r"(?P<escape>\\.)"
    r"|(?P<tag><(?:lora|lyco|hypernet):[^<>]*>)"
    r"|(?P<wildcard>__[^\W_]+(?:[_/-][^\W_]+){0,9}__)"
    rf"|(?P<variable>\{{\s*{NAME}\s*\}})"
    r"|(?P<open>[(\[{])"
    r"|(?P<close>:\s*[+-]?[\d.]{1,12}\s*\)|[)\]}])"
    r"|(?P<bar>\|)"
    r"|(?P<text>[^\\<_{}()\[\]:|]+|.)",
    re.IGNORECASE | re.DOTALL,
)
PARTNERS = {")": "(", "]": "[", "}": "{"}
COMMAS = re.compile(r"(?:\s*,){2,}\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One cut of the source with what became of it; particles become "", unknown words stay."""

    source: str
    result: str
    known: bool
    term: VocabularyTerm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Hold a translation: `source` as typed, `pieces` in the source's order, `unknown` words once each."""

    source: str
    result: str
    pieces: tuple[Piece, ...]
    unknown: tuple[str, ...]
    vocabulary_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A bracketed part, whose options (one, without bars) are translated on their own."""

    opening: str
    closing: str
    options: tuple[tuple["Node", ...], ...]


Node = Lexeme | Group


class Vocabulary:
    """Look words up by their Japanese, synonyms and reading, in that order of preference."""

    def __init__(self, terms: Iterable[VocabularyTerm]) -> None:
        self.terms = tuple(sorted(terms, key=lambda term: (term.ja, term.slot, term.en, term.reading, term.synonyms)))
        canonical = json.dumps([term.as_dict() for term in self.terms], ensure_ascii=False, sort_keys=True)
        self.version = hashlib.sha256(canonical.encode()).hexdigest()
        self.keys: dict[str, list[tuple[int, int]]] = {}
        for number, term in enumerate(self.terms):
            for rank, word in spellings(term):
                self.keys.setdefault(fold(word), []).append((rank, number))
        lengths: dict[str, set[int]] = {}
        for key in self.keys:
            lengths.setdefault(key[0], set()).add(len(key))
        self.lengths = {first: tuple(sorted(sizes, reverse=True)) for first, sizes in lengths.items()}

    @property
    def short_version(self) -> str:
        """Return the part of the version that people are shown."""
        return self.version[:12]

    def find(self, key: str, slot: str = "") -> VocabularyTerm | None:
        """Return the term of a folded word; among equals, one of the given slot."""
        entries = self.keys.get(key)
        if not entries:
            return None
        return self.terms[min(entries, key=lambda entry: (entry[0], self.terms[entry[1]].slot != slot, entry[1]))[1]]

    def cut(self, text: str, slot: str = "") -> list[Lexeme]:
        """Return normalised text cut into words; see `generation.segment`."""
        return segment(text, find=lambda key: self.find(key, slot), lengths=self.lengths)


def spellings(term: VocabularyTerm) -> Iterator[tuple[int, str]]:
    """Yield (preference, spelling) for every way to write a term; adjectives in い also count in くて and く."""
    words = [(0, term.ja), *((1, word) for word in term.synonyms)]
    if len(term.reading) > 1:
        words.append((2, term.reading))
    for rank, word in words:
        if JAPANESE.search(word):
            yield rank, word
            if word.endswith("い") and len(word) > 1 and term.slot == "subject":
                yield 2, word[:-1] + "くて"


def translate(text: str, vocabulary: Vocabulary, slot: str = "") -> Translation:
    """Return text in English, word by word, with the article and the order that English wants.

    Weights, adapter tags, variables, wildcards, escapes and English stay as typed; what a bracket encloses is
    translated on its own. Unknown words stay and are listed. `slot` settles words that two slots know.
    Raises PromptError for text over the limit or with half characters.
    """
    cleaned = clean_text(text)
    check_length(cleaned, slot or "text")
    if not WIDE_TEXT.search(cleaned):
        pieces = (Piece(source=cleaned, result=cleaned, known=True),) if cleaned else ()
        return Translation(
            source=text, result=cleaned, pieces=pieces, unknown=(), vocabulary_version=vocabulary.version
        )
    nodes = parse(normalize(cleaned), vocabulary, slot)
    found = tuple(pieces_of(nodes))
    return Translation(
        source=text,
        result=say(nodes),
        pieces=found,
        unknown=tuple(dict.fromkeys(piece.source for piece in found if not piece.known)),
        vocabulary_version=vocabulary.version,
    )


def parse(text: str, vocabulary: Vocabulary, slot: str) -> tuple[Node, ...]:
    """Return the text as words and groups; brackets without partner are plain text."""
    stack: list[tuple[str, list[list[Node]]]] = [("", [[]])]
    for kind, token in tokens(text):
        opening, options = stack[-1]
        if kind == "open" and len(stack) <= MAX_NESTING:
            stack.append((token, [[]]))
        elif kind == "close" and opening and PARTNERS[token[-1]] == opening:
            stack.pop()
            stack[-1][1][-1].append(Group(opening=opening, closing=token, options=tuple(map(tuple, options))))
        elif kind == "bar" and opening:
            options.append([])
        elif kind == "text":
            options[-1].extend(vocabulary.cut(token, slot))
        else:
            options[-1].append(Lexeme(kind="literal", source=token))
    while len(stack) > 1:
        opening, options = stack.pop()
        stack[-1][1][-1].extend(reopen(opening, options))
    return tuple(stack[0][1][0])


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, token) for syntax and for the text between it, neighbouring text joined."""
    waiting = ""
    for match in NODE.finditer(text):
        kind = match.lastgroup or "text"
        if kind == "text":
            waiting += match[0]
            continue
        if waiting:
            yield "text", waiting
            waiting = ""
        yield kind, match[0]
    if waiting:
        yield "text", waiting


def reopen(opening: str, options: Sequence[Sequence[Node]]) -> Iterator[Node]:
    """Yield the content of a bracket that never closed, with its marks as plain text."""
    yield Lexeme(kind="literal", source=opening)
    for number, option in enumerate(options):
        if number:
            yield Lexeme(kind="literal", source="|")
        yield from option


def pieces_of(nodes: Iterable[Node]) -> Iterator[Piece]:
    """Yield what became of every part, in the order of the source."""
    for node in nodes:
        if isinstance(node, Group):
            yield Piece(source=node.opening, result=node.opening, known=True)
            for number, option in enumerate(node.options):
                if number:
                    yield Piece(source="|", result="|", known=True)
                yield from pieces_of(option)
            yield Piece(source=node.closing, result=node.closing, known=True)
        else:
            yield Piece(source=node.source, result=gloss(node), known=node.kind != "unknown", term=node.term)


def gloss(lexeme: Lexeme) -> str:
    """Return what one piece means by itself."""
    if lexeme.term:
        return lexeme.term.en
    if lexeme.kind == "break":
        return comma(lexeme.source)
    return "" if lexeme.kind == "joiner" else lexeme.role or lexeme.source


def comma(source: str) -> str:
    """Return a pause: English commas as typed, Japanese marks as a comma and a space."""
    return source if source.isascii() else ", "


def say(nodes: Sequence[Node]) -> str:
    """Return the nodes in English, one sentence between commas at a time."""
    parts: list[str] = []
    sentence: list[Node] = []
    for node in nodes:
        if isinstance(node, Lexeme) and node.kind == "break":
            parts += [say_sentence(sentence), comma(node.source)]
            sentence = []
        else:
            sentence.append(node)
    parts.append(say_sentence(sentence))
    return COMMAS.sub(", ", "".join(parts)).strip(" ,")


def say_sentence(nodes: Sequence[Node]) -> str:
    """Return what stands between two commas; English alone stays exactly as it was typed."""
    if not any(JAPANESE.search(piece.source) for piece in pieces_of(nodes)):
        return "".join(piece.source for piece in pieces_of(nodes))
    sentence = Sentence()
    for node in nodes:
        if isinstance(node, Group):
            sentence.add(group_atom(node))
        else:
            say_lexeme(sentence, node)
    return sentence.finish()


def group_atom(group: Group) -> Atom:
    """Return a bracketed part as one atom: of the role that all its options have, if they are single words."""
    atoms = [option_atom(option) for option in group.options]
    roles = {atom.role for atom in atoms}
    bare = group.opening + "|".join(atom.bare for atom in atoms) + group.closing
    full = group.opening + "|".join(atom.full for atom in atoms) + group.closing
    return Atom(bare=bare, full=full, role=roles.pop() if len(roles) == 1 else "modifier")


def option_atom(nodes: Sequence[Node]) -> Atom:
    """Return what one option says, as an atom."""
    words = [node for node in nodes if isinstance(node, Group) or node.kind not in ("space", "joiner")]
    if len(words) == 1:
        node = words[0]
        if isinstance(node, Group):
            return group_atom(node)
        return term_atom(node.term) if node.term else plain_atom(node.role or node.source)
    return Atom(bare=say(nodes), full=say(nodes), role="modifier")


class Translator(Protocol):
    """Turn Japanese texts into English ones, as many as were given; `name` and `version` go into the ledger."""

    name: str
    version: str

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the texts in English, in their order."""
        ...


class VocabularyTranslator:
    """Translate by the team's vocabulary: the default, which needs no model."""

    name = "vocabulary"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.version = vocabulary.version

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return the texts in English, in their order."""
        return [translate(text, self.vocabulary).result for text in texts]


def translate_around_syntax(texts: Sequence[str], translator: Translator) -> list[str]:
    """Return the texts translated by a model that knows nothing of prompts: it is given only the Japanese between
    brackets, tags, variables and English commas, all in one call."""
    cut = [[(kind, part) for kind, token in tokens(normalize(clean_text(text))) for part in split_text(kind, token)]
           for text in texts]  # fmt: skip
    waiting = [part for parts in cut for kind, part in parts if is_japanese(kind, part)]
    done = iter(translator.translate([part.strip() for part in waiting]) if waiting else [])
    return ["".join(next(done) if is_japanese(kind, part) else part for kind, part in parts) for parts in cut]


def split_text(kind: str, token: str) -> list[str]:
    """Return plain text cut at English commas, everything else whole."""
    return re.split(r"(\s*,\s*)", token) if kind == "text" else [token]


def is_japanese(kind: str, part: str) -> bool:
    """Tell whether a part is text that a model should see."""
    return kind == "text" and JAPANESE.search(part) is not None
