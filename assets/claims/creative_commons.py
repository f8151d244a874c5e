"""Knows Creative Commons licences by their addresses."""

import re
from collections.abc import Iterator

URL = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/"
    r"(?:licenses/(?P<kind>[a-z]+(?:-[a-z]+)*)|publicdomain/(?P<public>zero|mark))/(?P<version>\d\.\d)"
    r"(?:/(?P<port>[a-z]{2,3})(?![a-z]))?",
    re.IGNORECASE,
)
PUBLIC = {"zero": "CC0", "mark": "CC-PDM"}
PARTS = ("by", "nc", "nd", "sa")
# Ports that have an SPDX identifier; the others are named with a LicenseRef.
SPDX_PORTS = frozenset(
    (
        *("CC-BY-2.5-AU", "CC-BY-3.0-AT", "CC-BY-3.0-AU", "CC-BY-3.0-DE", "CC-BY-3.0-IGO", "CC-BY-3.0-NL"),
        *("CC-BY-3.0-US", "CC-BY-NC-3.0-DE", "CC-BY-NC-ND-3.0-DE", "CC-BY-NC-ND-3.0-IGO", "CC-BY-NC-SA-2.0-DE"),
        *("CC-BY-NC-SA-2.0-FR", "CC-BY-NC-SA-2.0-UK", "CC-BY-NC-SA-3.0-DE", "CC-BY-NC-SA-3.0-IGO"),
        *("CC-BY-ND-3.0-DE", "CC-BY-SA-2.0-UK", "CC-BY-SA-2.1-JP", "CC-BY-SA-3.0-AT", "CC-BY-SA-3.0-DE"),
        "CC-BY-SA-3.0-IGO",
    )
)


def find_licenses(text: str) -> Iterator[tuple[str, str]]:
    """Yield every Creative Commons address in a text with the identifier of its licence."""
    for match in URL.finditer(text):
        public, port = match["public"], (match["port"] or "").upper()
        kind = PUBLIC[public.lower()] if public else f"CC-{_ordered(match['kind'])}"
        name = f"{kind}-{match['version']}" + (f"-{port}" if port and not public else "")
        yield match[0], name if not port or public or name in SPDX_PORTS else f"LicenseRef-{name}"


def without_port(license_id: str) -> str:
    """Return an identifier in lower case without LicenseRef and the country: what licence and version it is."""
    plain = license_id.casefold().removeprefix("licenseref-")
    return re.sub(r"^(cc-.*\d\.\d)-[a-z]{2,3}$", r"\1", plain)


def _ordered(kind: str) -> str:
    """Return "nc-by" and "by-nd-nc", which old addresses say, in the order of identifiers."""
    words = kind.lower().split("-")
    known = [part for part in PARTS if part in words]
    return "-".join(known or words).upper()
