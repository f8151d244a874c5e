"""The parts of forms that the Studio and the gallery show most often, drawn without a template each."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.forms import BoundField
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from assets.models import Term
from projects.markup import escaped

from .adapter_choice import USUAL_WEIGHT


def draw_field(bound: BoundField) -> SafeString:
    """Return a field: its label, control and help, and a place for errors that later answers fill."""
    errors, key = bound.errors, escaped(bound.auto_id)
    mark = " invalid" if errors else ""
    about = f'<p class="help" id="{key}_helptext">{escaped(bound.help_text)}</p>' if bound.help_text else ""
    return SafeString(
        f'<div class="field{mark}"><label for="{escaped(bound.id_for_label)}">{escaped(bound.label)}</label>\n'
        f"{bound}\n{about}{draw_errors(bound)}</div>"
    )


def draw_errors(bound: BoundField) -> SafeString:
    """Return the place of a field's errors, with those that there are."""
    found = "".join(f'<p class="error">{escaped(error)}</p>' for error in bound.errors)
    return SafeString(f'<div class="errors" id="{escaped(bound.auto_id)}_error">{found}</div>')


def draw_choices(bound: BoundField) -> SafeString:
    """Return a field of few choices side by side, each labelled behind its button."""
    labels = (
        f'<label for="{escaped(each.id_for_label)}">{each.tag()}{escaped(each.choice_label)}</label>' for each in bound
    )
    return SafeString("".join(labels))


def draw_weight(bound: BoundField) -> SafeString:
    """Return an adapter's weight as a box, with a slider before it that a script uncovers and that marks what is usual.

    The box counts: it takes weights that the slider has no place for.
    """
    value = USUAL_WEIGHT if bound.value() in (None, "") else bound.value()
    return SafeString(
        f'<span class="weight-slider" data-uncover hidden><input type="range" min="0" max="1.5" step="0.05"'
        f' value="{escaped(value)}" data-weight-of="{escaped(bound.auto_id)}"'
        f' aria-label="{escaped(bound.label)}" aria-describedby="adapters_help">'
        f'<span class="band" aria-hidden="true"></span></span>{bound}'
    )


def draw_words(terms: Iterable[Term]) -> SafeString:
    """Return words of the vocabulary to click, in the reader's language; the other one is in the title."""
    shown, other = ("ja", "en") if get_language() == "ja" else ("en", "ja")
    chip = '<button type="button" class="chip" data-insert="{0}" title="{1}" lang="{2}">{0}</button>'
    words = ((escaped(getattr(term, shown)), escaped(getattr(term, other))) for term in terms)
    return SafeString("".join(chip.format(word, meaning, shown) for word, meaning in words))


def draw_ratios(ratios: Iterable[Mapping[str, Any]]) -> SafeString:
    """Return sizes to click, each with the outline of its shape."""
    chip = (
        '<button type="button" class="chip number" data-width="{width}" data-height="{height}"'
        ' title="{width} × {height}"><span class="shape r{name}" aria-hidden="true"></span>{label}</button>'
    )
    return SafeString("".join(chip.format_map(each) for each in ratios))
