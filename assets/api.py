"""The API's room about vocabulary."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from projects.access import get_for_user, get_project, usable_in
from projects.api_rows import ONE_PROJECT, project_named
from projects.models import Role

from .forms import TermFilterForm
from .models import Term
from .serializers import (
    NewTermSerializer,
    TermSerializer,
    TermWordsSerializer,
)
from .terms import OURS, SHARED, add_term, change_term, find_terms, remove_term

TERM_FILTERS = [
    OpenApiParameter("q", str, description="Literal text in Japanese, reading, English or a synonym."),
    OpenApiParameter("slot", str, enum=Term.Slot.values),
    OpenApiParameter("whose", str, enum=[OURS, SHARED]),
]


class TermViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """The vocabulary: the shared set, and the project's own words, which editors change."""

    queryset = Term.objects.none()
    serializer_class = TermSerializer
    lookup_value_converter = "int"
    ordering = ("id",)

    def get_queryset(self) -> Any:
        """Return the words that a project translates with, searched and narrowed as in the portal."""
        asked, project = self.request.query_params, project_named(self.request)
        rows = usable_in(project, Term.objects.select_related("project"))
        filters = TermFilterForm(asked)
        if filters.errors:
            raise serializers.ValidationError({name: list(found) for name, found in filters.errors.items()})
        if not any(filters.asked().values()):
            return rows
        return rows.filter(id__in=[term.id for term in find_terms(project, **filters.asked())])

    @extend_schema(parameters=[ONE_PROJECT, *TERM_FILTERS])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List words in the order in which they were added."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewTermSerializer, responses={201: TermSerializer})
    def create(self, request: Request) -> Response:
        """Add a word to a project."""
        serializer = NewTermSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data["project"], Role.EDITOR)
        term = add_term(request.user, project, **serializer.words())
        return Response(self.get_serializer(term).data, status=201)

    @extend_schema(request=TermWordsSerializer(partial=True), responses=TermSerializer)
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change a project's own word."""
        term = self.own_term(pk)
        serializer = TermWordsSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = change_term(request.user, term.project, term, **serializer.words(term))
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Take a project's own word out; the ledger keeps what it said."""
        term = self.own_term(pk)
        remove_term(request.user, term.project, term)
        return Response(status=204)

    def own_term(self, pk: int) -> Term:
        """Return a word of a project in which the person is an editor. Raises Http404 or PermissionDenied."""
        if pk >= 2**63:
            raise Http404
        return get_for_user(self.request.user, Term.objects.all(), Role.EDITOR, pk=pk)
