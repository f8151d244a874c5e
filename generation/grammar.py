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

Role = Literal["noun", "adjective", "modifier", "trailing", "tag"]

ARTICLE = re.compile(r"(?:a|an) (?=\S)")
DETERMINERS = re.compile(
    r"(?:an?|the|my|your|his|her|its|our|their|this|that|these|those|some|many|several|no|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\b",
    re.IGNORECASE,
)
TRAILING = re.compile(
    r"(?:on|in|at|under|over|by|with|near|among|inside|behind|beside|between|against|around|from|into|through|during"
    r"|surrounded|covered|wearing|holding)\b|\w+ing "
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
PLACE = re.compile(r"(?:on|in|at|under|by|near|among|inside|above|with) (?P<article>an? |the )?(?P<thing>.+)")
MEASURE = re.compile(r"(?:bowl|cup|glass|bottle|plate|loaf|bar|bunch|bouquet|pair|group) of (?=\S)")
TRANSITIVE = re.compile(r"(?:holding|wearing|reading|drinking|eating|playing)$|\w+ing .*\bat$")
DOUBLED = re.compile(r"\b(on|in|at|under|with) (?=\1\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """One word or group in English: `full` as it stands alone, `bare` without its article."""

    bare: str
    full: str
    role: Role


def term_atom(term: VocabularyTerm) -> Atom:
    """Return a vocabulary word as an atom; a subject with an article is a countable noun.

    Adjectives are told from words like 水 by how vocabularies write them: ending in い, な or の.
    """
    if TRAILING.match(term.en):
        return Atom(bare=term.en, full=term.en, role="trailing")
    if term.slot != "subject":
        return Atom(bare=term.en, full=term.en, role="tag")
    if not ARTICLE.match(term.en):
        return Atom(bare=term.en, full=term.en, role="adjective" if term.ja[-1] in "いなの" else "modifier")
    return Atom(bare=ARTICLE.sub("", term.en, count=1), full=term.en, role="noun")


def plain_atom(text: str) -> Atom:
    """Return English, unknown words and placeholders as an atom that takes no article of its own."""
    return Atom(bare=text, full=text, role="tag" if text.startswith("<") else "modifier")


def add_article(phrase: str) -> str:
    """Return a phrase with a or an before it, by the sound of its first word."""
    first = phrase.lstrip("([{\\ ")
    vowel = VOWEL_SOUND.match(first) and not CONSONANT_SOUND.match(first)
    return f"{'an' if vowel else 'a'} {phrase}"


def put_adjectives(words: Sequence[Atom], place: str) -> str:
    """Return a place or a weather with adjectives before its noun: 青い + by the sea → by the blue sea."""
    said = " ".join(atom.bare for atom in words)
    match = PLACE.fullmatch(place)
    if not match:
        return f"{said} {place}"
    start, thing, article = place[: match.start("thing")], match["thing"], match["article"]
    if article in ("a ", "an "):
        return f"{start[: -len(article)]}{add_article(f'{said} {thing}')}"
    return f"{start}{said} {thing}"


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
    text = " ".join([*(MEASURE.sub("", atom.bare) for atom in atoms[:-1]), atoms[-1].bare])
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
        self.last: Atom | None = None
        self.is_object = False

    def add(self, atom: Atom) -> None:
        """Take the next word in."""
        if atom.role != "tag" and atom.bare.split(" ", 1)[0].endswith("ing") and self.claim(atom):
            return
        if atom.role in ("trailing", "tag"):
            self.put_aside(atom)
        else:
            self.flush()
            self.phrase.append(atom)
        self.last = atom

    def claim(self, verb: Atom) -> bool:
        """Let a verb take the object that waits for it, or the place named last when it cannot do without one."""
        if self.pending:
            (thing, preposition), self.pending = self.pending, None
        elif self.is_object and self.last and TRANSITIVE.match(verb.bare):
            thing, preposition = self.take_back(), ""
        else:
            return False
        self.say_after(" ".join(part for part in (verb.bare, preposition, thing) if part), self.trailing)
        return True

    def take_back(self) -> str:
        """Return the place or tag named last, without its preposition, as it goes somewhere else."""
        text = self.order.pop()
        (self.trailing if self.trailing[-1:] == [text] else self.tags).remove(text)
        match = PLACE.fullmatch(text)
        return f"{match['article'] or ''}{match['thing']}" if match else text

    def put_aside(self, atom: Atom) -> None:
        """Keep a place or a tag for the end, with the adjectives that stand before it."""
        text = atom.full
        is_described = self.phrase and all(each.role in ("adjective", "modifier") for each in self.phrase)
        if is_described and (PLACE.match(text) or atom.role == "tag"):
            text, self.phrase = put_adjectives(self.phrase, text), []
        self.close("")
        self.say_after(text, self.trailing if atom.role == "trailing" else self.tags)

    def say_after(self, text: str, where: list[str]) -> None:
        """Remember what is said behind the thing itself."""
        where.append(text)
        self.order.append(text)

    def join(self, role: str) -> None:
        """Act on a particle: link, list, object of a verb, or a place beside a thing."""
        self.is_object = role in PREPOSITIONS and not self.phrase and self.is_aside()
        if role == "plural" and self.phrase and self.phrase[-1].role == "noun":
            many = pluralize(self.phrase[-1].bare)
            self.phrase[-1] = Atom(bare=many, full=many, role="modifier")
        elif role == "and" and self.phrase and self.phrase[-1].role == "adjective":
            self.phrase.append(Atom(bare="and", full="and", role="modifier"))
        elif role in ("and", "topic"):
            self.close(" and " if role == "and" else " ")
        elif role in PREPOSITIONS:
            self.flush()
            if self.phrase:
                self.pending = (render_phrase(self.phrase), PREPOSITIONS[role])
                self.phrase = []
        elif role not in ("link", "plural"):
            self.place(role)

    def place(self, preposition: str) -> None:
        """Say where something is: beside the thing just named, or beside the place or weather just named."""
        if self.phrase:
            self.say_after(f"{preposition} {render_phrase(self.phrase)}", self.trailing)
            self.phrase = []
        elif self.is_aside() and not (self.last and self.last.role == "trailing" and preposition in ("in", "on")):
            self.say_after(f"{preposition} {self.take_back()}", self.trailing)

    def is_aside(self) -> bool:
        """Tell whether the word before was a place or a tag."""
        return bool(self.order and self.last and self.last.role in ("trailing", "tag"))

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
        if self.phrase and self.phrase[-1].bare == "and":
            self.phrase.pop()
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
