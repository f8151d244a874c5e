"""The gallery's tiles and a picture's stars, drawn without a template: a page shows three dozen of them."""

import re
from collections.abc import Collection
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from assets.licensing import label
from assets.services import reading_language
from projects.addresses import address_pattern
from projects.markup import escaped

from .models import Output

TILE = """<li class="tile{rejected}" id="picture-{id}" data-rate="{address}rate/" data-reject="{address}reject/">
  <a class="tile-link" href="{address}{query}"><img src="{address}thumb.webp" width="{width}" height="{height}" \
loading="lazy" decoding="async" alt="{prompt}">{closed}</a>
  <div class="caption"><label class="row tight"><input type="checkbox" name="ids" value="{id}" form="compare-form">\
<span class="visually-hidden">{compare}</span></label>{license}<span class="nowrap">{mark}</span></div>
</li>
"""
STARS = """<span class="stars" title="{words}"><span aria-hidden="true">★ {stars}</span>\
<span class="visually-hidden">{words}</span></span>"""

LICENSE = '<span class="badge license" title="{words}">{short}</span>'
CLOSED = '<span class="badge stop corner" title="{words}">{word}</span>'

STAR = """<button name="rating" value="{value}" class="star{on}" aria-pressed="{is_pressed}" title="{words}">\
<span aria-hidden="true">{sign}</span><span class="visually-hidden">{words}</span></button>"""
MOST_STARS = 5
BRACKET = re.compile(r"\s*[(（]")


def draw_tiles(
    outputs: Collection[Output], slug: str, query: str = "", *, closed: Collection[int | None] = ()
) -> SafeString:
    """Return pictures of a project as tiles; links keep the filters in `query`, and `closed` lineages are marked."""
    address, compare, closed_mark = escaped(address_pattern("picture", slug)), escaped(_("Compare")), draw_closed()
    # Few licences for many pictures: each is put into words once.
    badges = {license: draw_license(license) for license in {output.license for output in outputs}}
    tiles = (
        TILE.format(
            rejected=" rejected" if output.rejected_at else "",
            id=output.id,
            address=address.format(output.id),
            query=escaped(f"?{query}") if query else "",
            width=output.width,
            height=output.height,
            prompt=escaped(prompt_of(output)),
            closed=closed_mark if output.lineage_id in closed else "",
            compare=compare,
            license=badges[output.license],
            mark=draw_mark(output),
        )
        for output in outputs
    )
    return SafeString("".join(tiles))


def draw_license(license: str) -> SafeString:
    """Return an effective licence as a badge; what its names explain in brackets is in the title only."""
    language = reading_language()
    names = [label("licenses", part, language) for part in license.split(" AND ")]
    short = " + ".join(BRACKET.split(name)[0] for name in names)
    return SafeString(LICENSE.format(words=escaped(" + ".join(names)), short=escaped(short)))


def draw_closed() -> SafeString:
    """Return the mark of a picture that may not be published now."""
    words = escaped(_("May not be published as things stand now"))
    return SafeString(CLOSED.format(word=escaped(_("Closed")), words=words))


def prompt_of(output: Output) -> str:
    """Return the prompt, which the gallery reads out of the recipe in the database."""
    prompt = getattr(output, "prompt", None)
    return str(output.spec.get("prompt", "") if prompt is None else prompt)


def draw_mark(output: Output) -> str:
    """Return what a picture's caption says: that it was rejected, its stars, or its day."""
    if output.rejected_at:
        return f'<span class="badge stop">{escaped(_("Rejected"))}</span>'
    if output.rating:
        words = escaped(_("%(stars)s of 5 stars") % {"stars": output.rating})
        return STARS.format(words=words, stars=output.rating)
    return draw_day(timezone.localtime(output.created_at))


def draw_day(at: datetime) -> str:
    """Return the day of a moment."""
    return f'<time class="muted" datetime="{at.isoformat()}">{escaped(date_format(at, "MONTH_DAY_FORMAT"))}</time>'


def draw_stars(rating: int) -> SafeString:
    """Return buttons that give one to five stars; the one that is on takes them back."""
    return SafeString("".join(draw_star(star, rating) for star in range(1, MOST_STARS + 1)))


def draw_star(star: int, rating: int) -> str:
    """Return one button."""
    is_on, is_last = star <= rating, star == rating
    return STAR.format(
        value=0 if is_last else star,
        on=" on" if is_on else "",
        is_pressed=str(is_last).lower(),
        words=escaped(_("%(star)s of 5 stars") % {"star": star}),
        sign="★" if is_on else "☆",
    )
