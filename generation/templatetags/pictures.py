"""What the templates of the rooms for pictures draw in Python."""

from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from ..controls import draw_choices, draw_errors, draw_field, draw_ratios, draw_weight, draw_words
from ..tiles import draw_closed, draw_license, draw_stars, draw_tiles

register = template.Library()
register.simple_tag(draw_field, name="labelled")
register.simple_tag(draw_errors, name="errors_of")
register.simple_tag(draw_choices, name="choices_of")
register.simple_tag(draw_weight, name="weight_of")
register.simple_tag(draw_words, name="word_chips")
register.simple_tag(draw_ratios, name="ratio_chips")
register.simple_tag(draw_stars, name="stars")
register.simple_tag(draw_license, name="license_badge")
register.simple_tag(draw_closed, name="closed_badge")


@register.simple_tag(takes_context=True)
def tiles(context: Context, outputs: Any) -> SafeString:
    """Draw pictures of the page's project; their links keep the page's filters, `closed` is for the view to say."""
    return draw_tiles(outputs, context["project"].slug, context.get("query", ""), closed=context["closed"])
