"""What went wrong, in the reader's language. The English is that of `verify_offline.MESSAGES`; a test compares."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "unreadable": _("Entry {seq} cannot be read: {detail}."),
    "missing": _("Entry {seq} is missing."),
    "duplicate": _("Entry {seq} is there twice."),
    "foreign": _("Entry {seq} belongs to another chain."),
    "version": _("Entry {seq} has the unknown version {version}."),
    "payload": _("The payload of entry {seq} is not the one that was written."),
    "link": _("Entry {seq} does not follow the entry before it."),
    "hash": _("Entry {seq} was changed after it was written."),
    "tail_missing": _("Entry {seq} is missing: the chain has {expected} entries, and {count} are there."),
    "beyond_head": _("Entry {seq} was not written by Daicho: the chain ends at {expected}."),
    "head": _("The head of the chain does not name its last entry, {seq}."),
    "format": _("This is not a ledger export: {detail}."),
    "root": _("The root at the end does not belong to these entries."),
    "behind_checkpoint": _("Entry {seq} is missing: the checkpoint covers {expected} entries, and {count} are there."),
    "checkpoint_mismatch": _("The first {expected} entries are not the ones that the checkpoint was taken of."),
    "checkpoint_chain": _("The checkpoint belongs to another chain."),
    "checkpoint_format": _("The checkpoint cannot be read: {detail}."),
    "checkpoint_key": _("The checkpoint was signed with another key, {public_key}."),
    "signature": _("The signature of the checkpoint is wrong."),
    "outside_transaction": _("The ledger is written only together with what it is about."),
    "payload_not_canonical": _("The payload has no canonical form: {detail}."),
    "event_unfit": _("The event must be 1 to {limit} characters, in lower case with dots."),
    "actor_unfit": _("The actor must be 1 to {limit} printable characters."),
    "subject_unfit": _("The subject must be 1 to {limit} printable characters."),
}


def explain(code: str, params: Mapping[str, object]) -> str:
    """Return the sentence for a code."""
    return str(SENTENCES[code]).format(**params)
