"""The API's room for "may I use this?": models, pictures, frozen datasets and what was made, in any circumstances."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from assets.licensing import Action, Edge, Input, LicensingError
from assets.models import DatasetVersion, ModelFile, Picture
from assets.services.decisions import Sources, inputs_about, inputs_of_pictures, lessons_of
from assets.services.questions import ask_use
from projects.access import get_project, usable_in
from projects.models import Project, Scope
from projects.problems import Problem

from .models import Output
from .serializers_rights import AnswerSerializer, QuestionSerializer
from .services.replays import model_files

MADE = (Action.GENERATE, Action.PUBLISH, Action.INGEST)
USES = {
    "itself": ("input_picture", Edge.ITSELF),
    "input": ("input_picture", None),
    "lesson": ("training_picture", None),
}


class DecideView(APIView):
    """Ask the rights algebra a question. Nothing is written."""

    scope = Scope.READ

    @extend_schema(request=QuestionSerializer, responses=AnswerSerializer, operation_id="decide")
    def post(self, request: Request) -> Response:
        """Answer allow, review or block, with the reasons and what is owed."""
        serializer = QuestionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        project = get_project(request.user, values.pop("project"))
        action = Action(values.pop("action"))
        try:
            inputs = inputs_asked(project, action, values)
            answer = ask_use(project, inputs, action=action, **values)
        except LicensingError as error:
            message = _("This cannot be decided: %(reason)s") % {"reason": error}
            raise Problem(error.code, message) from error
        return Response(AnswerSerializer(answer).data)


def inputs_asked(project: Project, action: Action, values: dict[str, Any]) -> list[Input]:
    """Take the things out of a question and return them as the algebra reads them.

    Raises Problem for a thing that is not the project's to use.
    """
    use = values.pop("pictures_as", "")
    files = rows_of("models", values, usable_in(project, ModelFile.objects.filter(removed_at=None)))
    pictures = rows_of("pictures", values, Picture.objects.filter(project=project, removed_at=None))
    versions = rows_of("dataset_versions", values, DatasetVersion.objects.filter(dataset__project=project))
    outputs = rows_of("outputs", values, Output.objects.filter(project=project).select_related("generation"))
    drawn = inputs_as(use, action, pictures) if use else inputs_of_pictures(action, pictures)
    taught = [each for version in versions for each in lessons_of(version)]
    made = [each for output in outputs for each in inputs_of_output(output, action)]
    return [*Sources(files).inputs_of(files), *drawn, *taught, *made]


def inputs_as(use: str, action: Action, pictures: Iterable[Picture]) -> list[Input]:
    """Return pictures as they are in what is made, where a question says so."""
    kind, edge = USES[use]
    return inputs_about(action, pictures, kind, edge=edge)


def inputs_of_output(output: Output, action: Action) -> Iterable[Input]:
    """Return everything that a picture was made from; to learn from it, the models' rules about outputs count."""
    files = model_files(output)
    inputs = Sources(files).inputs_of(files)
    if action in MADE:
        return inputs
    kinds = ("training_picture", "input_picture")
    return [each if each.facts.kind in kinds else replace(each, edge=Edge.OUTPUT_TO_DATASET) for each in inputs]


def rows_of(name: str, values: dict[str, Any], rows: QuerySet[Any]) -> list[Any]:
    """Take ids out of a question and return their rows in order. Raises Problem naming the field for a stranger's."""
    ids: list[UUID] = list(dict.fromkeys(values.pop(name)))
    if hasattr(rows.model, "rights"):
        rows = rows.select_related("rights__evidence")
    found = {each.id: each for each in rows.filter(id__in=ids)} if ids else {}
    if len(found) != len(ids):
        message = _("There is no such thing in this project.")
        raise Problem(f"{name.rstrip('s')}_unknown", message, fields={name: message})
    return [found[each] for each in ids]
