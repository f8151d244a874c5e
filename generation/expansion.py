"""Variables, choices and wildcards: seeded expansion that records every pick, so that no replay rolls again. Pure."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from generation.syntax import NAME, PromptError, check_length, clean_text

MAX_DEPTH = 10
MAX_EXPANSIONS = 1_000
MAX_EXPANDED_CHARS = 20_000

PART = re.compile(
    r"(?P<escape>\\[{}|_\\]?)"
    r"|(?P<tag><(?:lora|lyco|hypernet):[^<>]*>)"
    r"|(?P<wildcard>__(?P<name>[^\W_]+(?:[_/-][^\W_]+){0,9})__)"
    r"|(?P<open>\{)|(?P<close>\})|(?P<bar>\|)"
    r"|(?P<text>[^\\<_{}|]+|.)",
    re.IGNORECASE | re.DOTALL,
)
EXPRESSION = re.compile(r"(?<!\\)\{(?:\{[^{}|]*\}\}|%)")
VARIABLE = re.compile(rf"\s*({NAME})\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSpec:
    """Declare a template's variable: its default, the values allowed (None: any) and whether it must be filled."""

    default: str = ""
    choices: tuple[str, ...] | None = None
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Record one pick: where it was made, from which text, the number picked (from 0) and what it says."""

    where: str
    source: str
    index: int
    picked: str

    def as_dict(self) -> dict[str, str | int]:
        """Return the pick as JSON-ready values."""
        return {"where": self.where, "source": self.source, "index": self.index, "picked": self.picked}


@dataclass(frozen=True, slots=True, kw_only=True)
class Braces:
    """A bracketed part of a text, with the options between its bars."""

    source: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wildcard:
    """A reference to one of a template's lists."""

    name: str


Part = str | Braces | Wildcard


def split_parts(text: str, where: str) -> Iterator[Part]:
    """Yield plain text, braces and wildcards in order; nested braces stay inside their options."""
    if EXPRESSION.search(text):
        raise PromptError("expression_not_allowed", {"slot": where})
    opened: list[int] = []
    bars: list[int] = []
    for match in PART.finditer(text):
        kind, start = match.lastgroup, match.start()
        if kind == "open":
            opened.append(start)
        elif kind == "close":
            if not opened:
                raise lonely("}", start, where)
            first = opened.pop()
            if not opened:
                yield cut(text, first, [*bars, start])
                bars = []
        elif opened:
            bars += [start] if kind == "bar" and len(opened) == 1 else []
        else:
            yield Wildcard(name=match["name"]) if kind == "wildcard" else unescape(match.group())
    if opened:
        raise lonely("{", opened[-1], where)


def lonely(bracket: str, position: int, where: str) -> PromptError:
    """Return the error for a brace without partner."""
    return PromptError("unbalanced_bracket", {"bracket": bracket, "position": position, "slot": where})


def cut(text: str, first: int, ends: Sequence[int]) -> Braces:
    """Return the braces that open at `first` and whose options end at `ends`."""
    starts = [first + 1, *(end + 1 for end in ends[:-1])]
    options = tuple(text[start:end] for start, end in zip(starts, ends, strict=True))
    return Braces(source=text[first : ends[-1] + 1], options=options)


def unescape(part: str) -> str:
    """Return the text without the backslash that kept braces, bars and underscores from being read."""
    return part[1:] if len(part) == 2 and part[0] == "\\" and part[1] in "{}|_" else part


def keep_literal(text: str) -> str:
    """Return an expanded text so that expanding it again gives the same: braces and wildcards get backslashes."""
    return PART.sub(keep_part, text)


def keep_part(match: re.Match[str]) -> str:
    """Return one part of a text with backslashes where it would be read as more than text."""
    if match.lastgroup in ("open", "close"):
        return "\\" + match.group()
    return match.group().replace("_", "\\_") if match.lastgroup == "wildcard" else match.group()


def variable_name(braces: Braces) -> str | None:
    """Return the name of the variable that the braces stand for, or None when they are a choice."""
    if len(braces.options) > 1:
        return None
    match = VARIABLE.fullmatch(braces.options[0])
    return match[1] if match else None


def find_references(text: str, where: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield ("variable" | "wildcard", name) for every reference in a text, in all options of its choices.

    Raises PromptError `bad_braces` where braces are neither, and `expansion_too_deep` past MAX_DEPTH.
    """
    if depth > MAX_DEPTH:
        raise PromptError("expansion_too_deep", {"slot": where})
    for part in split_parts(text, where):
        if isinstance(part, Wildcard):
            yield "wildcard", part.name
        elif isinstance(part, Braces):
            name = variable_name(part)
            if name:
                yield "variable", name
            elif len(part.options) == 1:
                raise PromptError("bad_braces", {"text": part.source[:80], "slot": where})
            else:
                for option in part.options:
                    yield from find_references(option, where, depth + 1)


class Expander:
    """Expand the texts of one prompt; each place draws from its own seeded generator.

    One variable has one value in the whole prompt. Editing one slot never changes what another slot picked.
    """

    def __init__(
        self,
        *,
        variables: Mapping[str, VariableSpec],
        wildcards: Mapping[str, Sequence[str]],
        values: Mapping[str, str],
        seed: int,
    ) -> None:
        self.specs = variables
        self.wildcards = wildcards
        self.values = {name: self.check_value(name, value) for name, value in values.items()}
        self.seed = seed
        self.resolved: dict[str, str] = {}
        self.choices: list[Choice] = []
        self.expansions = 0
        self.produced = 0
        for name, spec in variables.items():
            if spec.required and not self.values.get(name, spec.default):
                raise PromptError("variable_missing", {"name": name})

    def check_value(self, name: str, value: str) -> str:
        """Return a given value, cleaned. Raises PromptError for names or values that the template does not know."""
        if name not in self.specs:
            raise PromptError("unknown_variable", {"name": name[:80]})
        value = clean_text(value)
        check_length(value, name)
        choices = self.specs[name].choices
        if choices is not None and value and value not in choices:
            raise PromptError("variable_not_allowed", {"name": name, "value": value[:80]})
        return value

    def expand(self, text: str, where: str) -> str:
        """Return the text with every variable, choice and wildcard replaced."""
        for kind, name in find_references(text, where):
            self.check_reference(kind, name, where)
        return self.fill(text, where, random.Random(f"{self.seed}/{where}"), ())  # noqa: S311

    def check_reference(self, kind: str, name: str, where: str) -> None:
        """Refuse a name that the template does not declare."""
        known = self.specs if kind == "variable" else self.wildcards
        if name not in known:
            raise PromptError(f"unknown_{kind}", {"name": name, "slot": where})

    def fill(self, text: str, where: str, rng: random.Random, path: tuple[str, ...]) -> str:
        """Return the text expanded; `path` names the references that led here."""
        if len(path) > MAX_DEPTH:
            raise PromptError("expansion_too_deep", {"slot": where})
        filled = "".join(
            part if isinstance(part, str) else self.fill_part(part, where, rng, path)
            for part in split_parts(text, where)
        )
        self.produced += len(filled)
        if self.produced > MAX_EXPANDED_CHARS or self.expansions > MAX_EXPANSIONS:
            raise PromptError("expansion_too_large", {"slot": where})
        return filled

    def fill_part(self, part: Braces | Wildcard, where: str, rng: random.Random, path: tuple[str, ...]) -> str:
        """Return what one variable, choice or wildcard stands for."""
        self.expansions += 1
        if isinstance(part, Wildcard):
            reference, options = f"__{part.name}__", self.wildcards.get(part.name, ())
        else:
            name = variable_name(part)
            if name:
                return self.fill_variable(name, where, path)
            reference, options = part.source, part.options
        if isinstance(part, Wildcard):
            self.check_reference("wildcard", part.name, where)
            check_path(reference, path)
        elif len(options) == 1:
            raise PromptError("bad_braces", {"text": reference[:80], "slot": where})
        index = rng.randrange(len(options))
        picked = self.fill(options[index], where, rng, (*path, reference))
        self.choices.append(Choice(where=where, source=reference[:200], index=index, picked=picked))
        return picked

    def fill_variable(self, name: str, where: str, path: tuple[str, ...]) -> str:
        """Return the value of a variable, worked out once."""
        self.check_reference("variable", name, where)
        check_path(f"{{{name}}}", path)
        if name not in self.resolved:
            text = self.values.get(name) or self.specs[name].default
            rng = random.Random(f"{self.seed}/variable/{name}")  # noqa: S311
            self.resolved[name] = self.fill(text, name, rng, (*path, f"{{{name}}}"))
        return self.resolved[name]


def check_path(reference: str, path: tuple[str, ...]) -> None:
    """Refuse a reference that leads back to itself with PromptError `circular_reference`."""
    if reference in path:
        chain = " → ".join((*path[path.index(reference) :], reference))
        raise PromptError("circular_reference", {"chain": chain})


def check_circles(texts: Mapping[str, Sequence[str]]) -> None:
    """Refuse definitions that lead back to themselves; `texts` maps "{name}" or "__name__" to what it may become."""
    targets = {
        name: [f"{{{ref}}}" if kind == "variable" else f"__{ref}__" for kind, ref in references_of(lines, name)]
        for name, lines in texts.items()
    }
    done: set[str] = set()
    for name in targets:
        walk(name, targets, (), done)


def references_of(lines: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    """Yield the distinct references of several texts."""
    yield from dict.fromkeys(reference for line in lines for reference in find_references(line, where))


def walk(name: str, targets: Mapping[str, Sequence[str]], path: tuple[str, ...], done: set[str]) -> None:
    """Visit what a definition leads to, depth first, refusing circles and chains past MAX_DEPTH."""
    check_path(name, path)
    if len(path) > MAX_DEPTH:
        raise PromptError("expansion_too_deep", {"slot": path[0]})
    if name in done:
        return
    for target in targets.get(name, ()):
        walk(target, targets, (*path, name), done)
    done.add(name)
