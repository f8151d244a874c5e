"""Mistakes that a person can mend: one exception, one code, one sentence in the reader's language."""

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """Carry a code for machines and a translated sentence for people.

    `fields` maps form fields to sentences when the mistake belongs to one of them.
    """

    def __init__(
        self,
        code: str,
        message: Any,
        *,
        status: int = 400,
        fields: Mapping[str, Any] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})
        self.details = dict(details or {})

    def __str__(self) -> str:
        return str(self.message)
