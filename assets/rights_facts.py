"""What was declared about a thing, and what its file says of itself, as rows that people read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import licensing
from .claims import EmbeddedClaims
from .models import Rights
from .services import reading_language

CLAIMS: Mapping[str, Any] = {
    "copyright_notices": gettext_lazy("Copyright"),
    "creators": gettext_lazy("Creator"),
    "credit_lines": gettext_lazy("Credit line"),
    "sources": gettext_lazy("Source"),
    "usage_terms": gettext_lazy("Terms of use"),
    "license_urls": gettext_lazy("Licence"),
    "web_statements": gettext_lazy("Statement on the web"),
    "licensor_urls": gettext_lazy("Licensor"),
    "terms_urls": gettext_lazy("Terms on the web"),
    "data_mining": gettext_lazy("Data mining"),
    "model_release": gettext_lazy("Model release"),
    "property_release": gettext_lazy("Property release"),
    "persons_shown": gettext_lazy("People shown"),
    "digital_source_types": gettext_lazy("Kind of source"),
}
RELEASES = {
    "none": gettext_lazy("no release"),
    "limited": gettext_lazy("limited release"),
    "unlimited": gettext_lazy("released"),
}
LAST_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row: what it is called, what was said, and the address that it leads to, if any."""

    label: Any
    value: str
    url: str = ""


def license_label(rights: Rights) -> str:
    """Return what the declared licence is called in the reader's language."""
    return licensing.label("licenses", rights.license, reading_language()) if rights.license else _("unknown licence")


def facts_of_rights(rights: Rights) -> list[Fact]:
    """Return what was declared, without the rows that say nothing."""
    rows = [
        Fact(label=_("Licence"), value=license_label(rights)),
        Fact(label=_("Identifier"), value=rights.expression),
        Fact(label=_("Basis"), value="" if rights.basis == Rights.Basis.LICENSE else rights.get_basis_display()),
        Fact(label=_("Jurisdiction"), value=rights.jurisdiction),
        Fact(label=_("Title"), value=rights.title),
        Fact(label=_("Creator"), value=creator_of(rights), url=rights.creator_uri),
        Fact(label=_("Source"), value=rights.source_url, url=rights.source_url),
        *limits_of(rights),
        Fact(label=_("Data mining"), value=rights.data_mining),
        *(Fact(label=name, value=plain(value)) for name, value in rights.parameters.items()),
        Fact(label=_("Note"), value=rights.note),
    ]
    return [row for row in rows if row.value]


def limits_of(rights: Rights) -> list[Fact]:
    """Return where, when, in what and how often a thing may be used, and who has released it."""
    language = reading_language()
    scopes = (
        (_("Territory"), "territory", rights.territories),
        (_("Media"), "media", rights.media),
        (_("Purposes"), "purposes", rights.purposes),
    )
    caps = [f"{licensing.label('caps', name, language)}: {most}" for name, most in rights.caps.items()]
    releases = [f"{who}: {RELEASES.get(word, word)}" for who, word in rights.releases.items()]
    return [
        Fact(label=_("Valid from"), value=day_of(rights.valid_from, rights.time_zone)),
        Fact(label=_("Last day"), value=last_day_of(rights)),
        *(Fact(label=label, value=words(group, listed, language)) for label, group, listed in scopes),
        Fact(label=_("At most"), value=", ".join(caps)),
        Fact(label=_("Releases"), value=", ".join(releases)),
    ]


def claims_of_rights(rights: Rights) -> list[Fact]:
    """Return what the file says of its own rights; nobody has verified it."""
    claims = EmbeddedClaims.from_dict(rights.claims) if rights.claims else EmbeddedClaims()
    rows = [Fact(label=label, value=plain(getattr(claims, name))) for name, label in CLAIMS.items()]
    if claims.c2pa is not None:
        rows.append(Fact(label=_("Content Credentials"), value=credentials_of(claims)))
    return [row for row in rows if row.value]


def credentials_of(claims: EmbeddedClaims) -> str:
    """Return what Content Credentials say, on one line."""
    c2pa = claims.c2pa
    if c2pa is None or not c2pa.is_readable:
        return _("there, but not readable")
    training = (f"{name}: {use}" for name, use in c2pa.training.items())
    return ", ".join(filter(None, (c2pa.signed_by, c2pa.claim_generator, c2pa.validation, *training))) or _("there")


def creator_of(rights: Rights) -> str:
    """Return the creator with the reading of the name."""
    return f"{rights.creator} ({rights.creator_reading})" if rights.creator_reading else rights.creator


def day_of(moment: datetime | None, time_zone: str) -> str:
    """Return a moment as the licensor's calendar and clock show it."""
    if moment is None:
        return ""
    local = moment.astimezone(ZoneInfo(time_zone))
    shown = date_format(local, "DATE_FORMAT" if is_midnight(local) else "DATETIME_FORMAT")
    return f"{shown} ({time_zone})"


def is_midnight(moment: datetime) -> bool:
    """Does a day begin at this moment?"""
    return (moment.hour, moment.minute) == (0, 0)


def last_day_of(rights: Rights) -> str:
    """Return the last day of a term: `expires_at` is the first instant at which it is over."""
    if rights.expires_at is None:
        return ""
    local = rights.expires_at.astimezone(ZoneInfo(rights.time_zone))
    clock = "" if is_midnight(local) else f" {local:%H:%M}"
    return f"{date_format(local - LAST_INSTANT, 'DATE_FORMAT')}{clock} ({rights.time_zone})"


def words(group: str, listed: Iterable[str] | None, language: str) -> str:
    """Return a limit in words; no limit says nothing, and a limit to nothing says so."""
    if listed is None:
        return ""
    return ", ".join(licensing.label(group, each, language) for each in listed) or _("nowhere")


def plain(value: Any) -> str:
    """Return a value as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
