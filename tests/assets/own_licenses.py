"""A team's own licence for tests: a photographer's contract."""

from typing import Any

from assets.models import OwnLicense
from assets.services.licenses import approve_license, write_license

NAME = "LicenseRef-Own-Tanaka"


def clause(number: str, english: str = "as agreed", japanese: str = "契約のとおり") -> dict[str, Any]:
    """Return one clause."""
    return {"clause": number, "quote": {"en": english, "ja": japanese}}


def contract(**changes: Any) -> dict[str, Any]:
    """Return a contract that allows everything with pictures, with a credit; `changes` replaces its answers."""
    answers = dict.fromkeys(("basis", "train", "adapt", "share", "share_adapted", "commercial", "added_terms"), "allow")
    more = {name: changes.pop(name) for name in [*changes] if name not in answers}
    clauses = {"whole": clause("§1"), "credit": clause("§4", "name the photographer", "撮影者名を示す")}
    clauses |= {name: clause(f"§{name}") for name, word in changes.items() if word != "allow"}
    return {
        "id": NAME,
        "kind": "contract",
        "name": {"en": "Tanaka frame contract", "ja": "田中写真事務所 基本契約"},
        "source_url": "",
        "license_url": "https://example.com/contract",
        "text": "",
        "text_sha256": None,
        "permissions": {**answers, **changes},
        "obligations": [{"kind": "attribution", "on": ["output", "weights", "host"], "clause": "credit"}],
        "clauses": clauses,
        **more,
    }


def agreed(people: Any, project: Any, **changes: Any) -> OwnLicense:
    """Write the next version of the contract by the owner, and let a reviewer approve it."""
    row = write_license(people.owner, project, contract(**changes))
    approve_license(row, approver=people.reviewer)
    return row
