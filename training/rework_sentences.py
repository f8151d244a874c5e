"""The sentences about versions that are made from others, without training."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from assets import sentences as arriving
from assets.sentences import Sentences, speak, speak_failure

SENTENCES: Sentences = {
    **arriving.SENTENCES,
    "worker_died": (_("The worker stopped while it computed. The versions that go in are as they were. Try again."),),
    "timed_out": (_("This took longer than is allowed, and was stopped. Take fewer versions, or a lower rank."),),
    "rights_blocked": (_("The rights do not allow these versions to be worked on any more."),),
    "out_of_memory": (_("There was not enough memory. Take fewer versions, or a lower rank."),),
    "base_unknown": (_("Nobody has said what base model {file} was trained on. Add it in the library first."),),
    "unexpected": (_("Something unexpected happened. Nothing was changed. Try again, or tell an administrator."),),
}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, params or {})


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a version was not made, as `speak_failure` does."""
    return speak_failure(SENTENCES, sentence, code, params)
