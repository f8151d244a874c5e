#!/usr/bin/env python3
"""Verify an exported Daicho ledger without Daicho: `python verify_offline.py export.jsonl`.

This file stands alone on purpose. It needs Python 3.11 and nothing else (the `cryptography` package only
to check signatures), and it is the code that Daicho itself verifies its database with, so that whoever
receives an export can read on one page what is claimed and check it without trusting the sender.

An export is JSON Lines: a header, the entries in order, and a footer with the Merkle root (RFC 6962).
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXPORT_FORMAT = "daicho-ledger/1"
CHECKPOINT_FORMAT = "daicho-checkpoint/1"
ENTRY_VERSION = 1
GENESIS = "0" * 64
HASHED = ("version", "chain", "seq", "event", "actor", "subject", "at", "payload_sha256", "prev_hash")
COLUMNS = (*HASHED, "payload", "entry_hash")
CHECKPOINT_TEXTS = {
    "chain": "[0-9a-f-]{36}",
    "root": "[0-9a-f]{64}",
    "at": "[0-9TZ:.-]{27}",
    "signature": "[0-9a-f]{128}",
    "public_key": "[0-9a-f]{64}",
}
MESSAGES = {
    "unreadable": "Entry {seq} cannot be read: {detail}.",
    "missing": "Entry {seq} is missing.",
    "duplicate": "Entry {seq} is there twice.",
    "foreign": "Entry {seq} belongs to another chain.",
    "version": "Entry {seq} has the unknown version {version}.",
    "payload": "The payload of entry {seq} is not the one that was written.",
    "link": "Entry {seq} does not follow the entry before it.",
    "hash": "Entry {seq} was changed after it was written.",
    "tail_missing": "Entry {seq} is missing: the chain has {expected} entries, and {count} are there.",
    "beyond_head": "Entry {seq} was not written by Daicho: the chain ends at {expected}.",
    "head": "The head of the chain does not name its last entry, {seq}.",
    "format": "This is not a ledger export: {detail}.",
    "root": "The root at the end does not belong to these entries.",
    "behind_checkpoint": "Entry {seq} is missing: the checkpoint covers {expected} entries, and {count} are there.",
    "checkpoint_mismatch": "The first {expected} entries are not the ones that the checkpoint was taken of.",
    "checkpoint_chain": "The checkpoint belongs to another chain.",
    "checkpoint_format": "The checkpoint cannot be read: {detail}.",
    "checkpoint_key": "The checkpoint was signed with another key, {public_key}.",
    "signature": "The signature of the checkpoint is wrong.",
}


class Broken(Exception):
    """Say what is wrong with a chain: `code`, `params`, and the first broken entry's `seq` (None: no entry)."""

    def __init__(self, code: str, seq: int | None = None, **params: object) -> None:
        self.code, self.seq = code, seq
        self.params: dict[str, object] = {**({} if seq is None else {"seq": seq}), **params}
        super().__init__(MESSAGES[code].format(**self.params))


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return flat text and whole numbers as canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def text_sha256(text: str) -> str:
    """Return the sha256 of a text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Return the hash over every column of an entry (the payload through its own hash), in hex."""
    return hashlib.sha256(b"daicho-entry\n" + canonical({name: entry[name] for name in HASHED})).hexdigest()


def leaf_hash(entry_hash: str) -> bytes:
    """Return an entry's leaf in the Merkle tree (RFC 6962, 2.1: a zero byte, then the data)."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the parent of two nodes (RFC 6962, 2.1: a one byte, then both)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """Grow a Merkle tree one entry at a time, keeping only its peaks (log2 n hashes)."""

    size: int = 0
    peaks: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, entry_hash: str) -> None:
        """Append the leaf of one entry, given its hash in hex."""
        width, node = 1, leaf_hash(entry_hash)
        while self.peaks and self.peaks[-1][0] == width:
            node = node_hash(self.peaks.pop()[1], node)
            width *= 2
        self.peaks.append((width, node))
        self.size += 1

    def root(self) -> str:
        """Return the root in hex; of an empty tree the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256(b"").hexdigest()
        node = self.peaks[-1][1]
        for _width, left in reversed(self.peaks[:-1]):
            node = node_hash(left, node)
        return node.hex()


def is_sound(name: str, value: object) -> bool:
    """Say whether this is a column of an entry, with a value of its type that can be encoded."""
    if name in ("seq", "version"):
        return type(value) is int
    return name in COLUMNS and isinstance(value, str) and value == value.encode(errors="replace").decode()


def check_entry(entry: Mapping[str, Any], *, chain: str, seq: int, prev_hash: str) -> None:
    """Check one entry at the place where `seq` is due. Raises Broken."""
    wrong = sorted(name for name in {*COLUMNS, *entry} if not is_sound(name, entry.get(name)))
    if wrong:
        raise Broken("unreadable", seq, detail=", ".join(wrong))
    found = entry["seq"]
    if found != seq:
        raise Broken("missing" if found > seq else "duplicate", seq if found > seq else found)
    if entry["chain"] != chain:
        raise Broken("foreign", seq)
    if entry["version"] != ENTRY_VERSION:
        raise Broken("version", seq, version=entry["version"])
    if text_sha256(entry["payload"]) != entry["payload_sha256"]:
        raise Broken("payload", seq)
    if entry["prev_hash"] != prev_hash:
        raise Broken("link", seq)
    if entry_hash(entry) != entry["entry_hash"]:
        raise Broken("hash", seq)


def walk(entries: Iterable[Mapping[str, Any]], chain: str) -> Iterator[str]:
    """Check entries in order, and yield each one's hash. Raises Broken at the first bad one."""
    prev_hash = GENESIS
    for seq, entry in enumerate(entries, start=1):
        check_entry(entry, chain=chain, seq=seq, prev_hash=prev_hash)
        prev_hash = entry["entry_hash"]
        yield prev_hash


def signed_bytes(checkpoint: Mapping[str, Any]) -> bytes:
    """Return the bytes that a checkpoint's signature covers."""
    return canonical({name: checkpoint[name] for name in ("format", "chain", "seq", "root", "at")})


def check_checkpoint_shape(checkpoint: Any) -> None:
    """Refuse what is not a checkpoint. Raises Broken."""
    if not isinstance(checkpoint, dict) or checkpoint.get("format") != CHECKPOINT_FORMAT:
        raise Broken("checkpoint_format", detail=f"format is not {CHECKPOINT_FORMAT}")
    if set(checkpoint) != {"format", "seq", *CHECKPOINT_TEXTS}:
        raise Broken("checkpoint_format", detail="it has other fields")
    for name, pattern in CHECKPOINT_TEXTS.items():
        if not isinstance(checkpoint[name], str) or not re.fullmatch(pattern, checkpoint[name]):
            raise Broken("checkpoint_format", detail=name)
    if type(checkpoint["seq"]) is not int or checkpoint["seq"] < 0:
        raise Broken("checkpoint_format", detail="seq")


def check_signature(checkpoint: Mapping[str, Any], public_key: str | None) -> None:
    """Check who signed a checkpoint (Ed25519), against a key in hex when given. Raises Broken, ImportError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if public_key is not None and checkpoint["public_key"] != public_key:
        raise Broken("checkpoint_key", public_key=checkpoint["public_key"])
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(checkpoint["public_key"]))
        key.verify(bytes.fromhex(checkpoint["signature"]), signed_bytes(checkpoint))
    except (InvalidSignature, ValueError) as error:
        raise Broken("signature") from error


@dataclass(slots=True)
class Export:
    """Read and check one export line by line; `marks` are the checkpoints to compare with."""

    marks: list[Mapping[str, Any]] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)
    header: dict[str, Any] = field(default_factory=dict)
    footer: dict[str, Any] = field(default_factory=dict)

    def check(self, lines: Iterable[str]) -> None:
        """Check the whole file. Raises Broken."""
        rows = read_rows(lines)
        self.header = next(rows, {})
        if self.header.get("format") != EXPORT_FORMAT or set(self.header) != {"format", "chain", "count", "checkpoint"}:
            raise Broken("format", detail="the first line is no header")
        if self.header.get("checkpoint") is not None:
            check_checkpoint_shape(self.header["checkpoint"])
            self.marks.append(self.header["checkpoint"])
        for mark in self.marks:
            if mark["chain"] != self.header["chain"]:
                raise Broken("checkpoint_chain")
        due, roots = {mark["seq"] for mark in self.marks}, {0: self.tree.root()}
        for entry_hash in walk(self.entries(rows), self.header["chain"]):
            self.tree.add(entry_hash)
            if self.tree.size in due:
                roots[self.tree.size] = self.tree.root()
        self.check_end(roots)

    def entries(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows between header and footer, and keep the footer."""
        for row in rows:
            if self.footer:
                raise Broken("format", detail="there is something after the footer")
            if "root" in row:
                self.footer = row
            else:
                yield row

    def check_end(self, roots: Mapping[int, str]) -> None:
        """Compare what was read with the header, the footer and the checkpoints. Raises Broken."""
        for mark in self.marks:
            check_mark(mark, self.tree.size, roots)
        count = self.header.get("count")
        if count != self.tree.size:
            if isinstance(count, int) and count < self.tree.size:
                raise Broken("beyond_head", count + 1, expected=count)
            raise Broken("tail_missing", self.tree.size + 1, expected=count, count=self.tree.size)
        if not self.footer:
            raise Broken("format", detail="the last line is no footer")
        if self.footer != {"count": count, "root": self.tree.root()}:
            raise Broken("root")


def check_mark(mark: Mapping[str, Any], count: int, roots: Mapping[int, str]) -> None:
    """Compare a chain of `count` entries, with its roots by size, with a checkpoint. Raises Broken."""
    if mark["seq"] > count:
        raise Broken("behind_checkpoint", count + 1, expected=mark["seq"], count=count)
    if roots[mark["seq"]] != mark["root"]:
        raise Broken("checkpoint_mismatch", expected=mark["seq"])


def read_rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Parse JSON Lines. Raises Broken with the line's number."""
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            exact = isinstance(row, dict) and canonical(row) == line.removesuffix("\n").encode()
        except (ValueError, RecursionError) as error:
            raise Broken("format", detail=f"line {number} is not JSON") from error
        if not exact:
            raise Broken("format", detail=f"line {number} is not written as Daicho writes it")
        yield row


def read_checkpoints(path: Path, chain: str | None = None) -> list[dict[str, Any]]:
    """Read a file of checkpoints, one JSON object per line; keep one chain's when given. Raises Broken."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            checkpoint = json.loads(line)
        except ValueError as error:
            raise Broken("checkpoint_format", detail="it is not JSON") from error
        check_checkpoint_shape(checkpoint)
        if chain is None or checkpoint["chain"] == chain:
            found.append(checkpoint)
    if not found:
        raise Broken("checkpoint_format" if chain is None else "checkpoint_chain", detail="it is empty")
    return found


def check_signatures(marks: Iterable[Mapping[str, Any]], public_key: str | None) -> str:
    """Check every checkpoint's signature, and say in a sentence what that proves. Raises Broken."""
    marks = list(marks)
    if not marks:
        return "No checkpoint: a cut tail would not be noticed. Pass one with --checkpoint."
    try:
        for mark in marks:
            check_signature(mark, public_key)
    except ImportError:
        return "Signatures were not checked: install the cryptography package."
    if public_key is not None:
        return f"{len(marks)} checkpoint(s) signed with the given key."
    keys = ", ".join(sorted({mark["public_key"] for mark in marks}))
    return f"{len(marks)} checkpoint(s) signed with {keys}: compare this with the key you know."


def main(arguments: list[str] | None = None) -> int:
    """Verify one file and return the exit status: 0 good, 1 broken, 2 unreadable."""
    parser = argparse.ArgumentParser(description="Verify an exported Daicho ledger.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="a file of checkpoints that was kept elsewhere")
    parser.add_argument("--public-key", help="the signing key that you trust, 64 hex digits")
    options = parser.parse_args(arguments)
    export = Export()
    try:
        with options.export.open(encoding="utf-8", newline="\n") as lines:
            if options.checkpoint:
                chain = next(read_rows(lines), {}).get("chain")
                export.marks = list(read_checkpoints(options.checkpoint, chain))
                lines.seek(0)
            export.check(lines)
        proved = check_signatures(export.marks, options.public_key)
    except Broken as broken:
        print(f"BROKEN: {broken}", file=sys.stderr)
        return 1
    except (OSError, UnicodeDecodeError) as error:
        print(f"The file cannot be read: {error}", file=sys.stderr)
        return 2
    print(f"Good: {export.tree.size} entries, root {export.tree.root()}.\n{proved}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
