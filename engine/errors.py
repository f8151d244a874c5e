"""What the engine refuses, as a code and values that a form can put into the reader's language."""

from typing import Any


class EngineError(Exception):
    """Stop a job for a reason that a person can act on: `code` names it, `params` fills its sentence."""

    def __init__(self, code: str, message: str, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.params = params


class ModelError(EngineError):
    """Refuse a model file: unreadable, unsafe, changed, or of a kind that Daicho cannot draw with."""


class SpecError(EngineError):
    """Refuse a value of a recipe; `params["field"]` names the field."""
