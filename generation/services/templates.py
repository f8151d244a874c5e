"""Write templates: numbered versions that never change, and aliases that say which one counts."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import rfc8785
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem
from projects.services import clean_names, record

from ..models import PromptTemplate, TemplateAlias, TemplateVersion
from ..prompts import PromptError, TemplateBody
from ..template_words import mistake_sentence

Name = TemplateAlias.Name
# Addresses below a project's templates that are rooms of their own.
RESERVED_SLUGS = frozenset({"new", "import", "preview", "id"})
ANY = object()


@transaction.atomic
def create_template(
    user: User,
    project: Project,
    *,
    slug: str,
    name: str,
    body: Mapping[str, Any],
    name_ja: str = "",
    note: str = "",
    description: str = "",
) -> PromptTemplate:
    """Make a template with version 1 on production. Raises Problem for a bad body or a slug that is taken."""
    checked = check_body(body)
    names = clean_names({"name": name, "name_ja": name_ja})
    template = PromptTemplate(project=project, slug=slug, description=description, created_by=user, **names)
    insert_template(template)
    version = TemplateVersion.objects.create(template=template, number=1, body=checked, note=note, created_by=user)
    TemplateAlias.objects.create(template=template, name=Name.PRODUCTION, version=version)
    record(
        project,
        "generation.template.created",
        actor=user,
        subject=subject_of(template),
        payload={"name": template.name, "version": 1, "body_sha256": body_sha256(checked)},
    )
    return template


def insert_template(template: PromptTemplate) -> None:
    """Write a new template's row. Raises Problem when its address is taken."""
    message = _("Another template has this address already. Choose another one.")
    refusal = Problem("slug_taken", message, status=409, fields={"slug": message})
    if template.slug in RESERVED_SLUGS:
        raise refusal
    try:
        with transaction.atomic():
            template.save(force_insert=True)
    except IntegrityError as error:
        raise refusal from error


@transaction.atomic
def save_version(user: User, template: PromptTemplate, *, body: Mapping[str, Any], note: str = "") -> TemplateVersion:
    """Add the next version. Raises Problem when the body is wrong or the same as the newest one."""
    checked = check_body(body)
    lock_template(template)
    newest = template.versions.order_by("-number").first()
    if newest is not None and newest.body == checked:
        raise Problem("unchanged", _("Nothing has changed since the newest version."), status=409)
    number = (template.versions.aggregate(top=Max("number"))["top"] or 0) + 1
    version = TemplateVersion.objects.create(template=template, number=number, body=checked, note=note, created_by=user)
    record(
        template.project,
        "generation.template.version_saved",
        actor=user,
        subject=subject_of(template),
        payload={"version": number, "body_sha256": body_sha256(checked), "note": note},
    )
    return version


@transaction.atomic
def move_alias(
    user: User, template: PromptTemplate, name: str, version: TemplateVersion, *, seen: Any = ANY
) -> TemplateAlias:
    """Point an alias at a version, and remember where it was.

    `seen` is the number of the version that the person saw it at (None: nowhere). Raises Problem when it has moved
    since, or when it is there already.
    """
    lock_template(template)
    if version.template_id != template.pk:
        raise Problem("other_template", _("This version belongs to another template."))
    alias = template.aliases.filter(name=name).select_related("version").first()
    before = alias.version if alias else None
    number = before.number if before else None
    if before == version:
        raise Problem("already_there", _("It points at this version already."), status=409)
    if seen is not ANY and seen != number:
        raise Problem(
            "moved_meanwhile", _("Somebody else has moved it meanwhile. Look again, then decide."), status=409
        )
    alias, _made = TemplateAlias.objects.update_or_create(
        template=template,
        name=Name(name),
        defaults={"version": version, "previous": before, "moved_at": timezone.now()},
    )
    record(
        template.project,
        "generation.template.alias_moved",
        actor=user,
        subject=subject_of(template),
        payload={"alias": name, "from": number, "to": version.number},
    )
    return alias


@transaction.atomic
def undo_alias(user: User, template: PromptTemplate, name: str, *, seen: Any = ANY) -> TemplateAlias:
    """Move an alias back to where it was before its last move. Raises Problem when there is no such place."""
    lock_template(template)
    alias = template.aliases.filter(name=name).select_related("previous").first()
    if alias is None or alias.previous is None:
        raise Problem("nothing_to_undo", _("This name has not been moved yet."), status=409)
    return move_alias(user, template, name, alias.previous, seen=seen)


def lock_template(template: PromptTemplate) -> None:
    """Let nobody else move or add versions of a template until the transaction ends."""
    PromptTemplate.objects.select_for_update().get(pk=template.pk)


@transaction.atomic
def rename_template(user: User, template: PromptTemplate, *, name: str, name_ja: str, description: str) -> bool:
    """Give a template other words; its address and its versions stay. Return False when nothing changed."""
    wanted = clean_names({"name": name, "name_ja": name_ja, "description": description})
    lock_template(template)
    was = PromptTemplate.objects.filter(pk=template.pk).values(*wanted).get()
    changed = {field: {"from": was[field], "to": value} for field, value in wanted.items() if was[field] != value}
    if changed:
        PromptTemplate.objects.filter(pk=template.pk).update(**wanted)
        subject = subject_of(template)
        record(template.project, "generation.template.renamed", actor=user, subject=subject, payload={**changed})
    return bool(changed)


def archive_template(user: User, template: PromptTemplate, *, archived: bool) -> None:
    """Take a template out of the pickers, or bring it back; nothing is deleted."""
    with transaction.atomic():
        changed = PromptTemplate.objects.filter(pk=template.pk, archived_at__isnull=archived).update(
            archived_at=timezone.now() if archived else None
        )
        if changed:
            subject = subject_of(template)
            if archived:
                record(template.project, "generation.template.archived", actor=user, subject=subject, payload={})
            else:
                record(template.project, "generation.template.restored", actor=user, subject=subject, payload={})


@transaction.atomic
def import_templates(user: User, project: Project, presets: Iterable[tuple[str, TemplateBody]]) -> list[PromptTemplate]:
    """Make one template per preset, all or none, each at an address of its own."""
    taken = set(PromptTemplate.objects.filter(project=project).values_list("slug", flat=True))
    made = []
    note = _("Imported")
    for name, body in presets:
        slug = free_slug(name, taken)
        taken.add(slug)
        made.append(create_template(user, project, slug=slug, name=name[:120], body=body.as_dict(), note=note))
    return made


def free_slug(name: str, taken: set[str]) -> str:
    """Return an address made from a name that nobody has yet; names without Latin letters become "template"."""
    base = slugify(name)[:70].strip("-_") or "template"
    slug, number = base, 2
    while slug in taken or slug in RESERVED_SLUGS:
        slug, number = f"{base}-{number}", number + 1
    return slug


def check_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body in its canonical form. Raises Problem naming what is wrong."""
    try:
        return TemplateBody.from_dict(body).as_dict()
    except PromptError as error:
        message = mistake_sentence(error.code, error.params)
        place = error.params.get("field") or error.params.get("slot") or "body"
        raise Problem(error.code, message, fields={str(place): message}) from error


def body_sha256(body: Mapping[str, Any]) -> str:
    """Return the sha256 of a body's canonical JSON."""
    return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


def subject_of(template: PromptTemplate) -> str:
    """Name a template in the ledger."""
    return f"template:{template.id}"
