"""Count a prompt's tokens without torch, by the tokenizer that lies beside the model. Pure."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers import Regex

LIMIT = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """Tokens used, how many fit into one chunk, and the chunks that they fill; `used` is None without a tokenizer."""

    used: int | None
    limit: int = LIMIT

    @property
    def chunks(self) -> int:
        """Return how many chunks the prompt fills, at least one."""
        return max(1, math.ceil((self.used or 0) / self.limit))


def count_tokens(folder: Path, text: str) -> TokenCount:
    """Count the tokens of a text without its weights."""
    path = folder / "tokenizer" / "tokenizer.json"
    if not path.is_file():
        return TokenCount(used=None)
    return TokenCount(used=len(load(path, path.stat().st_mtime_ns).encode(text, add_special_tokens=False).ids))


@lru_cache(maxsize=16)
def load(path: Path, changed_ns: int) -> Tokenizer:
    """Read a tokenizer once per state of its file."""
    return Tokenizer.from_file(str(path))
