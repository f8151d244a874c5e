"""Write to the ledger, and prove what is in it."""

import hashlib
import hmac
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from . import chain as chains
from . import reading, verify_offline
from .chain import Broken, ChainError, Tree
from .models import Checkpoint, Entry, Head
from .sentences import explain
from .signing import signing_key
from .verify_offline import check_checkpoint_shape, check_mark


class LedgerError(Exception):
    """Refuse to write: `code`, `params`, and a sentence in the reader's language."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code, self.params = code, params

    def __str__(self) -> str:
        return explain(self.code, self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found in a chain: its good entries, and the first broken one with the reason, if any."""

    chain: str
    count: int
    root: str
    code: str = ""
    first_broken_seq: int | None = None
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.code

    @property
    def reason(self) -> str:
        """Say what is wrong, in the reader's language; empty when nothing is."""
        return explain(self.code, self.params) if self.code else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Show that an entry is in the tree of the first `size` entries: `path` leads from its leaf to `root`, in hex."""

    entry_hash: str
    seq: int
    size: int
    path: tuple[str, ...]
    root: str


def actor_hash(user_id: object) -> str:
    """Return the name under which a person stands in the ledger: 64 hex digits that say nothing without the salt."""
    return hmac.new(settings.LEDGER_SALT.encode(), str(user_id).encode(), hashlib.sha256).hexdigest()


def append(chain: uuid.UUID, event: str, *, actor: str, subject: str, payload: Mapping[str, Any]) -> Entry:
    """Write the next entry of a chain in the running transaction.

    Raises LedgerError outside a transaction, or when event, actor, subject or payload cannot be written.
    """
    if not connection.in_atomic_block:
        raise LedgerError("outside_transaction")
    try:
        text, head, at = chains.payload_text(payload), lock_head(chain), timezone.now()
        row = chains.make_entry(
            chain=str(head.chain),
            seq=head.seq + 1,
            event=event,
            actor=actor,
            subject=subject,
            at=at,
            payload=text,
            prev_hash=head.entry_hash,
        )
    except ChainError as error:
        raise LedgerError(error.code, **error.params) from error
    entry = Entry.objects.create(**{**row, "chain": head.chain, "at": at})
    head.seq, head.entry_hash = entry.seq, entry.entry_hash
    head.save(update_fields=["seq", "entry_hash"])
    return entry


def lock_head(chain: uuid.UUID) -> Head:
    """Return the chain's head, made when new, locked until the transaction ends."""
    heads = Head.objects.select_for_update()
    head = heads.filter(chain=chain).first()
    if head is None:
        Head.objects.bulk_create([Head(chain=chain)], ignore_conflicts=True)
        head = heads.get(chain=chain)
    return head


def verify(chain: uuid.UUID, marks: Sequence[dict[str, Any]] = ()) -> Verdict:
    """Read a whole chain and compare it with its head, its checkpoints, and the outside checkpoints in `marks`."""
    tree = Tree()
    try:
        check_chain(chain, tree, marks)
    except Broken as broken:
        return Verdict(
            chain=str(chain),
            count=tree.size,
            root=tree.root(),
            code=broken.code,
            first_broken_seq=broken.seq,
            params=broken.params,
        )
    return Verdict(chain=str(chain), count=tree.size, root=tree.root())


def check_chain(chain: uuid.UUID, tree: Tree, outside: Sequence[dict[str, Any]]) -> None:
    """Check entries, then head, then checkpoints; `tree` grows on the way. Raises Broken."""
    # Head and checkpoints are read before the entries: what is written meanwhile can then only be more.
    head = reading.read_head(chain)
    marks = [*reading.read_checkpoints(chain), *outside]
    due, roots, last = {mark["seq"] for mark in marks}, {0: tree.root()}, chains.GENESIS
    for each in chains.walk(reading.read_entries(chain, head), str(chain)):
        tree.add(each)
        last = each
        if tree.size in due:
            roots[tree.size] = tree.root()
    reading.check_head(chain, head, count=tree.size, last=last)
    for mark in marks:
        check_checkpoint_shape(mark)
        check_mark(mark, tree.size, roots)
        chains.check_signature(mark, signing_key().public_hex)


def verify_all(marks: Sequence[dict[str, Any]] = ()) -> Iterator[Verdict]:
    """Verify every chain that is named anywhere: by an entry, a head, a checkpoint or an outside checkpoint."""
    by_chain: dict[str, list[dict[str, Any]]] = {}
    for mark in marks:
        by_chain.setdefault(mark["chain"], []).append(mark)
    for name in sorted({*reading.read_chains(), *by_chain}):
        try:
            chain = uuid.UUID(name)
        except ValueError:
            params = {"seq": 0, "detail": "chain"}
            yield Verdict(chain=name, count=0, root="", code="unreadable", first_broken_seq=0, params=params)
        else:
            yield verify(chain, by_chain.get(str(chain), ()))


def read_marks(path: Path, chain: uuid.UUID | None = None) -> list[dict[str, Any]]:
    """Read checkpoints that were kept elsewhere, one JSON object per line. Raises Broken, OSError."""
    return verify_offline.read_checkpoints(path, None if chain is None else str(chain))


def check_checkpoint(path: Path) -> list[Verdict]:
    """Compare the chains named in a file of checkpoints with it; alarm when the database is behind.

    Raises Broken when the file is no list of checkpoints, OSError when it cannot be read.
    """
    marks = read_marks(path)
    named = sorted({mark["chain"] for mark in marks})
    return [verify(uuid.UUID(chain), [mark for mark in marks if mark["chain"] == chain]) for chain in named]


def entry_hashes(chain: uuid.UUID, size: int) -> list[str]:
    """List the hashes of the first `size` entries."""
    entries = Entry.objects.filter(chain=chain, seq__lte=size).order_by("seq")
    return list(entries.values_list("entry_hash", flat=True))


def proof(entry: Entry, size: int | None = None) -> Proof:
    """Prove that an entry is in the tree of the first `size` entries (default: all there are now)."""
    size = Head.objects.get(chain=entry.chain).seq if size is None else size
    hashes = entry_hashes(entry.chain, size)
    return Proof(
        entry_hash=entry.entry_hash,
        seq=entry.seq,
        size=size,
        path=tuple(chains.inclusion_proof(hashes, entry.seq)),
        root=chains.tree_root(hashes),
    )


def checkpoint(chain: uuid.UUID) -> Checkpoint:
    """Sign the chain as it stands, or return the checkpoint that already says so. Keep a copy elsewhere."""
    key = signing_key()
    head = Head.objects.filter(chain=chain).first() or Head(chain=chain)
    made = Checkpoint.objects.filter(chain=chain, seq=head.seq, public_key=key.public_hex).first()
    if made is not None:
        return made
    mark = Checkpoint(
        chain=chain,
        seq=head.seq,
        root=chains.tree_root(entry_hashes(chain, head.seq)),
        at=timezone.now(),
        public_key=key.public_hex,
    )
    mark.signature = key.sign(chains.signed_bytes(mark.as_row()))
    try:
        with transaction.atomic():
            mark.save(force_insert=True)
    except IntegrityError:
        return Checkpoint.objects.get(chain=chain, seq=head.seq, public_key=key.public_hex)
    return mark


def export_jsonl(chain: uuid.UUID) -> Iterator[str]:
    """Yield a chain as JSON Lines, newline included: header with the last checkpoint, entries, footer with the root."""
    head = Head.objects.filter(chain=chain).first() or Head(chain=chain)
    mark = Checkpoint.objects.filter(chain=chain, seq__lte=head.seq).order_by("-seq").first()
    yield line(
        format=chains.EXPORT_FORMAT,
        chain=str(chain),
        count=head.seq,
        checkpoint=None if mark is None else mark.as_row(),
    )
    tree = Tree()
    for entry in Entry.objects.filter(chain=chain, seq__lte=head.seq).order_by("seq").iterator(chunk_size=1000):
        tree.add(entry.entry_hash)
        yield line(**entry.as_row())
    yield line(count=head.seq, root=tree.root())


def line(**row: object) -> str:
    """Return one canonical line of an export."""
    return chains.canonical(row).decode() + "\n"
