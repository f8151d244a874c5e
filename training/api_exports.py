"""The API's rooms where weights are taken out of the library."""

from typing import Any

from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from assets.licensing import LicensingError
from projects.access import get_project
from projects.api_rows import PROJECT, InProjects, refuse_over
from projects.models import ApiToken, Project, Role, Scope
from projects.problems import Problem

from .access import EXPORTS
from .api import KEY_HEADER, key_of, status_for
from .api_adapters import checked, version_named
from .forms_adapters import outbound_offers
from .models import AdapterExport
from .sending import send
from .serializers_exports import ExportSerializer, NewExportSerializer
from .services.downloads import Order, cancel_export, open_export, request_export

BOTH = {201: ExportSerializer, 200: ExportSerializer}
ANY_FILE = {(200, "application/octet-stream"): OpenApiTypes.BINARY}


class ExportViewSet(mixins.ListModelMixin, InProjects):
    """Files of weights that were asked for: in the layout of another program, or everything with its papers."""

    queryset = EXPORTS
    serializer_class = ExportSerializer
    lookup_value_converter = "uuid"
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what was asked for, newest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return how far a file is."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(parameters=[KEY_HEADER], request=NewExportSerializer, responses=BOTH)
    def create(self, request: Request) -> Response:
        """Ask for a version as a file; the same key returns the same job. Raises 409 where a gate is closed.

        What is public needs the scope `review` too.
        """
        key, values = key_of(request), checked(NewExportSerializer(data=request.data))
        check_public(request, is_public=values["is_public"])
        project = get_project(request.user, values.pop("project"), Role.EDITOR)
        version = version_named(project, {"adapter": values.pop("adapter"), "number": values.pop("number")})
        check_outbound(project, values["outbound"])
        status = status_for(request, AdapterExport.objects.all(), key)
        try:
            export = request_export(request.user, project, version, Order(**values), key=key)
        except LicensingError as error:
            message = _("This cannot be decided: %(reason)s") % {"reason": error}
            raise Problem(error.code, message) from error
        return Response(self.get_serializer(export).data, status=status)

    @extend_schema(request=None, responses=ANY_FILE)
    @action(detail=True, methods=["post"])
    def download(self, request: Request, pk: Any) -> FileResponse:
        """Take the file out, which the ledger notes. Raises 409 when the gate or the papers have changed.

        What is public needs the scope `review` too.
        """
        export = self.get_row(Role.EDITOR)
        check_public(request, is_public=export.is_public)
        return send(open_export(request.user, export))

    @extend_schema(request=None, responses=ExportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask the worker to stop. Raises 409 when it had ended."""
        refuse_over(was_asked=cancel_export(self.get_row(Role.EDITOR), actor=request.user))
        return Response(self.get_serializer(self.get_row()).data)


def check_public(request: Request, *, is_public: bool) -> None:
    """Raise PermissionDenied where weights would leave the house by a token that may not review."""
    if is_public and isinstance(request.auth, ApiToken) and Scope.REVIEW not in request.auth.scopes:
        raise PermissionDenied


def check_outbound(project: Project, outbound: str) -> None:
    """Raise Problem for a licence that the portal does not offer either."""
    if outbound not in {name for name, _label in outbound_offers("en", project)}:
        message = _("Weights are not given out under this licence here.")
        raise Problem("license_unknown", message, fields={"outbound": message})
