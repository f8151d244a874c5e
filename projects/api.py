"""The API's rooms about people, projects and the ledger."""

import uuid
from typing import Any

import django_filters
from django.http import Http404, StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, permissions, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.models import Entry
from ledger.services import export_jsonl, verify

from .access import get_project
from .invitations import find_person
from .models import ApiToken, Membership, Project, Role, Scope
from .problems import Problem
from .serializers import (
    EntrySerializer,
    IssuedTokenSerializer,
    MemberSerializer,
    MeSerializer,
    NewMemberSerializer,
    NewProjectSerializer,
    NewTokenSerializer,
    ProjectSerializer,
    ProvedEntrySerializer,
    RoleSerializer,
    TokenSerializer,
    VerdictSerializer,
)
from .services import change_settings, open_project, remove_member, set_role
from .tokens import issue_token


class EntryFilter(django_filters.FilterSet):
    """Narrow a ledger down."""

    event = django_filters.CharFilter(
        lookup_expr="startswith", max_length=80, help_text="Event, or the beginning of one: `generation.output`."
    )
    subject = django_filters.CharFilter(
        lookup_expr="contains", max_length=200, help_text="What it is about: `output:<id>`, or part of it."
    )

    class Meta:
        model = Entry
        fields: list[str] = []


class MeView(APIView):
    """The person who asks."""

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """Return who you are."""
        return Response(MeSerializer(request.user).data)


class ProjectViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Projects in which the person is a member."""

    queryset = Project.objects.none()
    serializer_class = ProjectSerializer
    lookup_field = "slug"
    lookup_value_converter = "slug"
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> Any:
        """Return the person's projects."""
        return Project.objects.of(self.request.user)

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the person's roles, in one query."""
        context = super().get_serializer_context()
        if self.action == "list":
            pairs = Membership.objects.filter(user=self.request.user).values_list("project_id", "role")
            context["roles"] = dict(pairs)
        return context

    @extend_schema(request=NewProjectSerializer, responses={201: ProjectSerializer})
    def create(self, request: Request) -> Response:
        """Open a project; you are its first owner."""
        serializer = NewProjectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = open_project(request.user, **serializer.validated_data)
        return Response(self.get_serializer(get_project(request.user, project.slug)).data, status=201)

    def retrieve(self, request: Request, slug: str) -> Response:
        """Return a project."""
        return Response(self.get_serializer(get_project(request.user, slug)).data)

    def partial_update(self, request: Request, slug: str) -> Response:
        """Change a project's names, purpose, territory, revenue or policy (owners)."""
        project = get_project(request.user, slug, Role.OWNER)
        serializer = self.get_serializer(project, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        change_settings(project, actor=request.user, changes=dict(serializer.validated_data))
        return Response(self.get_serializer(project).data)


class MemberViewSet(viewsets.GenericViewSet):
    """Members of a project; owners change them."""

    queryset = Membership.objects.none()
    serializer_class = MemberSerializer
    lookup_field = "user"
    lookup_value_converter = "uuid"
    pagination_class = None

    def list(self, request: Request, slug: str) -> Response:
        """List the members."""
        members = get_project(request.user, slug).memberships.select_related("user")
        return Response(self.get_serializer(members, many=True).data)

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def create(self, request: Request, slug: str) -> Response:
        """Add a person who has an account."""
        project = get_project(request.user, slug, Role.OWNER)
        serializer = NewMemberSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        person = find_person(serializer.validated_data["email"])
        if project.memberships.filter(user=person).exists():
            raise Problem(
                "member_already", _("This person is a member already. Change their role instead."), status=409
            )
        member = set_role(project, actor=request.user, user=person, role=Role(serializer.validated_data["role"]))
        return Response(self.get_serializer(member).data, status=201)

    @extend_schema(request=RoleSerializer, responses=MemberSerializer)
    def partial_update(self, request: Request, slug: str, user: uuid.UUID) -> Response:
        """Change a member's role."""
        project = get_project(request.user, slug, Role.OWNER)
        serializer = RoleSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        member = self.member(project, user)
        changed = set_role(project, actor=request.user, user=member.user, role=Role(serializer.validated_data["role"]))
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str, user: uuid.UUID) -> Response:
        """Take a member out; what they made stays."""
        project = get_project(request.user, slug, Role.OWNER)
        remove_member(project, actor=request.user, membership=self.member(project, user))
        return Response(status=204)

    def member(self, project: Project, user: uuid.UUID) -> Membership:
        """Return a membership of this project. Raises Http404."""
        found = project.memberships.select_related("user").filter(user=user).first()
        if found is None:
            raise Http404
        return found


class LedgerViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """A project's ledger, newest first."""

    queryset = Entry.objects.none()
    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    lookup_field = "seq"
    lookup_value_converter = "int"
    ordering = ("-seq",)
    scope = Scope.READ

    def get_queryset(self) -> Any:
        """Return the project's entries."""
        return Entry.objects.filter(chain=get_project(self.request.user, self.kwargs["slug"]).id)

    @extend_schema(responses=ProvedEntrySerializer)
    def retrieve(self, request: Request, slug: str, seq: int) -> Response:
        """Return one entry with the proof that it is in the chain."""
        entry = self.get_queryset().filter(seq=seq).first() if seq < 2**63 else None
        if entry is None:
            raise Http404
        return Response(ProvedEntrySerializer(entry).data)

    @extend_schema(request=None, responses=VerdictSerializer)
    @action(detail=False, methods=["post"], pagination_class=None)
    def verify(self, request: Request, slug: str) -> Response:
        """Read the whole chain and name the first entry that does not fit."""
        return Response(VerdictSerializer(verify(get_project(request.user, slug).id)).data)

    @extend_schema(responses={(200, "application/jsonl"): OpenApiTypes.STR})
    @action(detail=False, pagination_class=None)
    def export(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Send the chain as JSON Lines, for `verify_offline.py`."""
        lines = export_jsonl(get_project(request.user, slug).id)
        response = StreamingHttpResponse(lines, content_type="application/jsonl; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="ledger-{slug}.jsonl"'
        response.headers["Cache-Control"] = "private, no-store"
        return response


class TokenViewSet(viewsets.GenericViewSet):
    """The person's own tokens."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenSerializer
    lookup_value_converter = "uuid"
    pagination_class = None

    def get_queryset(self) -> Any:
        """Return the person's tokens."""
        return ApiToken.objects.filter(user=self.request.user)

    def list(self, request: Request) -> Response:
        """List your tokens, without their secrets."""
        return Response(self.get_serializer(self.get_queryset(), many=True).data)

    @extend_schema(request=NewTokenSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token. A token makes no token that may do more, or lives longer, than itself."""
        serializer = NewTokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        parent = request.auth if isinstance(request.auth, ApiToken) else None
        token, secret = issue_token(request.user, parent=parent, **serializer.validated_data)
        return Response(IssuedTokenSerializer(token, context={"secret": secret}).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: uuid.UUID) -> Response:
        """Revoke a token now."""
        token = self.get_queryset().filter(pk=pk).first()
        if token is None:
            raise Http404
        token.revoke()
        return Response(status=204)


class UnknownAddressView(APIView):
    """Answer addresses that the API does not have, in the API's own shape."""

    permission_classes = (permissions.AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse whatever is asked."""
        message = _("The API has no such address. Addresses end with a slash.")
        raise Problem("not_found", message, status=404)
