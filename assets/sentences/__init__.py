"""The sentences about what arrives: a code becomes what a person reads, in their language.

A code with several sentences takes the first whose values are there.
"""

from collections.abc import Mapping
from typing import Any

from jobs.failures import SENTENCES as JOBS
from jobs.failures import describe

from .datasets import DATASETS
from .files import FILES, MODELS, PICTURE_NOTICES, PICTURES
from .imports import IMPORTS
from .intake import INTAKE
from .rights import RIGHTS
from .speaking import Sentences, speak, speak_failure
from .uploads import UPLOADS

__all__ = ["SENTENCES", "Sentences", "failure_sentence", "sentence", "speak", "speak_failure"]

SENTENCES: Sentences = {
    **RIGHTS,
    **UPLOADS,
    **PICTURE_NOTICES,
    **DATASETS,
    **IMPORTS,
    **MODELS,
    **PICTURES,
    **FILES,
    **INTAKE,
}


def sentence(code: str, params: Mapping[str, Any] | None = None) -> str:
    """Return a code's sentence with its values filled in. Raises KeyError for a code that has no sentence."""
    return speak(SENTENCES, code, params or {})


def failure_sentence(code: str, params: Mapping[str, Any]) -> str:
    """Say why a job failed; nothing for no code."""
    if not code:
        return ""
    return sentence(code, params) if code in SENTENCES else describe(JOBS, code, params)
