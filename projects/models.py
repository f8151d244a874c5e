"""Who works, and on what."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Make users by e-mail address."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractUser):
    """A person, who logs in with an e-mail address."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("Like the device")
        LIGHT = "light", pgettext_lazy("theme", "Light")
        DARK = "dark", _("Dark")

    username = None
    first_name = None
    last_name = None
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, blank=True)
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, default=Theme.AUTO)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []
    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)


class Role(models.TextChoices):
    """What a member may do; each role may also do what stands above it."""

    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    REVIEWER = "reviewer", _("Reviewer")
    OWNER = "owner", _("Owner")

    def includes(self, other: "Role") -> bool:
        """Is this role at least the other one?"""
        order = list(Role)
        return order.index(self) >= order.index(other)

    @classmethod
    def at_least(cls, role: "Role") -> list["Role"]:
        """List the roles that include this one."""
        return [each for each in cls if each.includes(role)]


class ProjectQuerySet(models.QuerySet["Project"]):
    """Questions about projects."""

    def of(self, user: User) -> "ProjectQuerySet":
        """Return the projects in which this person is a member."""
        return self.filter(memberships__user=user)


class Project(models.Model):
    """A team's piece of work: everything in Daicho belongs to one."""

    class Policy(models.TextChoices):
        STRICT = "strict", _("Strict")
        STANDARD = "standard", _("Standard")
        EXCEPTION = "exception", _("With exceptions")

    class Purpose(models.TextChoices):
        COMMERCIAL = "commercial", _("Commercial")
        ADVERTISING = "advertising", _("Advertising")
        EDITORIAL = "editorial", _("Editorial")
        NONCOMMERCIAL = "noncommercial", _("Non-commercial")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(_("name"), max_length=120)
    name_ja = models.CharField(_("Japanese name"), max_length=120, blank=True)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    policy = models.CharField(_("rights policy"), max_length=10, choices=Policy, default=Policy.STRICT)
    purpose = models.CharField(_("purpose"), max_length=15, choices=Purpose, default=Purpose.COMMERCIAL)
    territory = models.CharField(
        _("territory"),
        max_length=2,
        default="JP",
        validators=[RegexValidator(r"^[A-Z]{2}$")],
        help_text=_("Two letters, such as JP or US."),
    )
    revenue_usd = models.DecimalField(
        _("yearly revenue of the company (US$)"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name


class Membership(models.Model):
    """One person's role in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class Campaign(models.Model):
    """A campaign of a project, to which pictures can be filed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="campaigns")
    slug = models.SlugField(max_length=60)
    name = models.CharField(_("name"), max_length=120)
    name_ja = models.CharField(_("Japanese name"), max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="campaign_slug_once")]

    def __str__(self) -> str:
        return self.name_ja if self.name_ja and get_language() == "ja" else self.name


class Scope(models.TextChoices):
    """What an API token may do."""

    READ = "read", _("Read")
    GENERATE = "generate", _("Generate and replay")
    EDIT = "edit", _("Edit templates, datasets and members")
    REVIEW = "review", _("Review and withdraw rights")


class ApiToken(models.Model):
    """A key for the API: shown once, kept as a hash, with scopes and an end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=12)
    token_sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest(secret: str) -> str:
        """Return the hash under which a token's secret is kept."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, *, name: str, scopes: list[str], days: int | None = None) -> tuple["ApiToken", str]:
        """Make a token and return it with its secret, which is never shown again."""
        secret = f"dai_{secrets.token_urlsafe(32)}"
        expires_at = timezone.now() + timedelta(days=days or settings.API_TOKEN_DAYS)
        token = cls.objects.create(
            user=user,
            name=name,
            prefix=secret[:8],
            token_sha256=cls.digest(secret),
            scopes=scopes,
            expires_at=expires_at,
        )
        return token, secret

    @property
    def is_valid(self) -> bool:
        """Is the token neither revoked nor past its end?"""
        return self.revoked_at is None and self.expires_at > timezone.now()

    def revoke(self) -> bool:
        """End the token now. Return False when it had ended before."""
        return ApiToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now()) == 1
