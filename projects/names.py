"""What people call things, and the addresses that are made of it."""

import re
import secrets
import unicodedata
from collections.abc import Callable
from itertools import chain

from django.utils.text import slugify

HIDDEN = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
MAX_ADDRESS_CHARS = 60
NUMBERED = range(2, 20)


def clean_name(text: str) -> str:
    """Return a name in NFC on one line, without invisible characters."""
    # Tabs and line ends are spaces to a reader; what is left of the control characters is nothing.
    return " ".join(unicodedata.normalize("NFC", HIDDEN.sub("", " ".join(text.split()))).split())


def free_address(name: str, *, kind: str, is_taken: Callable[[str], bool]) -> str:
    """Return an address made from a name that is not taken: its Latin letters, else its kind and chance."""
    wanted = slugify(name)[: MAX_ADDRESS_CHARS - 10].strip("-_")
    numbered = (f"{wanted}-{number}" for number in NUMBERED)
    for address in chain((wanted,), numbered) if wanted else ():
        if not is_taken(address):
            return address
    return f"{wanted or kind}-{secrets.token_hex(4)}"
