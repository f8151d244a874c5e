"""What changes in the library, each with its ledger entry, and what the rights allow."""

from .decisions import (
    context_of,
    decide_about,
    decide_pictures,
    decide_use,
    explain_here,
    latest_change,
    reading_language,
)
from .models import install_folder, install_starter_terms, register_adapter, register_model
from .rights import (
    HOUSE_CHAIN,
    Declaration,
    clear_rights,
    edit_rights,
    may_review,
    refuse_rights,
    withdraw_rights,
)

__all__ = [
    "HOUSE_CHAIN",
    "Declaration",
    "clear_rights",
    "context_of",
    "decide_about",
    "decide_pictures",
    "decide_use",
    "edit_rights",
    "explain_here",
    "install_folder",
    "install_starter_terms",
    "latest_change",
    "may_review",
    "reading_language",
    "refuse_rights",
    "register_adapter",
    "register_model",
    "withdraw_rights",
]
