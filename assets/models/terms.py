"""The words of the team."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Term(models.Model):
    """A word of the team's vocabulary: Japanese, its reading, and the English that the text encoder reads."""

    class Slot(models.TextChoices):
        SUBJECT = "subject", _("Subject")
        ENVIRONMENT = "environment", _("Environment")
        LIGHT = "light", _("Light")
        STYLE = "style", _("Style")
        NEGATIVE = "negative", _("Negative")
        QUALITY = "quality", _("Quality")

    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="terms"
    )
    ja = models.CharField(_("Japanese"), max_length=80)
    reading = models.CharField(_("reading"), max_length=120, blank=True)
    en = models.CharField(_("English"), max_length=160)
    synonyms = models.JSONField(default=list, blank=True)
    slot = models.CharField(_("slot"), max_length=12, choices=Slot)
    changed_at = models.DateTimeField(auto_now=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ["slot", "en"]
        constraints = [
            models.UniqueConstraint(fields=["project", "ja", "slot"], name="term_once"),
            models.UniqueConstraint(fields=["ja", "slot"], condition=Q(project=None), name="term_once_shared"),
        ]
        indexes = [models.Index(fields=["project", "slot"], name="term_slot")]

    def __str__(self) -> str:
        return f"{self.ja} → {self.en}"

    def save(self, *args: Any, **options: Any) -> None:
        """Save, and count the change, so that a vocabulary knows when its words are not what they were."""
        if self._state.adding:
            return super().save(*args, **options)
        self.revision = F("revision") + 1
        if options.get("update_fields") is not None:
            options["update_fields"] = [*options["update_fields"], "revision"]
        super().save(*args, **options)
        return self.refresh_from_db(fields=["revision"])

    @staticmethod
    def search(rows: models.QuerySet["Term"], text: str) -> models.QuerySet["Term"]:
        """Keep the words that hold these very characters in Japanese, reading, English or a synonym."""
        return rows.filter(
            Q(ja__icontains=text) | Q(reading__icontains=text) | Q(en__icontains=text) | Q(synonyms__icontains=text)
        )
