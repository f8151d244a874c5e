"""The sentences about training: a code becomes what a person reads, in their language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from assets import sentences as arriving
from assets.sentences import Sentences, speak

JOBS: Sentences = {
    "worker_died": (
        _("The worker stopped {attempts} times while it trained. The last checkpoint is safe. Resume the run."),
        _("The worker stopped while it trained. The last checkpoint is safe. Resume the run."),
    ),
    "timed_out": (_("This took longer than is allowed, and was stopped. Resume it, or train fewer steps."),),
    "rights_blocked": (_("The rights do not allow this training any more. The last checkpoint stays."),),
    "unexpected": (_("Something unexpected happened. The last checkpoint is safe. Resume, or tell an administrator."),),
}

SENTENCES: Sentences = {**arriving.SENTENCES, **JOBS}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, params or {})


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a run failed; a code from a newer worker says at least that nothing was lost. Nothing for no code.

    `params["reasons"]` holds further sentences by language.
    """
    if not code:
        return ""
    said = sentence(code, params) if code in SENTENCES else sentence("unexpected")
    language = "ja" if (get_language() or "").startswith("ja") else "en"
    return " ".join([said, *(params or {}).get("reasons", {}).get(language, ())])
