"""Who an API call comes from, and what it may do."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .models import ApiToken, Scope, User
from .problems import Problem


class TokenAuthentication(BaseAuthentication):
    """Read `Authorization: Bearer dai_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if len(parts) != 2 or parts[0].lower() != b"bearer":
            return None
        token = (
            ApiToken.objects.select_related("user")
            .filter(token_sha256=ApiToken.digest(parts[1].decode("latin-1")))
            .first()
        )
        if token is None or not token.is_valid or not token.user.is_active:
            raise AuthenticationFailed(
                _("This token is unknown, revoked or expired. Make a new one on your account page.")
            )
        self.note_use(token)
        if token.user.language and "Accept-Language" not in request.headers:
            translation.activate(token.user.language)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def note_use(self, token: ApiToken) -> None:
        """Remember the last use, at most once a minute."""
        now = timezone.now()
        if token.last_used_at is None or token.last_used_at < now - timedelta(minutes=1):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


class IsSignedInWithScope(BasePermission):
    """Let signed-in people in; a token needs the scope that the view names (`read` for safe methods)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        scope = Scope.READ if request.method in SAFE_METHODS else getattr(view, "scope", Scope.EDIT)
        return scope in request.auth.scopes


def issue_token(
    user: User, *, name: str, scopes: Sequence[str], days: int | None = None, parent: ApiToken | None = None
) -> tuple[ApiToken, str]:
    """Make a token and return it with its secret; one asked for with a token may not do more, nor live longer.

    Raises Problem for a scope that the parent has not, or when the parent ends within a day.
    """
    days = days or settings.API_TOKEN_DAYS
    if parent is not None:
        if not set(scopes) <= set(parent.scopes):
            raise Problem("scope_too_wide", _("A token cannot make one that may do more than itself."), status=403)
        days = min(days, (parent.expires_at - timezone.now()).days)
        if days < 1:
            raise Problem("token_ends", _("This token ends too soon to make another one."), status=403)
    return ApiToken.issue(user, name=name, scopes=sorted(set(scopes)), days=days)
