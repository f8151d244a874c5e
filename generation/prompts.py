"""A template's four slots become one prompt: subject, environment, light, style. Pure and seeded."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from generation.expansion import Choice, Expander, VariableSpec
from generation.syntax import (
    ADAPTER_TAG,
    HIDDEN,
    PromptError,
    check_brackets,
    check_length,
    clean_text,
    parse_weights,
)
from generation.templates import SLOT_NAMES, Slot, TemplateBody

__all__ = [
    "SLOT_NAMES",
    "Choice",
    "Compiled",
    "Notice",
    "PromptError",
    "Slot",
    "TemplateBody",
    "VariableSpec",
    "clean_text",
    "compile_prompt",
    "join_slots",
    "parse_weights",
]

NEGATIVE = "negative"
EMPTY_GROUP = re.compile(r"(?<!\\)(?:\(\s*(?::\s*[\d.]*\s*)?\)|\[\s*\])")
COMMAS = re.compile(r"\s*,(?:\s*,)+\s*")
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Say something about a prompt that does not stop it."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Hold what goes to the text encoder, and how it came about.

    `sources` are the slots (and "negative") expanded, before translation; `slots` the same after it; `variables`
    the values used; `choices` every pick in order, so that a replay never expands again.
    """

    prompt: str
    negative_prompt: str
    sources: Mapping[str, str]
    slots: Mapping[str, str]
    variables: Mapping[str, str]
    choices: tuple[Choice, ...]
    warnings: tuple[Notice, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "sources": dict(self.sources),
            "slots": dict(self.slots),
            "variables": dict(self.variables),
            "choices": [choice.as_dict() for choice in self.choices],
            "warnings": [{"code": notice.code, "params": dict(notice.params)} for notice in self.warnings],
        }


def compile_prompt(
    body: TemplateBody,
    *,
    slots: Mapping[str, str],
    negative: str | None = None,
    variables: Mapping[str, str] | None = None,
    seed: int,
    trigger_words: Sequence[str] = (),
    translate: Callable[[str, str], str] | None = None,
) -> Compiled:
    """Return the prompt of a filled template; the same arguments always give the same result.

    A slot that is not given, or `negative` None, takes the template's default; one given empty stays empty but for
    its locked parts. `translate` sees each expanded slot (or negative) with its name, before trigger words join.
    Raises PromptError; its codes are the keys of `generation.syntax.MESSAGES`.
    """
    check_request(slots, seed)
    expander = Expander(variables=body.variables, wildcards=body.wildcards, values=variables or {}, seed=seed)
    sources = expand_all(expander, body, slots, negative)
    done = translate_all(sources, translate, body.separator)
    done["subject"] = add_trigger_words(done, trigger_words, body.separator)
    return Compiled(
        prompt=join_slots(body, done),
        negative_prompt=done[NEGATIVE],
        sources=sources,
        slots={name: done[name] for name in SLOT_NAMES},
        variables=dict(expander.resolved),
        choices=tuple(expander.choices),
        warnings=notices({**slots, **(variables or {}), NEGATIVE: negative or ""}, sources),
    )


def expand_all(
    expander: Expander, body: TemplateBody, slots: Mapping[str, str], negative: str | None
) -> dict[str, str]:
    """Return every slot and the negative with variables, choices and wildcards replaced."""
    texts = {slot.name: compose_slot(slot, slots.get(slot.name)) for slot in body.slots}
    texts[NEGATIVE] = compose_negative(body, negative)
    return {name: settle(expander.expand(text, name), name, body.separator) for name, text in texts.items()}


def translate_all(
    sources: Mapping[str, str], translate: Callable[[str, str], str] | None, separator: str
) -> dict[str, str]:
    """Return every text translated and settled again, or as it is without a translation."""
    if translate is None:
        return dict(sources)
    return {name: settle(translate(text, name), name, separator) if text else "" for name, text in sources.items()}


def join_slots(body: TemplateBody, slots: Mapping[str, str]) -> str:
    """Return the slots in their order with the template's separator; empty ones leave no gap."""
    return body.separator.join(slots[name] for name in SLOT_NAMES if slots.get(name))


def check_request(slots: Mapping[str, str], seed: int) -> None:
    """Refuse slots that do not exist and seeds that are not whole numbers of 0 or more."""
    for name in slots:
        if name not in SLOT_NAMES:
            raise PromptError("unknown_slot", {"slot": name[:80]})
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise PromptError("seed_out_of_range", {"seed": str(seed)[:40]})


def compose_slot(slot: Slot, given: str | None) -> str:
    """Return prefix, value and suffix of a slot as one text, still with its variables."""
    value = slot.default if given is None else clean_given(given, slot.name)
    if slot.locked and value not in ("", clean_text(slot.default)) and value != slot.default:
        raise PromptError("slot_locked", {"slot": slot.name})
    return clean_text(glue(glue(slot.prefix, slot.default if slot.locked else value), slot.suffix))


def compose_negative(body: TemplateBody, given: str | None) -> str:
    """Return the locked negatives followed by the person's, or by the template's default."""
    value = body.negative if given is None else clean_given(given, NEGATIVE)
    return body.separator.join(part for part in (clean_text(body.negative_locked), clean_text(value)) if part)


def clean_given(text: str, where: str) -> str:
    """Return what a person typed, cleaned, within the limit and with every bracket closed."""
    text = clean_text(text)
    check_length(text, where)
    check_brackets(text, where)
    return text


def glue(left: str, right: str) -> str:
    """Return both parts together, with a space where two words or a comma and a word would touch."""
    if right.startswith(","):
        return left.rstrip() + right
    touching = left[-1:].isascii() and right[:1].isascii() and left[-1:].isalnum() and right[:1].isalnum()
    return f"{left} {right}" if touching or (left.endswith(",") and right) else left + right


def settle(text: str, where: str, separator: str) -> str:
    """Return an expanded text without the holes that empty values leave, within the limit, brackets closed."""
    text = clean_text(text)
    check_length(text, where)
    check_brackets(text, where)
    while EMPTY_GROUP.search(text):
        text = EMPTY_GROUP.sub("", text)
    return clean_text(COMMAS.sub(", ", text)).strip(" ," + separator)


def add_trigger_words(slots: Mapping[str, str], words: Sequence[str], separator: str) -> str:
    """Return the subject with each trigger word at its end, unless some slot or an earlier word says it already."""
    subject = slots["subject"]
    for word in map(clean_text, words):
        check_length(word, "trigger_words")
        check_brackets(word, "trigger_words")
        said = " \n ".join([subject, *(slots[name] for name in SLOT_NAMES if name != "subject")])
        if word and not has_word(said, word):
            subject = f"{subject}{separator}{word}" if subject else word
    return subject


def has_word(text: str, word: str) -> bool:
    """Tell whether a text says a word as a whole, in any case; Japanese has no gaps, so there any place counts."""
    text, word = ADAPTER_TAG.sub(" ", text).casefold(), word.casefold()
    if CJK.search(word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def notices(given: Mapping[str, str], sources: Mapping[str, str]) -> tuple[Notice, ...]:
    """Return what a person should know: characters taken out, and adapter tags, which only the adapter list applies."""
    hidden = [
        Notice(code="hidden_characters_removed", params={"slot": name})
        for name, text in given.items()
        if HIDDEN.search(text)
    ]
    tags = [
        Notice(code="adapter_tag", params={"slot": name, "tag": tag})
        for name, text in sources.items()
        for tag in ADAPTER_TAG.findall(text)
    ]
    return tuple(hidden + tags)
