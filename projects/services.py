"""Changes to projects, their members and their campaigns, each with its ledger entry."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ledger.services import actor_hash, append

from .models import Campaign, Membership, Project, Role, User
from .names import clean_name, free_address
from .problems import Problem

# Addresses beside the projects' that are rooms of their own.
RESERVED_SLUGS = frozenset({"new"})


@transaction.atomic
def open_project(owner: User, *, name: str, slug: str = "", **fields: Any) -> Project:
    """Open a project as its owner asks; without a slug, one is made from the name.

    Raises Problem for an address that is taken, and for a name that another project of theirs has.
    """
    User.objects.select_for_update().get(pk=owner.pk)
    if Project.objects.of(owner).filter(name=clean_name(name)).exists():
        message = _("You have a project with this name already.")
        raise Problem("name_taken", message, status=409, fields={"name": message})
    return create_project(
        owner, slug=slug or free_address(name, kind="project", is_taken=is_project_slug_taken), name=name, **fields
    )


@transaction.atomic
def create_project(owner: User, *, slug: str, name: str, **fields: Any) -> Project:
    """Open a project with its first owner, and begin its ledger. Raises Problem for an address that is taken."""
    project = Project(slug=slug, **clean_names({"name": name, **fields}))
    insert_once(project, is_reserved=slug in RESERVED_SLUGS)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    payload = {"name": project.name}
    record(project, "projects.project.created", actor=owner, subject=f"project:{project.id}", payload=payload)
    return project


@transaction.atomic
def set_role(project: Project, *, actor: User, user: User, role: Role) -> Membership:
    """Add a member or change a role. A project keeps at least one owner."""
    before = Membership.objects.filter(project=project, user=user).first()
    if before is not None and role != Role.OWNER:
        keep_an_owner(project, before)
    membership, _made = Membership.objects.update_or_create(project=project, user=user, defaults={"role": role})
    record(
        project,
        "projects.member.role_set",
        actor=actor,
        subject=f"member:{actor_hash(user.id)}",
        payload={"from": before.role if before else None, "to": role},
    )
    return membership


@transaction.atomic
def remove_member(project: Project, *, actor: User, membership: Membership) -> None:
    """Take a person out of a project; what they made stays."""
    keep_an_owner(project, membership)
    person = actor_hash(membership.user_id)
    membership.delete()
    record(
        project, "projects.member.removed", actor=actor, subject=f"member:{person}", payload={"from": membership.role}
    )


@transaction.atomic
def change_settings(project: Project, *, actor: User, changes: dict[str, object]) -> Project:
    """Change names, purpose, territory, revenue or policy, and say what changed."""
    changes = clean_names(changes)
    was = {name: str(getattr(project, name)) for name in changes}
    for name, value in changes.items():
        setattr(project, name, value)
    project.save(update_fields=list(changes))
    now = {name: str(getattr(project, name)) for name in changes}
    record(
        project,
        "projects.project.changed",
        actor=actor,
        subject=f"project:{project.id}",
        payload={name: {"from": was[name], "to": now[name]} for name in now if was[name] != now[name]},
    )
    return project


@transaction.atomic
def create_campaign(project: Project, *, actor: User, name: str, name_ja: str = "", slug: str = "") -> Campaign:
    """Open a campaign, to which pictures can be filed; without a slug, one is made from the name.

    Raises Problem for a name or an address that another campaign of the project has.
    """
    names = clean_names({"name": name, "name_ja": name_ja})
    lock_campaigns(project)
    refuse_same_name(project, names["name"], without=None)
    slugs = set(project.campaigns.values_list("slug", flat=True))
    campaign = Campaign(
        project=project, slug=slug or free_address(names["name"], kind="campaign", is_taken=slugs.__contains__), **names
    )
    insert_once(campaign)
    payload = {"slug": campaign.slug, **names}
    record(project, "projects.campaign.created", actor=actor, subject=f"campaign:{campaign.id}", payload=payload)
    return campaign


@transaction.atomic
def rename_campaign(campaign: Campaign, *, actor: User, changes: dict[str, Any]) -> bool:
    """Give a campaign other names; its address and its pictures stay. Return False when nothing changed."""
    wanted = clean_names(changes)
    project = lock_campaigns(campaign.project)
    campaign.refresh_from_db()
    was = {name: getattr(campaign, name) for name in wanted}
    changed = {name: {"from": was[name], "to": value} for name, value in wanted.items() if was[name] != value}
    if not changed:
        return False
    refuse_same_name(project, wanted.get("name", campaign.name), without=campaign)
    for name in changed:
        setattr(campaign, name, wanted[name])
    campaign.save(update_fields=list(changed))
    payload = {"slug": campaign.slug, "campaign": campaign.name, **changed}
    record(project, "projects.campaign.changed", actor=actor, subject=f"campaign:{campaign.id}", payload=payload)
    return True


def lock_campaigns(project: Project) -> Project:
    """Let nobody else change the project's campaigns until the transaction ends."""
    return Project.objects.select_for_update().get(pk=project.pk)


def refuse_same_name(project: Project, name: str, *, without: Campaign | None) -> None:
    """Raise Problem when another campaign of the project is called the same, whatever the case."""
    same = project.campaigns.filter(name__iexact=name)
    if without is not None:
        same = same.exclude(pk=without.pk)
    if same.exists():
        message = _("The project has a campaign with this name already.")
        raise Problem("name_taken", message, status=409, fields={"name": message})


def clean_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return values with their names cleaned. Raises Problem when nothing is left of the name."""
    names = {name: clean_name(str(values[name])) for name in ("name", "name_ja") if name in values}
    if not names.get("name", "-"):
        message = _("Write a name.")
        raise Problem("name_empty", message, fields={"name": message})
    return values | names


def is_project_slug_taken(slug: str) -> bool:
    """Does a project, or a room beside the projects, have this address?"""
    return slug in RESERVED_SLUGS or Project.objects.filter(slug=slug).exists()


def insert_once(row: Project | Campaign, *, is_reserved: bool = False) -> None:
    """Write a new row. Raises Problem when its address is taken."""
    message = _("This address is taken. Choose another one.")
    refusal = Problem("slug_taken", message, status=409, fields={"slug": message})
    if is_reserved:
        raise refusal
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise refusal from error


def keep_an_owner(project: Project, leaving: Membership) -> None:
    """Raise Problem when this membership is the last owner's."""
    owners = Membership.objects.select_for_update().filter(project=project, role=Role.OWNER)
    if leaving.role == Role.OWNER and not owners.exclude(pk=leaving.pk).exists():
        raise Problem("last_owner", _("A project needs an owner. Make another member an owner first."), status=409)


def record(project: Project, event: str, *, actor: User, subject: str, payload: dict[str, object]) -> object:
    """Write one entry into the project's ledger, in the running transaction."""
    return append(project.id, event, actor=actor_hash(actor.id), subject=subject, payload=payload)
