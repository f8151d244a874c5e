"""The terms of the PLUS vocabulary that Daicho understands, and how they are read. Source: PLUS LDF 2.0.1."""

import re
from collections.abc import Iterable

TERM = re.compile(r"(?:^|[/#:])((?:DMI|MR|PR)(?:-[A-Z]{2,40}){1,3})$", re.IGNORECASE)
# The strictest of each list first.
DATA_MINING = (
    "DMI-PROHIBITED",
    "DMI-PROHIBITED-SEECONSTRAINT",
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR",
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
    "DMI-PROHIBITED-AIMLTRAINING",
    "DMI-PROHIBITED-GENAIMLTRAINING",
    "DMI-ALLOWED",
    "DMI-UNSPECIFIED",
)
MODEL_RELEASES = ("MR-NON", "MR-LMR", "MR-UMR", "MR-NAP")
PROPERTY_RELEASES = ("PR-NON", "PR-LPR", "PR-UPR", "PR-NAP")


def read_term(value: str) -> str:
    """Return the term of a plain value or an address in upper case, "" where it is none."""
    match = TERM.search(value.strip())
    return match[1].upper() if match else ""


def strictest(values: Iterable[str], terms: tuple[str, ...]) -> str:
    """Return the strictest known term among values; a term newer than this list counts as the one it narrows."""
    said = [read_term(value) for value in values]
    return next((term for term in terms if any(_means(each, term, terms) for each in said)), "")


def _means(said: str, term: str, terms: tuple[str, ...]) -> bool:
    return said == term or (said not in terms and said.startswith(f"{term}-"))
