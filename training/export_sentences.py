"""The sentences about weights that are taken out of the library."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from assets import sentences as arriving
from assets.sentences import Sentences, speak, speak_failure

SENTENCES: Sentences = {
    **arriving.SENTENCES,
    "worker_died": (_("The worker stopped while it wrote the file. Nothing was changed. Prepare the download again."),),
    "timed_out": (_("This took longer than is allowed, and was stopped. Prepare the download again."),),
    "rights_blocked": (_("The rights do not allow this download any more."),),
    "base_unknown": (_("Nobody has said what base model {file} was trained on. Add it in the library first."),),
    "adapter_changed": (
        _("The file {file} was changed on disk since it was registered. Bring it back from a backup."),
    ),
    "adapter_lycoris": (_("A LoHa or LoKr can be taken out only as it is kept."),),
    "adapter_not_finite": (_("The file holds values that are no numbers. It cannot be written again."),),
    "adapter_mismatch": (_("The weights do not fit the base model that they name."),),
    "adapter_dora_unsupported": (_("This kind of DoRA can be taken out only as it is kept."),),
    "unexpected": (_("Something unexpected happened. Nothing was changed. Try again, or tell an administrator."),),
}
STAGES: Sentences = {
    "": (_("Waiting for a worker"),),
    "reading": (_("Reading the weights"),),
    "writing": (_("Writing the weights"),),
    "packing": (_("Packing the papers"),),
}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, params or {})


def failure_sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Say why a download failed, as `speak_failure` does."""
    return speak_failure(SENTENCES, sentence, code, params)


def stage_sentence(stage: str) -> str:
    """Say what goes on at the moment; a stage of a newer worker says at least that something is written."""
    return speak(STAGES, stage if stage in STAGES else "writing", {})
