"""Licence profiles that a team has written itself, version by version, each approved by a second person."""

import json
import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..licensing import OWN_PREFIX, Profile, read_own
from .rights import Evidence


class OwnLicenseQuerySet(models.QuerySet["OwnLicense"]):
    """Questions about own licences."""

    def in_force(self) -> Self:
        """Keep the versions that count now: of each licence the newest approved one, unless it was ended."""
        return self.with_newest_approved().filter(number=F("approved_number"), ended_at=None)

    def with_newest_approved(self) -> Self:
        """Add `approved_number`: the newest version of the licence that was ever approved, or None."""
        approved = self.model.objects.exclude(approved_at=None)
        newest = approved.filter(project=OuterRef("project"), license_id=OuterRef("license_id")).order_by("-number")
        return self.annotate(approved_number=Subquery(newest.values("number")[:1]))

    def profiles_in(self, project: Any) -> dict[str, Profile]:
        """Return a project's licences that count now as the algebra reads them, by id."""
        return {row.license_id: row.profile for row in self.filter(project=project).in_force()}


class OwnLicense(models.Model):
    """One version of a licence profile that a team has written itself. Its content never changes.

    `content` is a data file as those in `assets/licenses`, with the version's number as its version. It counts once a
    second person has approved it, until a later version is approved or it is ended. Without an approved version the
    licence is unknown, and blocks.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="own_licenses")
    license_id = models.CharField(_("identifier"), max_length=80)
    number = models.PositiveIntegerField(_("version"))
    content = models.JSONField()
    note = models.CharField(_("note"), max_length=500, blank=True)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, null=True, blank=True, related_name="own_licenses")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OwnLicenseQuerySet.as_manager()

    class Meta:
        ordering = ["license_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "license_id", "number"], name="own_license_numbered"),
            models.UniqueConstraint(
                fields=["project", "license_id"],
                condition=Q(approved_at=None, ended_at=None),
                name="own_license_one_waits",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=models.F("written_by")), name="own_license_four_eyes"
            ),
            models.CheckConstraint(condition=Q(license_id__startswith=OWN_PREFIX), name="own_license_prefix"),
        ]

    def __str__(self) -> str:
        return f"{self.short_name} {self.number}"

    @property
    def short_name(self) -> str:
        """Return the part of the identifier that the team chose."""
        return self.license_id.removeprefix(OWN_PREFIX)

    @property
    def profile(self) -> Profile:
        """Return the profile as the algebra reads it."""
        return read_own(json.dumps(self.content, sort_keys=True))

    @property
    def is_waiting(self) -> bool:
        """Does it wait for a second person?"""
        return self.approved_at is None and self.ended_at is None
