"""The API's rooms about model files, vocabulary and rights."""

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.access import get_project, usable_in
from projects.models import Membership, Project, Role, Scope
from projects.problems import Problem

from . import licensing
from .models import ModelFile, Term
from .serializers import ModelFileSerializer, NewTermSerializer, TermSerializer
from .services import decide_use, explain_here

PROJECT = OpenApiParameter("project", str, required=True, description="Slug of the project that asks.")


class ModelFileViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Base models and VAEs that a project may use."""

    queryset = ModelFile.objects.none()
    serializer_class = ModelFileSerializer
    lookup_value_converter = "uuid"
    ordering = ("name", "id")

    def get_queryset(self) -> Any:
        """Return the files of one project, or of all the person's projects, with those that the house shares."""
        rows = ModelFile.objects.filter(removed_at=None).select_related("rights", "project")
        slug = self.request.query_params.get("project")
        if slug:
            return usable_in(get_project(self.request.user, slug), rows)
        mine = Membership.objects.filter(user=self.request.user).values("project")
        return rows.filter(project__in=mine) | rows.filter(project=None)

    def retrieve(self, request: Request, pk: uuid.UUID) -> Response:
        """Return a file's facts and declared rights."""
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise Http404
        return Response(self.get_serializer(found).data)


class TermViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """The vocabulary: the shared set, and the project's own words, which editors change."""

    queryset = Term.objects.none()
    serializer_class = TermSerializer
    lookup_value_converter = "int"
    ordering = ("slot", "en", "id")

    def get_queryset(self) -> Any:
        """Return the words that a project translates with; `q` is searched literally, `slot` narrows."""
        asked = self.request.query_params
        if not asked.get("project"):
            message = _("Name a project: ?project=slug.")
            raise Problem("project_missing", message, fields={"project": message})
        rows = usable_in(get_project(self.request.user, asked["project"]), Term.objects.select_related("project"))
        rows = rows.filter(slot=asked["slot"]) if asked.get("slot") else rows
        return Term.search(rows, asked["q"]) if asked.get("q") else rows

    @extend_schema(parameters=[PROJECT, OpenApiParameter("q", str), OpenApiParameter("slot", str)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List words."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NewTermSerializer, responses={201: TermSerializer})
    def create(self, request: Request) -> Response:
        """Add a word to a project."""
        serializer = NewTermSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        project = get_project(request.user, serializer.validated_data.pop("project"), Role.EDITOR)
        term = save_once(Term(project=project, **serializer.validated_data))
        return Response(self.get_serializer(term).data, status=201)

    @extend_schema(request=TermSerializer, responses=TermSerializer)
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change a project's own word."""
        term = self.own_term(pk)
        serializer = self.get_serializer(term, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        for name, value in serializer.validated_data.items():
            setattr(term, name, value)
        return Response(self.get_serializer(save_once(term)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Take a project's own word out."""
        self.own_term(pk).delete()
        return Response(status=204)

    def own_term(self, pk: int) -> Term:
        """Return a word of a project in which the person is an editor. Raises Http404 or PermissionDenied."""
        mine = Membership.objects.filter(user=self.request.user).values("project")
        term = Term.objects.filter(project__in=mine, pk=pk).select_related("project").first() if pk < 2**63 else None
        if term is None:
            raise Http404
        get_project(self.request.user, term.project.slug, Role.EDITOR)
        return term


def save_once(term: Term) -> Term:
    """Save a word. Raises Problem when the slot has it already."""
    try:
        with transaction.atomic():
            term.save()
    except IntegrityError as error:
        message = _("This slot has this word already.")
        raise Problem("term_taken", message, status=409, fields={"ja": message}) from error
    return term


class QuestionSerializer(serializers.Serializer):
    """May these files be used for this? What is left out comes from the project."""

    project = serializers.SlugField()
    action = serializers.ChoiceField(choices=[each.value for each in licensing.Action])
    models = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=50)
    purpose = serializers.ChoiceField(choices=[each.value for each in licensing.Purpose], required=False)
    territory = serializers.ListField(child=serializers.CharField(max_length=3), required=False, max_length=300)
    media = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=40)
    outbound_license = serializers.CharField(max_length=120, required=False)
    at = serializers.DateTimeField(required=False)


class DecideView(APIView):
    """Ask the rights algebra a question. Nothing is written."""

    scope = Scope.READ

    @extend_schema(request=QuestionSerializer, responses={200: OpenApiTypes.OBJECT}, operation_id="decide")
    def post(self, request: Request) -> Response:
        """Answer yes, review or no, with the items and clauses."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        project = get_project(request.user, values.pop("project"))
        files = files_of(project, values.pop("models"))
        try:
            decision = decide_use(project, licensing.Action(values.pop("action")), files, **values)
        except licensing.LicensingError as error:
            raise Problem(error.code, str(error)) from error
        return Response({**decision.as_dict(), "explanation": explain_here(decision), "sha256": decision.sha256()})


def files_of(project: Project, ids: list[uuid.UUID]) -> list[ModelFile]:
    """Return the files by id. Raises Problem when one is not the project's to use."""
    rows = usable_in(project, ModelFile.objects.filter(removed_at=None)).select_related("rights")
    found = {file.id: file for file in rows.filter(id__in=ids)}
    if set(ids) - found.keys():
        message = _("There is no such model in this project.")
        raise Problem("model_unknown", message, fields={"models": message})
    return [found[each] for each in dict.fromkeys(ids)]
