"""Bring a person in who has no account yet: with a link that works once, not with a password in a message."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from .models import Membership, Project, Role, User
from .problems import Problem
from .services import set_role


def invite_person(project: Project, *, actor: User, email: str, name: str, role: Role) -> Membership:
    """Make an account without a password and add it to the project. Raises Problem when the address is taken."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, None, name=name)
            return set_role(project, actor=actor, user=user, role=role)
    except IntegrityError as error:
        message = _("This address already has an account. Add it above, as an existing person.")
        raise Problem("email_taken", message, fields={"email": message}) from error


def find_person(email: str) -> User:
    """Return the active account with this address. Raises Problem when there is none."""
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        message = _("No account has this address. Make one below.")
        raise Problem("no_account", message, fields={"email": message})
    return user


def is_waiting(user: User) -> bool:
    """Has this person an account, but no password yet?"""
    return not user.has_usable_password() and user.last_login is None


def is_first_project(project: Project, user: User) -> bool:
    """Did this person come in through this project? Only its owners may hand out the link that sets the password."""
    first = Membership.objects.filter(user=user).order_by("created_at", "id").first()
    return first is not None and first.project_id == project.id


def invitation_path(user: User) -> str:
    """Return the address at which an invited person sets the first password. It stops working once used."""
    if not is_waiting(user):
        raise Problem("already_in", _("This person has set a password already."), status=409)
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, token = key.split("-", 1)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
