"""Markup that is drawn without a template, because pages repeat it."""

import html
from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .icons import DECORATIONS

HASH = """<span class="row tight nowrap"><code class="mono" title="{value}">{short}</code>\
<button type="button" class="button quiet small icon-only" data-copy="{value}" data-copied="{copied}" title="{copy}">\
{icon}<span class="visually-hidden" data-label>{copy}</span></button></span>"""


def escaped(value: Any) -> str:
    """Return a value as templates show it: its own markup when it has some, else its text, escaped."""
    if hasattr(value, "__html__"):
        return str(value.__html__())
    text = str(value)
    return text if isinstance(text, SafeString) else html.escape(text)


def draw_hash(value: str | None, length: int = 10) -> SafeString:
    """Return a shortened hash with its whole value in the title and a button that copies it."""
    if not value:
        return SafeString('<span class="muted">–</span>')
    short = value[:length] + ("…" if len(value) > length else "")
    words = {"copied": escaped(_("Copied")), "copy": escaped(_("Copy")), "icon": DECORATIONS["copy"]}
    return SafeString(HASH.format(value=escaped(value), short=escaped(short), **words))


def draw_rows(rows: Iterable[tuple[Any, Any]], style: str = "") -> SafeString:
    """Return labels and values as the rows of a list, numbers as they are; `style` is a class of the values."""
    kind = f' class="{escaped(style)}"' if style else ""
    return SafeString("".join(f"<dt>{escaped(label)}</dt><dd{kind}>{escaped(value)}</dd>" for label, value in rows))
