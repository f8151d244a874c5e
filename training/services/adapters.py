"""Open, rename and archive adapters."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.names import free_address
from projects.problems import Problem
from projects.services import clean_names, record

from ..models import Adapter, Method

# Addresses beside the adapters' that are rooms of their own.
RESERVED_SLUGS = frozenset({"new", "import", "runs", "merge"})
NAMES = ("name", "name_ja", "description")


@transaction.atomic
def open_adapter(user: User, project: Project, *, name: str, method: str, slug: str = "", **words: str) -> Adapter:
    """Open an adapter, under which versions are collected; without a slug, one is made from the name.

    Raises Problem for an address that is taken, a name that is empty, or a method that is none.
    """
    if method not in Method.values:
        message = _("This way to train is not known.")
        raise Problem("method_unknown", message, fields={"method": message})
    names = clean_names({"name": name, **words})
    slugs = set(Adapter.objects.filter(project=project).values_list("slug", flat=True)) | RESERVED_SLUGS
    address = slug or free_address(names["name"], kind="adapter", is_taken=slugs.__contains__)
    adapter = Adapter(project=project, slug=address, method=method, created_by=user, **names)
    insert_adapter(adapter)
    payload = {"name": adapter.name, "slug": adapter.slug, "method": method}
    record(project, "training.adapter.created", actor=user, subject=subject_of(adapter), payload=payload)
    return adapter


def insert_adapter(adapter: Adapter) -> None:
    """Write a new adapter's row. Raises Problem when its address is taken."""
    message = _("Another adapter has this address already. Choose another one.")
    refusal = Problem("slug_taken", message, status=409, fields={"slug": message})
    if adapter.slug in RESERVED_SLUGS:
        raise refusal
    try:
        with transaction.atomic():
            adapter.save(force_insert=True)
    except IntegrityError as error:
        raise refusal from error


@transaction.atomic
def change_adapter(user: User, adapter: Adapter, changes: dict[str, Any]) -> bool:
    """Give an adapter other names or another description; its address stays. Return False when nothing changed."""
    wanted = clean_names({name: value for name, value in changes.items() if name in NAMES})
    was = Adapter.objects.select_for_update().filter(pk=adapter.pk).values(*NAMES).get()
    changed = {name: {"from": was[name], "to": value} for name, value in wanted.items() if was[name] != value}
    if changed:
        Adapter.objects.filter(pk=adapter.pk).update(**wanted)
        payload = {"adapter": was["name"], **changed}
        record(adapter.project, "training.adapter.changed", actor=user, subject=subject_of(adapter), payload=payload)
        adapter.refresh_from_db(fields=list(NAMES))
    return bool(changed)


@transaction.atomic
def archive_adapter(user: User, adapter: Adapter, *, archived: bool) -> bool:
    """Take an adapter out of the lists, or bring it back; nothing is deleted. Return False when nothing changed."""
    rows = Adapter.objects.filter(pk=adapter.pk, archived_at__isnull=archived)
    if not rows.update(archived_at=timezone.now() if archived else None):
        return False
    payload = {"name": adapter.name}
    if archived:
        record(adapter.project, "training.adapter.archived", actor=user, subject=subject_of(adapter), payload=payload)
    else:
        record(adapter.project, "training.adapter.restored", actor=user, subject=subject_of(adapter), payload=payload)
    adapter.refresh_from_db(fields=["archived_at"])
    return True


def lock_adapter(adapter: Adapter) -> Adapter:
    """Let nobody else number versions, move aliases or decide promotions of an adapter until the transaction ends."""
    return Adapter.objects.select_for_update().get(pk=adapter.pk)


def subject_of(adapter: Adapter) -> str:
    """Name an adapter in the ledger."""
    return f"adapter:{adapter.id}"
