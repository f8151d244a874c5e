"""The append-only record. Nothing here is written but through `ledger.services`."""

import json
from typing import Any

from django.db import models

from .chain import ENTRY_VERSION, GENESIS, instant
from .verify_offline import CHECKPOINT_FORMAT


class Head(models.Model):
    """The end of a chain: its row lock gives the sequence numbers."""

    chain = models.UUIDField(primary_key=True, editable=False)
    seq = models.PositiveBigIntegerField(default=0)
    entry_hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}"


class Entry(models.Model):
    """One thing that happened. The hash covers every column and is the primary key, so no column is free."""

    entry_hash = models.CharField(max_length=64, primary_key=True)
    version = models.PositiveSmallIntegerField(default=ENTRY_VERSION)
    chain = models.UUIDField()
    seq = models.PositiveBigIntegerField()
    event = models.CharField(max_length=80)
    actor = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    at = models.DateTimeField()
    payload = models.TextField()
    payload_sha256 = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["chain", "seq"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="ledger_entry_once")]
        indexes = [
            models.Index(fields=["chain", "event"], name="ledger_entry_event"),
            models.Index(fields=["subject"], name="ledger_entry_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.event}"

    @property
    def data(self) -> dict[str, Any]:
        """Return the payload as values."""
        return json.loads(self.payload)

    @property
    def readable(self) -> dict[str, Any] | None:
        """Return the payload as values, or None where somebody has spoiled it: only verifying says more then."""
        try:
            data = self.data
        except (ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    def as_row(self) -> dict[str, Any]:
        """Return the columns as an export holds them."""
        columns = (
            "version",
            "seq",
            "event",
            "actor",
            "subject",
            "payload",
            "payload_sha256",
            "prev_hash",
            "entry_hash",
        )
        row = {name: getattr(self, name) for name in columns}
        return {**row, "chain": str(self.chain), "at": instant(self.at)}


class Checkpoint(models.Model):
    """A signed Merkle root of the first `seq` entries. It counts once a copy has left the database."""

    signature = models.CharField(max_length=128, primary_key=True)
    chain = models.UUIDField()
    seq = models.PositiveBigIntegerField()
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    public_key = models.CharField(max_length=64)

    class Meta:
        ordering = ["chain", "seq"]
        constraints = [models.UniqueConstraint(fields=["chain", "seq", "public_key"], name="ledger_checkpoint_once")]

    def __str__(self) -> str:
        return f"{self.chain} at {self.seq}: {self.root[:12]}"

    def as_row(self) -> dict[str, Any]:
        """Return the checkpoint as it is signed and kept elsewhere."""
        return {
            "format": CHECKPOINT_FORMAT,
            "chain": str(self.chain),
            "seq": self.seq,
            "root": self.root,
            "at": instant(self.at),
            "signature": self.signature,
            "public_key": self.public_key,
        }
