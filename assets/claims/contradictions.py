"""Compares what a file says of its own rights with what was declared for it."""

import re
from collections.abc import Iterator

from assets.claims.creative_commons import find_licenses, without_port
from assets.claims.values import EmbeddedClaims, Notice

FORBIDDEN = "DMI-PROHIBITED"
PUBLIC_DOMAIN = frozenset(("cc0-1.0", "cc-pdm-1.0", "cc-pddc"))
OPEN = re.compile(r"cc0-|cc-|apache-|mit\b|odc-by|pddl")
RESERVED = re.compile(r"all rights reserved|無断(?:転載|複製|使用|引用)|禁転載|不許複製|著作権所有", re.IGNORECASE)
WORDS = re.compile(r"[A-Za-z0-9.+-]+")
OPERATORS = frozenset(("and", "or", "with"))


def contradictions(claims: EmbeddedClaims, *, expression: str, train_wanted: bool) -> list[Notice]:
    """Return where a file contradicts its declared SPDX expression, what blocks first.

    A ban on training blocks where training is wanted, and is told where an open licence is declared. Another licence
    than the declared blocks; another country's version of it, and words that fit no public domain, are told.
    """
    declared = expression.strip()
    licenses = {word.casefold() for word in WORDS.findall(declared)} - OPERATORS
    found = [
        *_data_mining(claims, declared, licenses, train_wanted),
        *_c2pa(claims, declared, licenses, train_wanted),
        *_urls(claims, declared, licenses),
        *_reserved(claims, declared, licenses),
    ]
    return sorted(found, key=lambda notice: not notice.blocks)


def _data_mining(claims: EmbeddedClaims, declared: str, licenses: set[str], train_wanted: bool) -> Iterator[Notice]:
    if claims.data_mining.startswith(FORBIDDEN) and (train_wanted or _is_open(licenses)):
        params = {"found": claims.data_mining, "declared": declared}
        yield Notice(code="data_mining_prohibited", params=params, blocks=train_wanted)


def _c2pa(claims: EmbeddedClaims, declared: str, licenses: set[str], train_wanted: bool) -> Iterator[Notice]:
    if claims.c2pa is None or not (train_wanted or _is_open(licenses)):
        return
    entries = {name: use for name, use in claims.c2pa.training.items() if name.endswith("_training")}
    for use, code in (("notAllowed", "c2pa_training_forbidden"), ("constrained", "c2pa_training_constrained")):
        if names := [name for name, said in entries.items() if said == use]:
            params = {"found": ", ".join(names), "declared": declared}
            yield Notice(code=code, params=params, blocks=train_wanted and use == "notAllowed")


def _urls(claims: EmbeddedClaims, declared: str, licenses: set[str]) -> Iterator[Notice]:
    if not licenses:
        return
    plain = {license_id.removeprefix("licenseref-") for license_id in licenses}
    texts = (*claims.license_urls, *claims.web_statements, *claims.terms_urls, *claims.usage_terms)
    named = {found: url for text in (*texts, *claims.copyright_notices) for url, found in find_licenses(text)}
    for found, url in named.items():
        if found.casefold().removeprefix("licenseref-") not in plain:
            params = {"found": found, "url": url, "declared": declared}
            is_other = without_port(found) not in {without_port(license_id) for license_id in licenses}
            yield Notice(code="license_url_differs", params=params, blocks=is_other)


def _reserved(claims: EmbeddedClaims, declared: str, licenses: set[str]) -> Iterator[Notice]:
    if not licenses & PUBLIC_DOMAIN:
        return
    for text in (*claims.copyright_notices, *claims.usage_terms):
        if RESERVED.search(text):
            yield Notice(code="rights_reserved", params={"found": text, "declared": declared})
    if claims.is_rights_marked:
        yield Notice(code="rights_marked", params={"declared": declared})


def _is_open(licenses: set[str]) -> bool:
    return any(OPEN.match(license_id) for license_id in licenses)
