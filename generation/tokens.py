"""Count how much of a text encoder's window a prompt fills, without torch or transformers."""

import json
from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer

from engine.tokenizer_places import FILES, has_tokenizer
from generation.syntax import ADAPTER_TAG, parse_weights

CHUNK = 75
START, END, END_OF_WORD = "<|startoftext|>", "<|endoftext|>", "</w>"
# Where T5 keeps its <unk>.
UNKNOWN_PIECE = 2
MAX_TOKENIZER_BYTES = 50_000_000
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class TokenizerError(ValueError):
    """Refuse a model folder without a readable tokenizer: `code` and `params` say why."""

    def __init__(self, code: str, params: dict[str, object]) -> None:
        self.code = code
        self.params = params
        super().__init__(f"{code.replace('_', ' ').capitalize()}: {params}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """Say how many tokens a prompt has, without start and end, and how many windows of `limit` it is read in."""

    used: int
    limit: int = CHUNK
    chunks: int
    encoder: str = "CLIP"

    @property
    def room(self) -> int:
        """Return how many tokens fit into the windows."""
        return self.limit * self.chunks

    @property
    def lost(self) -> int:
        """Return how many tokens the encoder does not read."""
        return max(0, self.used - self.room)


def count_tokens(folder: Path | str, text: str) -> TokenCount:
    """Return the tokens of a prompt for the model in `folder`; weights and adapter tags are not counted.

    Raises TokenizerError `tokenizer_missing` or `tokenizer_unreadable`.
    """
    tokenizer = load_tokenizer(Path(folder))
    plain = "".join(run for run, _weight in parse_weights(ADAPTER_TAG.sub("", text)))
    used = len(tokenizer.encode(plain, add_special_tokens=False).ids)
    return TokenCount(used=used, chunks=max(1, -(-used // CHUNK)))


def count_plain(folder: Path, text: str, *, encoder: str, limit: int) -> TokenCount:
    """Return the tokens of plain words for an encoder that reads `limit` of them; `folder` is its tokenizer's own.

    Raises TokenizerError `tokenizer_missing` or `tokenizer_unreadable`.
    """
    tokenizer = load_pieces(folder) if encoder == "T5" else load_tokenizer(folder)
    used = len(tokenizer.encode(ADAPTER_TAG.sub("", text), add_special_tokens=False).ids)
    return TokenCount(used=used, limit=limit, chunks=1, encoder=encoder)


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a model folder, loaded again only when its files change."""
    home = folder if has_tokenizer(folder) else folder / "tokenizer"
    for names in FILES:
        files = tuple(home / name for name in names)
        if all(file.is_file() for file in files):
            return read_tokenizer(tuple((str(file), file.stat().st_mtime_ns) for file in files))
    raise TokenizerError("tokenizer_missing", {"folder": folder.name})


@lru_cache(maxsize=8)
def read_tokenizer(files: tuple[tuple[str, int], ...]) -> Tokenizer:
    """Read a tokenizer from its files; their times are part of the key."""
    paths = [Path(name) for name, _changed in files]
    if sum(path.stat().st_size for path in paths) > MAX_TOKENIZER_BYTES:
        raise unreadable("too large")
    try:
        vocabulary, merges = read_one_file(paths[0]) if len(paths) == 1 else read_two_files(*paths)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(str(error)) from error
    return build_tokenizer(vocabulary, merges)


def unreadable(reason: str) -> TokenizerError:
    """Return the error for files that hold no CLIP tokenizer."""
    return TokenizerError("tokenizer_unreadable", {"reason": reason[:200]})


def read_one_file(path: Path) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    """Return words and pairs of a tokenizer.json."""
    model = json.loads(path.read_text("utf-8"))["model"]
    if model["type"] != "BPE" or model["end_of_word_suffix"] != END_OF_WORD:
        raise ValueError("not CLIP's kind of tokenizer")
    pairs = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
    return dict(model["vocab"]), pairs


def read_two_files(vocabulary: Path, merges: Path) -> tuple[dict[str, int], list[tuple[str, ...]]]:
    """Return words and pairs of the older vocab.json and merges.txt."""
    lines = merges.read_text("utf-8").split("\n")
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    return dict(json.loads(vocabulary.read_text("utf-8"))), pairs


def build_tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, ...]]) -> Tokenizer:
    """Build CLIP's tokenizer, as transformers does. Raises TokenizerError for pairs outside the vocabulary."""
    known = all(isinstance(number, int) and 0 <= number < 2**31 for number in vocabulary.values()) and END in vocabulary
    if not known or not all(len(pair) == 2 and {*pair, "".join(pair)} <= vocabulary.keys() for pair in merges):
        raise unreadable("words and pairs do not fit")
    pairs = [(pair[0], pair[1]) for pair in merges]
    model = models.BPE(vocab=vocabulary, merges=pairs, unk_token=END, end_of_word_suffix=END_OF_WORD)
    tokenizer = Tokenizer(model)
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    tokenizer.pre_tokenizer = clip_words()
    tokenizer.add_special_tokens([START, END])
    return tokenizer


def clip_words() -> PreTokenizer:
    """Return CLIP's cut into words, before the pairs are merged."""
    split = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])


def load_pieces(folder: Path) -> Tokenizer:
    """Return T5's tokenizer from its tokenizer.json, loaded again only when the file changes."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise TokenizerError("tokenizer_missing", {"folder": folder.name})
    return read_pieces(str(file), file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def read_pieces(file: str, changed: int) -> Tokenizer:
    """Read a tokenizer of pieces with scores, as transformers does; the time of change is part of the key."""
    path = Path(file)
    if path.stat().st_size > MAX_TOKENIZER_BYTES:
        raise unreadable("too large")
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["model"]["type"] != "Unigram":
            raise ValueError("not T5's kind of tokenizer")
        return build_pieces([(str(piece), float(score)) for piece, score in values["model"]["vocab"]], values)
    # The library that holds the pieces raises nothing narrower.
    except Exception as error:
        raise unreadable(str(error)) from error


def build_pieces(pieces: list[tuple[str, float]], values: dict[str, Any]) -> Tokenizer:
    """Build T5's tokenizer around its pieces."""
    tokenizer = Tokenizer(models.Unigram(pieces, UNKNOWN_PIECE, False))
    normalizer = values.get("normalizer") or {}
    if normalizer.get("type") == "Precompiled":
        tokenizer.normalizer = normalizers.Precompiled(b64decode(normalizer["precompiled_charsmap"]))
    words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    tokenizer.add_special_tokens([str(each["content"]) for each in values.get("added_tokens", []) if each["special"]])
    return tokenizer
