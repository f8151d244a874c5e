"""Changes to projects and their members, each with its ledger entry."""

from django.db import transaction
from django.utils.translation import gettext as _

from ledger.services import actor_hash, append

from .models import Membership, Project, Role, User
from .problems import Problem


@transaction.atomic
def create_project(owner: User, *, slug: str, name: str, **fields: object) -> Project:
    """Open a project with its first owner, and begin its ledger."""
    project = Project.objects.create(slug=slug, name=name, **fields)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    record(project, "projects.project.created", actor=owner, subject=f"project:{project.id}", payload={"name": name})
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


def keep_an_owner(project: Project, leaving: Membership) -> None:
    """Raise Problem when this membership is the last owner's."""
    owners = Membership.objects.select_for_update().filter(project=project, role=Role.OWNER)
    if leaving.role == Role.OWNER and not owners.exclude(pk=leaving.pk).exists():
        raise Problem("last_owner", _("A project needs an owner. Make another member an owner first."), status=409)


def record(project: Project, event: str, *, actor: User, subject: str, payload: dict[str, object]) -> object:
    """Write one entry into the project's ledger, in the running transaction."""
    return append(project.id, event, actor=actor_hash(actor.id), subject=subject, payload=payload)
