"""Put translated words into the order and with the articles that English prompts have. Pure.

One piece between commas becomes: the thing itself with its adjectives, then where it is (the place named last
stands nearest), then light and style behind commas: 夕焼けの砂浜の赤い車 → a red car on a beach, golden sunset light.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assets.vocabulary import VocabularyTerm
from generation.segment import Lexeme

Role = Literal["noun", "modifier", "trailing", "tag"]

ARTICLE = re.compile(r"(?:a|an) (?=\S)")
DETERMINERS = re.compile(
    r"(?:an?|the|my|your|his|her|its|our|their|this|that|these|those|some|many|several|no|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\b",
    re.IGNORECASE,
)
TRAILING = re.compile(
    r"(?:on|in|at|under|over|by|with|near|among|inside|behind|beside|between|against|around|from|into|through|during"
    r"|surrounded|wearing|holding)\b"
)
MANY = re.compile(r"(?:two|three|four|five|six|seven|eight|nine|ten|many|several|(?!1\b)\d+)\b", re.IGNORECASE)
PLURALS = (
    (r"(fish|sheep|deer|carp|salmon)$", r"\1"),
    (r"man$", "men"),
    (r"child$", "children"),
    (r"(?<=[^aeiou])y$", "ies"),
    (r"lea?f$", "leaves"),
    (r"(s|x|z|ch|sh)$", r"\1es"),
)
PREPOSITIONS = {"object": "", "place": "on", "means": "with"}
VOWEL_SOUND = re.compile(r"[aeio]|u(?!ni|se|su|ku|t[ei])|hour|honest|heir", re.IGNORECASE)
CONSONANT_SOUND = re.compile(r"eu|one\b|once\b|ukulele", re.IGNORECASE)
DOUBLED = re.compile(r"\b(on|in|at|under|with) (?=\1\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """One word or group in English: `full` as it stands alone, `bare` without its article."""

    bare: str
    full: str
    role: Role


def term_atom(term: VocabularyTerm) -> Atom:
    """Return a vocabulary word as an atom; a subject with an article is a countable noun."""
    if TRAILING.match(term.en):
        return Atom(bare=term.en, full=term.en, role="trailing")
    if term.slot != "subject":
        return Atom(bare=term.en, full=term.en, role="tag")
    bare = ARTICLE.sub("", term.en, count=1) if ARTICLE.match(term.en) else term.en
    return Atom(bare=bare, full=term.en, role="noun" if bare != term.en else "modifier")


def plain_atom(text: str) -> Atom:
    """Return English, unknown words and placeholders as an atom that takes no article of its own."""
    return Atom(bare=text, full=text, role="tag" if text.startswith("<") else "modifier")


def add_article(phrase: str) -> str:
    """Return a phrase with a or an before it, by the sound of its first word."""
    first = phrase.lstrip("([{\\ ")
    vowel = VOWEL_SOUND.match(first) and not CONSONANT_SOUND.match(first)
    return f"{'an' if vowel else 'a'} {phrase}"


def pluralize(noun: str) -> str:
    """Return the plural of a noun phrase: its last word, or the one before "of" or "with", is counted."""
    head, of, rest = re.split(r"( of | with | and |[:)}\]|]|$)", noun, maxsplit=1)
    for ending, plural in PLURALS:
        if re.search(ending, head):
            return re.sub(ending, plural, head) + of + rest
    return head + "s" + of + rest


def render_phrase(atoms: Sequence[Atom]) -> str:
    """Return adjectives and nouns as one phrase, with the article of its last noun in front."""
    if len(atoms) == 1:
        return atoms[0].full
    text = " ".join(atom.bare for atom in atoms)
    if MANY.match(text) and atoms[-1].role == "noun":
        return " ".join([*(atom.bare for atom in atoms[:-1]), pluralize(atoms[-1].bare)])
    if all(atom.role != "noun" for atom in atoms) or DETERMINERS.match(text):
        return text
    return add_article(text)


class Sentence:
    """Collect the words between two commas and say them in English order."""

    def __init__(self) -> None:
        self.phrase: list[Atom] = []
        self.link = ""
        self.heads: list[tuple[str, str]] = []
        self.trailing: list[str] = []
        self.tags: list[str] = []
        self.order: list[str] = []
        self.pending: tuple[str, str] | None = None

    def add(self, atom: Atom) -> None:
        """Take the next word in."""
        if self.pending and atom.role != "tag" and atom.bare.split(" ", 1)[0].endswith("ing"):
            (thing, preposition), self.pending = self.pending, None
            self.trailing.append(" ".join(part for part in (atom.bare, preposition, thing) if part))
            self.order.append(self.trailing[-1])
        elif atom.role in ("trailing", "tag"):
            self.close("")
            (self.trailing if atom.role == "trailing" else self.tags).append(atom.full)
            self.order.append(atom.full)
        else:
            self.flush()
            self.phrase.append(atom)

    def join(self, role: str) -> None:
        """Act on a particle: link, list, object of a verb, or a place beside a thing."""
        if role == "link":
            return
        if role in ("and", "topic"):
            self.close(" and " if role == "and" else " ")
        elif role in PREPOSITIONS:
            self.flush()
            if self.phrase:
                self.pending = (render_phrase(self.phrase), PREPOSITIONS[role])
                self.phrase = []
        elif self.phrase:
            self.trailing.append(f"{role} {render_phrase(self.phrase)}")
            self.order.append(self.trailing[-1])
            self.phrase = []

    def space(self) -> None:
        """Act on a gap: behind a thing it begins another one."""
        if self.phrase and self.phrase[-1].role == "noun":
            self.close(", ")

    def flush(self) -> None:
        """Say the object that no verb has claimed."""
        if self.pending:
            (thing, _), self.pending = self.pending, None
            self.say(thing, " ")

    def close(self, link: str) -> None:
        """End the phrase; `link` joins it to the next."""
        if self.phrase:
            self.say(render_phrase(self.phrase), link)
            self.phrase = []

    def say(self, text: str, link: str) -> None:
        """Put a finished phrase in its place."""
        self.heads.append((text, link))
        self.order.append(text)

    def finish(self) -> str:
        """Return everything in English order."""
        self.flush()
        self.close("")
        if not self.heads:
            return ", ".join(self.order)
        *before, (last, _) = self.heads
        head = "".join(text + (link or " ") for text, link in before) + last
        placed = " ".join([head, *reversed(self.trailing)])
        return DOUBLED.sub("", ", ".join([placed, *self.tags]))


def say_lexeme(sentence: Sentence, lexeme: Lexeme) -> None:
    """Give one piece to the sentence."""
    if lexeme.kind == "joiner":
        sentence.join(lexeme.role)
    elif lexeme.kind == "space":
        sentence.space()
    elif lexeme.term:
        sentence.add(term_atom(lexeme.term))
    else:
        sentence.add(plain_atom(lexeme.role or lexeme.source))
