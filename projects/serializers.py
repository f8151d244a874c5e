"""The API's words for projects, members, tokens and ledger entries."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.models import Entry
from ledger.services import proof

from .models import ApiToken, Membership, Project, Role, Scope, User
from .protocol import StrictSerializer


class MeSerializer(serializers.ModelSerializer):
    """The person whose token this is."""

    class Meta:
        model = User
        fields = ("id", "email", "name", "language", "theme")
        read_only_fields = ("id", "email")


class ProjectSerializer(StrictSerializer, serializers.ModelSerializer):
    """A project; owners may change what is not read-only."""

    role = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = (
            "id", "slug", "name", "name_ja", "description", "policy", "purpose", "territory", "revenue_usd",
            "created_at", "role",
        )  # fmt: skip
        read_only_fields = ("id", "slug", "created_at", "role")

    def get_role(self, project: Project) -> str:
        """Return the asker's role."""
        roles = self.context.get("roles")
        return str(roles[project.id] if roles is not None else project.role)


class NewProjectSerializer(ProjectSerializer):
    """A project to open; without an address, one is made from the name."""

    slug = serializers.SlugField(max_length=60, required=False)

    class Meta(ProjectSerializer.Meta):
        read_only_fields = ("id", "created_at", "role")


class MemberSerializer(serializers.ModelSerializer):
    """A member and their role."""

    user = serializers.UUIDField(source="user_id", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ("user", "email", "name", "role", "created_at")
        read_only_fields = fields


class NewMemberSerializer(StrictSerializer):
    """A person who has an account, and the role they get."""

    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)


class RoleSerializer(StrictSerializer):
    """A member's new role."""

    role = serializers.ChoiceField(choices=Role.choices)


class EntrySerializer(serializers.ModelSerializer):
    """A ledger entry; `payload` is the very text that its hash covers."""

    class Meta:
        model = Entry
        fields = (
            "seq", "event", "actor", "subject", "at", "payload", "payload_sha256", "prev_hash", "entry_hash", "version",
        )  # fmt: skip
        read_only_fields = fields


class ProofSerializer(serializers.Serializer):
    """What shows that an entry is in the tree of the first `size` entries."""

    entry_hash = serializers.CharField()
    seq = serializers.IntegerField()
    size = serializers.IntegerField()
    path = serializers.ListField(child=serializers.CharField())
    root = serializers.CharField()


class ProvedEntrySerializer(EntrySerializer):
    """A ledger entry with its proof."""

    proof = serializers.SerializerMethodField()

    class Meta(EntrySerializer.Meta):
        fields = (*EntrySerializer.Meta.fields, "proof")
        read_only_fields = fields

    @extend_schema_field(ProofSerializer)
    def get_proof(self, entry: Entry) -> dict[str, Any]:
        """Return the path from the entry to the root of the chain as it stands."""
        return dict(ProofSerializer(proof(entry)).data)


class VerdictSerializer(serializers.Serializer):
    """What a verification found."""

    ok = serializers.BooleanField()
    count = serializers.IntegerField()
    root = serializers.CharField()
    first_broken_seq = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class TokenSerializer(serializers.ModelSerializer):
    """A token without its secret."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
        read_only_fields = fields


class NewTokenSerializer(StrictSerializer):
    """A token to be made; its secret is in the answer, once."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=4)
    days = serializers.IntegerField(min_value=1, max_value=365, required=False)


class IssuedTokenSerializer(TokenSerializer):
    """A token with its secret."""

    secret = serializers.SerializerMethodField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, token: ApiToken) -> Any:
        """Return the secret that was made with it."""
        return self.context["secret"]
