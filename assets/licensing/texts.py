"""The licences' own texts, for those who receive weights and must get a copy."""

from functools import cache

from .profiles import FOLDER, house_profiles

TEXTS = FOLDER / "texts"
FENCE = "---\n"
USE_RULES = "Attachment A"


@cache
def license_text(license_id: str) -> str:
    """Return the whole text of a licence, or nothing where the house keeps no copy of it."""
    path = TEXTS / f"{license_id}.txt"
    if license_id not in house_profiles() or not path.is_file():
        return ""
    return _without_notes(path.read_text(encoding="utf-8")).strip("\n") + "\n"


def use_rules_text(license_id: str) -> str:
    """Return the use restrictions that a RAIL licence lets go along as its Attachment A; nothing for any other."""
    text = license_text(license_id)
    place = text.rfind(f"\n{USE_RULES}")
    return text[place + 1 :] if place >= 0 else ""


def _without_notes(text: str) -> str:
    """Leave out what a collector of texts has written above one."""
    if not text.startswith(FENCE):
        return text
    return text.split(f"\n{FENCE}", 1)[1]
