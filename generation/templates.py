"""What a prompt template says: four slots, negatives, variables and wildcards, as one canonical value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from generation.expansion import VARIABLE, VariableSpec, check_circles, find_references
from generation.syntax import PromptError, check_brackets, check_length, clean_text

SLOT_NAMES = ("subject", "environment", "light", "style")
MAX_VARIABLES = 100
MAX_WILDCARDS = 100
MAX_WILDCARD_LINES = 10_000
MAX_SEPARATOR_CHARS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Describe one slot: a person fills the value between prefix and suffix, unless the slot is locked."""

    name: str
    default: str = ""
    prefix: str = ""
    suffix: str = ""
    locked: bool = False
    hint: str = ""


def empty_slots() -> tuple[Slot, ...]:
    """Return the four slots, empty, in their order."""
    return tuple(Slot(name=name) for name in SLOT_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateBody:
    """Hold a template's content; `from_dict` is the only way in for untrusted data.

    `negative` is what a person starts from; `negative_locked` is always sent.
    """

    slots: tuple[Slot, ...] = field(default_factory=empty_slots)
    separator: str = ", "
    negative: str = ""
    negative_locked: str = ""
    variables: Mapping[str, VariableSpec] = field(default_factory=dict)
    wildcards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def slot(self, name: str) -> Slot:
        """Return the slot of that name. Raises PromptError `unknown_slot`."""
        for slot in self.slots:
            if slot.name == name:
                return slot
        raise PromptError("unknown_slot", {"slot": name[:80]})

    @property
    def adds_nothing(self) -> bool:
        """Is what a person types all that is sent, without prefixes, suffixes and locked parts?"""
        return not self.negative_locked and not any(slot.prefix or slot.suffix or slot.locked for slot in self.slots)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-ready values in canonical order: `from_dict(body.as_dict()) == body`."""
        return {
            "slots": [asdict(slot) for slot in self.slots],
            "separator": self.separator,
            "negative": self.negative,
            "negative_locked": self.negative_locked,
            "variables": {name: variable_dict(spec) for name, spec in sorted(self.variables.items())},
            "wildcards": {name: list(lines) for name, lines in sorted(self.wildcards.items())},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "TemplateBody":
        """Read a template strictly: unknown keys, wrong types, unknown references and circles are refused.

        Keys that are left out take their defaults. Raises PromptError, most often `bad_template` with the field.
        """
        known = ("slots", "separator", "negative", "negative_locked", "variables", "wildcards")
        check_keys(data, known, "template")
        body = cls(
            slots=read_slots(data.get("slots", [asdict(slot) for slot in empty_slots()])),
            separator=read_separator(data.get("separator", ", ")),
            negative=read_text(data, "negative", "negative"),
            negative_locked=read_text(data, "negative_locked", "negative_locked"),
            variables=read_variables(data.get("variables", {})),
            wildcards=read_wildcards(data.get("wildcards", {})),
        )
        check_body(body)
        return body


def variable_dict(spec: VariableSpec) -> dict[str, Any]:
    """Return a variable as JSON-ready values."""
    choices = None if spec.choices is None else list(spec.choices)
    return {"default": spec.default, "choices": choices, "required": spec.required}


def refuse(field_name: str) -> PromptError:
    """Return the error for a field that is not well formed."""
    return PromptError("bad_template", {"field": field_name[:120]})


def check_keys(data: object, known: Sequence[str], where: str) -> None:
    """Refuse anything but a mapping with known keys."""
    if not isinstance(data, Mapping):
        raise refuse(where)
    for key in data:
        if key not in known:
            raise refuse(f"{where}.{key}")


def clean_edges(text: object, where: str) -> str:
    """Return text cleaned like a prompt, but with one space kept where it began or ended with space."""
    if not isinstance(text, str):
        raise refuse(where)
    check_length(text, where)
    cleaned = clean_text(text)
    left = " " if cleaned and text[:1].isspace() else ""
    right = " " if cleaned and text[-1:].isspace() else ""
    return f"{left}{cleaned}{right}"


def read_text(data: Mapping[str, Any], key: str, where: str) -> str:
    """Return one text field, cleaned; a missing one is empty."""
    return clean_edges(data.get(key, ""), where).strip()


def read_bool(data: Mapping[str, Any], key: str, where: str) -> bool:
    """Return one true-or-false field; a missing one is false."""
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise refuse(where)
    return value


def read_separator(value: object) -> str:
    """Return the text between slots: short, and free of brackets, braces and words."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_SEPARATOR_CHARS:
        raise refuse("separator")
    if clean_text(value) != value.strip() or any(mark in value for mark in "\\()[]{}<>\n"):
        raise refuse("separator")
    return value


def read_slots(value: object) -> tuple[Slot, ...]:
    """Return the four slots in their order, each given once."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise refuse("slots")
    slots = [read_slot(item) for item in value]
    if sorted(slot.name for slot in slots) != sorted(SLOT_NAMES):
        raise refuse("slots")
    return tuple(sorted(slots, key=lambda slot: SLOT_NAMES.index(slot.name)))


def read_slot(data: object) -> Slot:
    """Return one slot."""
    check_keys(data, ("name", "default", "prefix", "suffix", "locked", "hint"), "slots")
    assert isinstance(data, Mapping)
    name = data.get("name")
    if name not in SLOT_NAMES:
        raise refuse("slots.name")
    return Slot(
        name=name,
        default=read_text(data, "default", f"{name}.default"),
        prefix=clean_edges(data.get("prefix", ""), f"{name}.prefix"),
        suffix=clean_edges(data.get("suffix", ""), f"{name}.suffix"),
        locked=read_bool(data, "locked", f"{name}.locked"),
        hint=read_text(data, "hint", f"{name}.hint"),
    )


def read_variables(value: object) -> dict[str, VariableSpec]:
    """Return the declared variables by name, sorted."""
    if not isinstance(value, Mapping) or len(value) > MAX_VARIABLES:
        raise refuse("variables")
    return {name: read_variable(name, value[name]) for name in sorted(value, key=str)}


def read_variable(name: object, data: object) -> VariableSpec:
    """Return one variable; a default outside its choices is refused."""
    if not isinstance(name, str) or clean_text(name) != name or not VARIABLE.fullmatch(name):
        raise refuse(f"variables.{name}")
    where = f"variables.{name}"
    check_keys(data, ("default", "choices", "required"), where)
    assert isinstance(data, Mapping)
    default = read_text(data, "default", where)
    choices = data.get("choices")
    if choices is not None:
        choices = read_lines(choices, where)
        if default and default not in choices:
            raise refuse(f"{where}.default")
    return VariableSpec(default=default, choices=choices, required=read_bool(data, "required", where))


def read_wildcards(value: object) -> dict[str, tuple[str, ...]]:
    """Return the wildcards by name, sorted, each a list of at least one line."""
    if not isinstance(value, Mapping) or len(value) > MAX_WILDCARDS:
        raise refuse("wildcards")
    for name in value:
        if not isinstance(name, str) or list(find_references(f"__{name}__", "wildcards")) != [("wildcard", name)]:
            raise refuse(f"wildcards.{name}")
    return {name: read_lines(value[name], f"wildcards.{name}") for name in sorted(value)}


def read_lines(value: object, where: str) -> tuple[str, ...]:
    """Return the lines of a list, cleaned, at least one and without blanks."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_WILDCARD_LINES:
        raise refuse(where)
    lines = tuple(clean_edges(line, where).strip() for line in value)
    if not lines or not all(lines):
        raise refuse(where)
    return lines


def check_body(body: TemplateBody) -> None:
    """Refuse references to nothing, definitions that run in a circle, and brackets that never close."""
    definitions = {f"{{{name}}}": (spec.default, *(spec.choices or ())) for name, spec in body.variables.items()}
    definitions |= {f"__{name}__": lines for name, lines in body.wildcards.items()}
    check_circles(definitions)
    places = {slot.name: f"{slot.prefix}{slot.default or 'x'}{slot.suffix}" for slot in body.slots}
    places |= {"negative": body.negative, "negative_locked": body.negative_locked}
    for where, text in places.items():
        check_brackets(text, where)
    for where, text in [*places.items(), *((name, line) for name, lines in definitions.items() for line in lines)]:
        for kind, name in find_references(text, where):
            if name not in (body.variables if kind == "variable" else body.wildcards):
                raise PromptError(f"unknown_{kind}", {"name": name, "slot": where})
