"""The API's words for rights: what is declared, what waits for review, evidence, and rules that were set aside."""

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

import rfc8785
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from projects.models import Project
from projects.problems import Problem
from projects.protocol import StrictSerializer, read_json

from .licensing import Action, Release
from .models import Evidence, Picture, Rights, Waiver
from .review_pages import holder_in, rights_in
from .serializers import PURPOSES
from .services.ingest import quarantine_of
from .waiver_pages import STATES, state_of

FIRST_YEAR, LAST_YEAR = 1000, 9000
MAX_COUNT = 2**31 - 1
MAX_PARAMETERS_CHARS = 10_000
MAX_NAME_CHARS = 80
FACTS = (
    "expression", "branch", "basis", "jurisdiction", "creator", "creator_reading", "creator_uri", "title", "source_url",
    "retrieved_at", "valid_from", "expires_at", "time_zone", "territories", "media", "purposes", "caps", "releases",
    "note", "parameters",
)  # fmt: skip
KINDS = ["picture", "model"]
WAIVER_STATES = list(STATES)
# A waiver lets material through a gate that judges it; coming in is not judged.
GATES = [each.value for each in Action if each is not Action.INGEST]


class MomentField(serializers.DateTimeField):
    """A time that every time zone's calendar has."""

    default_error_messages = {"calendar": gettext_lazy("Give a year from 1000 to 9000.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        """Return the time with its zone."""
        if not FIRST_YEAR <= value.year <= LAST_YEAR:
            self.fail("calendar")
        return super().enforce_timezone(value).astimezone(UTC)


class NamesField(serializers.DictField):
    """Values by names that people wrote."""

    default_error_messages = {"name": gettext_lazy("A name has 1 to 80 characters that can be seen.")}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values by name."""
        values: dict[str, Any] = super().to_internal_value(data)
        if not all(0 < len(name) <= MAX_NAME_CHARS and name.isprintable() for name in values):
            self.fail("name")
        return {unicodedata.normalize("NFC", name): value for name, value in values.items()}


class ParametersField(NamesField):
    """What a licence's profile asks of each thing, in plain values."""

    max_chars = MAX_PARAMETERS_CHARS
    default_error_messages = {
        "large": gettext_lazy("This is too much, or holds numbers that are too large."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values. Refuses what a decision cannot be hashed with."""
        values = super().to_internal_value(data)
        try:
            rfc8785.dumps(values)
        except rfc8785.CanonicalizationError:
            self.fail("large")
        text = json.dumps(values)
        if len(text) > self.max_chars or "\\u0000" in text:
            self.fail("large")
        return values


class CountsField(NamesField):
    """Whole numbers by name: at most so many copies, seats and the like."""

    child = serializers.IntegerField(min_value=0, max_value=MAX_COUNT)


def codes(length: int, most: int = 300) -> serializers.ListField:
    """Return a field for a list of codes; null means no limit."""
    return serializers.ListField(
        child=serializers.CharField(max_length=length), required=False, allow_null=True, max_length=most
    )


class DeclarationSerializer(StrictSerializer):
    """What a person says about the rights in one thing. Whether that is so is for somebody else to say."""

    expression = serializers.CharField(
        max_length=300, allow_blank=True, required=False, help_text="SPDX, as we know it."
    )
    branch = serializers.CharField(
        max_length=120, allow_blank=True, required=False, help_text="Our choice where it has OR."
    )
    basis = serializers.ChoiceField(choices=Rights.Basis.choices, required=False)
    jurisdiction = serializers.CharField(max_length=60, allow_blank=True, required=False)
    creator = serializers.CharField(max_length=200, allow_blank=True, required=False)
    creator_reading = serializers.CharField(max_length=200, allow_blank=True, required=False)
    creator_uri = serializers.URLField(max_length=1000, allow_blank=True, required=False)
    title = serializers.CharField(max_length=300, allow_blank=True, required=False)
    source_url = serializers.URLField(max_length=1000, allow_blank=True, required=False)
    retrieved_at = MomentField(required=False, allow_null=True)
    valid_from = MomentField(required=False, allow_null=True)
    expires_at = MomentField(required=False, allow_null=True, help_text="The first instant at which it is over.")
    time_zone = serializers.CharField(max_length=60, required=False, help_text="The licensor's, such as Asia/Tokyo.")
    territories = codes(3)
    media = codes(40, 40)
    purposes = serializers.ListField(
        child=serializers.ChoiceField(choices=PURPOSES),
        required=False,
        allow_null=True,
        max_length=20,
    )
    caps = CountsField(required=False)
    releases = NamesField(
        child=serializers.ChoiceField(choices=[each.word for each in Release]),
        required=False,
        help_text="By pictured person or property.",
    )
    evidence = serializers.UUIDField(required=False, allow_null=True)
    note = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    parameters = ParametersField(child=serializers.JSONField(), required=False)

    def facts(self, project: Project | None) -> dict[str, Any]:
        """Return the fields of `Rights` by name. Raises Problem for evidence that is not the project's."""
        return facts_of(dict(self.validated_data), project)


def facts_of(values: dict[str, Any], project: Project | None) -> dict[str, Any]:
    """Return a declaration as fields of `Rights`. Raises Problem for evidence that is not the project's."""
    if "evidence" in values:
        found = evidence_of(project, values.pop("evidence"))
        values["evidence_id"] = found.id if found else None
    return values


def evidence_of(project: Project | None, evidence_id: Any) -> Evidence | None:
    """Return a document of the project, or None for none. Raises Problem for one that is not there."""
    if evidence_id is None:
        return None
    found = Evidence.objects.filter(project=project, id=evidence_id).first() if project else None
    if found is None:
        message = _("There is no such evidence in this project.")
        raise Problem("evidence_unknown", message, fields={"evidence": message})
    return found


@extend_schema_field(DeclarationSerializer)
class DeclarationField(serializers.Field):
    """A declaration as JSON within a form."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the declared values."""
        value = read_json(data.encode(errors="surrogatepass")) if isinstance(data, str) else data
        serializer = DeclarationSerializer(data=value)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class FullRightsSerializer(serializers.ModelSerializer):
    """Everything that was declared, what the file says of itself (`claims`), and how far it is cleared."""

    evidence = serializers.UUIDField(source="evidence_id", read_only=True, allow_null=True)
    submitted_by = serializers.UUIDField(source="submitted_by_id", read_only=True, allow_null=True)
    cleared_by = serializers.UUIDField(source="cleared_by_id", read_only=True, allow_null=True)
    closed_by = serializers.UUIDField(source="closed_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Rights
        fields = (
            "id", *FACTS, "evidence", "data_mining", "claims", "revision", "state", "submitted_by", "cleared_by",
            "cleared_at", "closed_by", "closed_at", "closed_reason",
        )  # fmt: skip
        read_only_fields = fields


class ReviewSerializer(serializers.Serializer):
    """A picture or a model whose rights wait for somebody who did not submit them; `id` is that of the rights."""

    id = serializers.UUIDField()
    kind = serializers.SerializerMethodField()
    thing = serializers.SerializerMethodField()
    name = serializers.SerializerMethodField()
    project = serializers.SerializerMethodField()
    is_mine = serializers.SerializerMethodField()
    quarantine = serializers.SerializerMethodField()
    rights = FullRightsSerializer(source="*")

    @extend_schema_field(serializers.ChoiceField(choices=KINDS))
    def get_kind(self, rights: Rights) -> str:
        """Return what kind of thing it is."""
        return "picture" if isinstance(holder_in(rights), Picture) else "model"

    @extend_schema_field(serializers.UUIDField())
    def get_thing(self, rights: Rights) -> str:
        """Return the id of the picture or model."""
        return str(holder_in(rights).id)

    def get_name(self, rights: Rights) -> str:
        """Return what the thing is called."""
        return str(holder_in(rights))

    @extend_schema_field(serializers.SlugField(allow_null=True))
    def get_project(self, rights: Rights) -> str | None:
        """Return the slug of its project, or null where the whole house shares it."""
        project = holder_in(rights).project
        return project.slug if project else None

    def get_is_mine(self, rights: Rights) -> bool:
        """Say whether the person who asks submitted it, and so cannot clear it."""
        return bool(rights.submitted_by_id == self.context["request"].user.id)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_quarantine(self, rights: Rights) -> list[str]:
        """Say why it is in quarantine; nothing when it is not."""
        return quarantine_of(holder_in(rights))


class ReasonSerializer(StrictSerializer):
    """Why rights are withdrawn."""

    reason = serializers.CharField(max_length=500)


class SeenSerializer(StrictSerializer):
    """Which revision of the rights the reviewer looked at; what was changed meanwhile is not decided about."""

    revision = serializers.IntegerField(required=False, min_value=1, max_value=MAX_COUNT)


class ClearingSerializer(SeenSerializer):
    """Which revision the reviewer looked at, and why something is cleared that is in quarantine."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class RefusalSerializer(SeenSerializer):
    """Why rights are refused, and which revision the reviewer looked at."""

    reason = serializers.CharField(max_length=500)


class EvidenceSerializer(serializers.ModelSerializer):
    """A document that shows where rights come from."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = Evidence
        fields = ("id", "project", "name", "sha256", "size_bytes", "added_at")
        read_only_fields = fields


class NewEvidenceSerializer(StrictSerializer):
    """A PDF, a picture or a text in UTF-8, at most 16 MB."""

    project = serializers.SlugField()
    file = serializers.FileField(allow_empty_file=True)


class WaiverSerializer(serializers.ModelSerializer):
    """A rule set aside, or the request for it; without `rights` it is the exception that the policy needs."""

    project = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    rights = serializers.UUIDField(source="rights_id", read_only=True, allow_null=True)
    evidence = serializers.UUIDField(source="evidence_id", read_only=True, allow_null=True)
    requested_by = serializers.UUIDField(source="requested_by_id", read_only=True)
    approved_by = serializers.UUIDField(source="approved_by_id", read_only=True, allow_null=True)
    revoked_by = serializers.UUIDField(source="revoked_by_id", read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Waiver
        fields = (
            "id", "project", "action", "rights", "reason", "evidence", "expires_at", "state", "requested_by",
            "requested_at", "approved_by", "approved_at", "revoked_by", "revoked_at",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=WAIVER_STATES))
    def get_state(self, waiver: Waiver) -> str:
        """Say what has become of it."""
        return state_of(waiver)


class NewWaiverSerializer(StrictSerializer):
    """A rule to be set aside: at which gate, for which rights, why, on what evidence, and until when."""

    project = serializers.SlugField()
    action = serializers.ChoiceField(choices=GATES)
    rights = serializers.UUIDField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=2000)
    evidence = serializers.UUIDField(required=False, allow_null=True)
    expires_at = MomentField()

    def asked(self, project: Project) -> dict[str, Any]:
        """Return what `request_waiver` takes. Raises Problem for rights or evidence that are not the project's."""
        values = self.validated_data
        rights_id, rights = values.get("rights"), None
        if rights_id is not None:
            rights = rights_in(project).filter(id=rights_id).first()
            if rights is None:
                message = _("There are no such rights in this project.")
                raise Problem("rights_unknown", message, fields={"rights": message})
        return {
            "action": Action(values["action"]),
            "reason": values["reason"],
            "expires_at": values["expires_at"],
            "rights": rights,
            "evidence": evidence_of(project, values.get("evidence")),
        }
