"""What we know of the rights in one thing, who said so, and which rules were set aside for it."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# The number of the lock that transactions take in turn; any that nobody else uses.
TURN = 0x4461696368


class Evidence(models.Model):
    """A document that shows where rights come from: a licence's page, a contract, a release form.

    The file is kept under its hash and is only ever sent as a download.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="evidence")
    name = models.CharField(_("file name"), max_length=200)
    path = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["-added_at"]
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="evidence_once")]

    def __str__(self) -> str:
        return self.name


class Rights(models.Model):
    """What we know of the rights in one thing: the declared licence, whose it is, and where we have it from.

    The effective terms are never stored here; `assets.licensing` computes them from these facts. Expiry is not a
    state: it is computed whenever somebody asks. `revision` counts every change of a fact, so that a decision can
    tell whether it was made about what stands here now.
    """

    class Basis(models.TextChoices):
        LICENSE = "license", _("Licence")
        OWN_WORK = "own_work", _("Own work")
        CONTRACT = "contract", _("Contract")
        PUBLIC_DOMAIN = "public_domain", _("Public domain")
        JP_30_4 = "jp_30_4", _("Japanese Copyright Act, Article 30-4")
        EXCEPTION = "exception", _("Other exception in law")

    class State(models.TextChoices):
        PENDING = "pending", _("Waits for review")
        CLEARED = "cleared", _("Cleared")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    expression = models.CharField(_("licence (SPDX)"), max_length=300, blank=True)
    branch = models.CharField(_("chosen branch"), max_length=120, blank=True)
    basis = models.CharField(_("basis"), max_length=14, choices=Basis, default=Basis.LICENSE)
    jurisdiction = models.CharField(_("jurisdiction"), max_length=60, blank=True)
    creator = models.CharField(_("creator"), max_length=200, blank=True)
    creator_reading = models.CharField(_("creator's reading"), max_length=200, blank=True)
    creator_uri = models.URLField(_("creator's page"), max_length=1000, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    source_url = models.URLField(_("source"), max_length=1000, blank=True)
    retrieved_at = models.DateTimeField(null=True, blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, default="UTC")
    territories = models.JSONField(null=True, blank=True)
    media = models.JSONField(null=True, blank=True)
    purposes = models.JSONField(null=True, blank=True)
    caps = models.JSONField(default=dict, blank=True)
    releases = models.JSONField(default=dict, blank=True)
    data_mining = models.CharField(_("data mining claim"), max_length=60, blank=True)
    claims = models.JSONField(default=dict, blank=True)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, null=True, blank=True, related_name="rights")
    note = models.TextField(_("note"), blank=True, max_length=2000)
    revision = models.PositiveIntegerField(default=1, editable=False)
    parameters = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cleared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cleared_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "rights"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["pending", "cleared", "refused", "withdrawn"]), name="rights_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["state"], name="rights_state"),
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="rights_expiry"),
        ]

    def __str__(self) -> str:
        return self.expression or str(_("unknown licence"))

    @property
    def license(self) -> str:
        """Return the declared licence as a badge shows it."""
        return self.branch or self.expression

    @property
    def is_expired(self) -> bool:
        """Has the term ended?"""
        return self.expires_at is not None and self.expires_at <= timezone.now()


class RightsChange(models.Model):
    """One change of rights, in order: what was computed before the newest change that concerns it is asked anew.

    Whoever writes one takes a turn first, so that no lower number comes into sight after a higher one.

    `event` is the ledger's; `before` and `after` hold the facts that changed.
    """

    rights = models.ForeignKey(Rights, on_delete=models.PROTECT, related_name="changes")
    revision = models.PositiveIntegerField()
    event = models.CharField(max_length=60)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["rights", "revision"], name="rights_change_once")]

    def __str__(self) -> str:
        return f"{self.event} {self.revision}"

    @staticmethod
    def take_turn() -> None:
        """Wait until no other transaction changes rights; SQLite has one writer anyway."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])


class Waiver(models.Model):
    """A rule set aside by two persons, for a reason, within a scope, and until a day.

    With `rights` it lets one thing pass one gate despite what its licence says; without, it is the recorded exception
    that the project's policy asks for. It counts from approval until `expires_at` or until it is revoked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="waivers")
    rights = models.ForeignKey(Rights, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers")
    action = models.CharField(_("gate"), max_length=10)
    reason = models.TextField(_("reason"), max_length=2000)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, null=True, blank=True, related_name="waivers")
    expires_at = models.DateTimeField(_("expires at"))
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=models.F("requested_by")), name="waiver_four_eyes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.reason[:60]}"

    def holds_at(self, at: datetime) -> bool:
        """Does the waiver count at this moment?"""
        is_approved = self.approved_at is not None and self.approved_at <= at
        return is_approved and self.revoked_at is None and at < self.expires_at
