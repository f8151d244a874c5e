"""Text on its way into markup that is drawn without a template."""

import html
from typing import Any

from django.utils.safestring import SafeString


def escaped(value: Any) -> str:
    """Return a value as templates show it: its own markup when it has some, else its text, escaped."""
    if hasattr(value, "__html__"):
        return str(value.__html__())
    text = str(value)
    return text if isinstance(text, SafeString) else html.escape(text)
