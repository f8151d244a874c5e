"""What templates of every room use: icons, the rail, shortened hashes, one field of a form."""

from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext

from ..icons import draw_icon
from ..markup import draw_hash, draw_rows
from ..rooms import Doors, doors

register = template.Library()
register.simple_tag(draw_icon, name="icon")
register.simple_tag(draw_hash, name="hash")
register.simple_tag(draw_rows, name="rows")


@register.simple_tag(takes_context=True)
def rooms(context: Context) -> Doors | None:
    """Return the links to the rooms of the page's project, or nothing when the page has none."""
    project = context.get("project")
    slug = getattr(project, "slug", "")
    return doors(slug, context["request"].path) if slug and "request" in context else None


@register.filter
def short(value: str | None, length: int = 10) -> str:
    """Shorten a hash for reading; the page shows the whole one in a title."""
    return (value or "")[: int(length)]


@register.filter
def initials(name: str) -> str:
    """Return one or two letters that stand for a person."""
    words = str(name).replace("@", " ").split()
    if not words:
        return "?"
    if not words[0][0].isascii():
        return words[0][0]
    return "".join(word[0] for word in words[:2]).upper()


@register.inclusion_tag("projects/frame/field.html")
def field(bound: BoundField, label: str = "", extra: str = "") -> dict[str, Any]:
    """Show one field of a form: label, control, help and errors, joined for screen readers.

    `extra` are further CSS classes of the surrounding element.
    """
    widget = bound.field.widget
    return {
        "field": bound,
        "label": label or bound.label,
        "extra": extra,
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": isinstance(widget, RadioSelect | CheckboxSelectMultiple),
        "is_optional": not bound.field.required and not isinstance(widget, Select),
    }


@register.filter
def percent(value: float | None) -> str:
    """Show a share between 0 and 1 as whole per cent."""
    return f"{round((value or 0) * 100)} %"


@register.filter
def weight(value: float) -> str:
    """Show a weight of the prompt without zeros that say nothing."""
    return f"{value:.3g}"


@register.filter
def ago(at: datetime | None) -> str:
    """Say how long ago something was, in one unit; older than a month, say the date."""
    if at is None:
        return "–"
    seconds = (timezone.now() - at).total_seconds()
    if seconds < 60:
        return gettext("just now")
    if seconds > 30 * 86_400:
        return date_format(timezone.localtime(at), "DATE_FORMAT")
    return gettext("%(time)s ago") % {"time": timesince(at, depth=1)}
