"""The mathematics of the ledger: canonical payloads, chained hashes, Merkle proofs. Pure.

The rules for hashes and for what counts as broken live in `verify_offline`, which is shipped alone with
every export; this module adds what only the writer and the prover need. Trees follow RFC 6962, section 2.1;
both proofs are checked with the algorithms of RFC 9162, section 2.1.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import rfc8785

from .verify_offline import (
    CHECKPOINT_FORMAT,
    ENTRY_VERSION,
    EXPORT_FORMAT,
    GENESIS,
    Broken,
    Tree,
    canonical,
    check_signature,
    entry_hash,
    leaf_hash,
    node_hash,
    signed_bytes,
    text_sha256,
    walk,
)

__all__ = [
    "CHECKPOINT_FORMAT",
    "ENTRY_VERSION",
    "EXPORT_FORMAT",
    "GENESIS",
    "Broken",
    "ChainError",
    "Tree",
    "canonical",
    "check_signature",
    "consistency_proof",
    "entry_hash",
    "inclusion_proof",
    "instant",
    "make_entry",
    "payload_text",
    "signed_bytes",
    "text_sha256",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
    "walk",
]

EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
LIMITS = {"event": 80, "actor": 64, "subject": 200}


class ChainError(ValueError):
    """Refuse what cannot be written: `code`, `params` and an English sentence."""

    def __init__(self, code: str, message: str, **params: object) -> None:
        super().__init__(message)
        self.code, self.params = code, params


def payload_text(payload: Mapping[str, Any]) -> str:
    """Return a payload as RFC 8785 canonical JSON. Raises ChainError on NaN, numbers over 2^53, half surrogates."""
    try:
        return rfc8785.dumps(dict(payload)).decode()
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        message = f"The payload has no canonical form: {error}."
        raise ChainError("payload_not_canonical", message, detail=str(error)) from error


def instant(at: datetime) -> str:
    """Return an aware time as UTC text with microseconds, always 27 characters."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_entry(
    *, chain: str, seq: int, event: str, actor: str, subject: str, at: datetime, payload: str, prev_hash: str
) -> dict[str, Any]:
    """Return the complete entry with its hashes. Raises ChainError when a text does not fit its column."""
    for name, text in (("event", event), ("actor", actor), ("subject", subject)):
        if not 0 < len(text) <= LIMITS[name] or not text.isprintable():
            limit = LIMITS[name]
            raise ChainError(f"{name}_unfit", f"The {name} must be 1 to {limit} printable characters.", limit=limit)
    if not EVENT.fullmatch(event):
        raise ChainError("event_unfit", "An event is named in lower case with dots.", limit=LIMITS["event"])
    entry: dict[str, Any] = {
        "version": ENTRY_VERSION,
        "chain": chain,
        "seq": seq,
        "event": event,
        "actor": actor,
        "subject": subject,
        "at": instant(at),
        "payload": payload,
        "payload_sha256": text_sha256(payload),
        "prev_hash": prev_hash,
    }
    return {**entry, "entry_hash": entry_hash(entry)}


def split_point(size: int) -> int:
    """Return the largest power of two below `size` (at least 2): where RFC 6962 parts a tree."""
    return 1 << (size - 1).bit_length() - 1


def subtree(leaves: Sequence[bytes]) -> bytes:
    """Return the root of one or more leaves."""
    if len(leaves) == 1:
        return leaves[0]
    k = split_point(len(leaves))
    return node_hash(subtree(leaves[:k]), subtree(leaves[k:]))


def tree_root(hashes: Sequence[str]) -> str:
    """Return the Merkle root, in hex, of entries given by their hashes in hex."""
    return subtree([leaf_hash(each) for each in hashes]).hex() if hashes else hashlib.sha256(b"").hexdigest()


def inclusion_proof(hashes: Sequence[str], seq: int) -> list[str]:
    """Return the audit path of entry `seq` (1-based) in the tree of all `hashes`, leaf to root, in hex."""
    leaves, index, path = [leaf_hash(each) for each in hashes], seq - 1, []
    while len(leaves) > 1:
        k = split_point(len(leaves))
        near, far = (leaves[:k], leaves[k:]) if index < k else (leaves[k:], leaves[:k])
        path.append(subtree(far).hex())
        leaves, index = near, index if index < k else index - k
    return path[::-1]


def verify_inclusion(*, entry_hash: str, seq: int, size: int, path: Sequence[str], root: str) -> bool:
    """Say whether the path leads from entry `seq` (1-based) to the root of a tree of `size` entries."""
    if not 1 <= seq <= size:
        return False
    index, last, node = seq - 1, size - 1, leaf_hash(entry_hash)
    for each in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(bytes.fromhex(each), node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, bytes.fromhex(each))
        index, last = index >> 1, last >> 1
    return last == 0 and node.hex() == root


def consistency_proof(hashes: Sequence[str], old_size: int) -> list[str]:
    """Return the proof, in hex, that the tree of the first `old_size` entries (1 or more) grew into this one."""
    leaves, size, path, is_whole = [leaf_hash(each) for each in hashes], old_size, [], True
    while size != len(leaves):
        k = split_point(len(leaves))
        if size <= k:
            path.append(subtree(leaves[k:]).hex())
            leaves = leaves[:k]
        else:
            path.append(subtree(leaves[:k]).hex())
            leaves, size, is_whole = leaves[k:], size - k, False
    return [*([] if is_whole else [subtree(leaves).hex()]), *path[::-1]]


def verify_consistency(*, old_size: int, old_root: str, size: int, root: str, path: Sequence[str]) -> bool:
    """Say whether a tree of `size` entries is the tree of `old_size` (1 or more) entries, continued."""
    if not 1 <= old_size <= size or (old_size == size) != (not path):
        return False
    if old_size == size:
        return old_root == root
    nodes = [bytes.fromhex(each) for each in path]
    if old_size & (old_size - 1) == 0:
        nodes.insert(0, bytes.fromhex(old_root))
    index, last = old_size - 1, size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    old = new = nodes[0]
    for each in nodes[1:]:
        if last == 0:
            return False
        if index & 1 or index == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, each)
        index, last = index >> 1, last >> 1
    return last == 0 and old.hex() == old_root and new.hex() == root
