"""Rights as values: licences become terms, terms meet, and a decision says what may be done and why not. Pure.

Source of the rules: docs/rights.md. They are the house's defaults, not legal advice.
"""

from .contexts import Context, Purpose
from .decisions import NOTHING_OWED, Decision, Input, Verdict, decide, waive
from .edges import Action, Edge, Policy
from .explanations import (
    Credit,
    answer,
    credits_of,
    explain,
    label,
    license_name,
    obligations_text,
    restrictions_text,
)
from .facts import RightsFacts, end_of_day
from .grants import terms_of
from .profiles import OWN_PREFIX, UNKNOWN, Clause, Profile, house_profiles, load_profiles, profile, read_own
from .terms import (
    TOP,
    Ceiling,
    LicensingError,
    Obligation,
    Permission,
    Reason,
    Release,
    Restriction,
    Terms,
    meet,
)

__all__ = [
    "NOTHING_OWED",
    "OWN_PREFIX",
    "TOP",
    "UNKNOWN",
    "Action",
    "Ceiling",
    "Clause",
    "Context",
    "Credit",
    "Decision",
    "Edge",
    "Input",
    "LicensingError",
    "Obligation",
    "Permission",
    "Policy",
    "Profile",
    "Purpose",
    "Reason",
    "Release",
    "Restriction",
    "RightsFacts",
    "Terms",
    "Verdict",
    "answer",
    "credits_of",
    "decide",
    "end_of_day",
    "explain",
    "house_profiles",
    "label",
    "license_name",
    "load_profiles",
    "meet",
    "obligations_text",
    "profile",
    "read_own",
    "restrictions_text",
    "terms_of",
    "waive",
]
