"""The API's rooms about adapters: their versions, which of them counts, and versions made from others."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from assets.models import ModelFile
from projects.access import get_project
from projects.api_rows import PROJECT, InProjects, refuse_over
from projects.models import Project, Role, Scope
from projects.problems import Problem

from .api import KEY_HEADER, key_of, status_for
from .models import Adapter, AdapterAlias, AdapterJob, AdapterVersion, Promotion
from .serializers import adapter_named, file_named
from .serializers_adapters import (
    AdapterNamesSerializer,
    AdapterSerializer,
    AdapterVersionSerializer,
    ArchivedSerializer,
    DecidedSerializer,
    FullVersionSerializer,
    ImportedVersionSerializer,
    LeavingSerializer,
    NewAdapterSerializer,
    NewReworkSerializer,
    PromotionSerializer,
    ReworkSerializer,
    WhySerializer,
    WishSerializer,
)
from .services.adapters import archive_adapter, change_adapter, open_adapter
from .services.imports import import_version
from .services.promotions import approve_promotion, ask_promotion, refuse_promotion, roll_back
from .services.reworks import ask_rework, cancel_rework
from .services.withdrawals import withdraw_version

NUMBER = "versions/<int:number>"
BOTH = {201: ReworkSerializer, 200: ReworkSerializer}
OPTIONS = ("rank", "energy", "with_conv")
VERSIONS = AdapterVersion.objects.select_related("adapter__project", "file__rights", "dataset_version")
VERSIONS = VERSIONS.prefetch_related("parents__parent__adapter")


class AdapterViewSet(mixins.ListModelMixin, InProjects):
    """Adapters, their versions and promotions."""

    queryset = Adapter.objects.select_related("project").prefetch_related("aliases__version", "promotions__version")
    serializer_class = AdapterSerializer
    lookup_value_converter = "uuid"
    ordering = ("-created_at", "-id")
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List adapters."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return an adapter with its aliases and the promotion that waits."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=NewAdapterSerializer, responses={201: AdapterSerializer})
    def create(self, request: Request) -> Response:
        """Open an adapter, to import versions into; a training opens its own."""
        values = checked(NewAdapterSerializer(data=request.data))
        project = get_project(request.user, values.pop("project"), Role.EDITOR)
        return Response(self.get_serializer(open_adapter(request.user, project, **values)).data, status=201)

    @extend_schema(request=AdapterNamesSerializer(partial=True), responses=AdapterSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Give an adapter other names; its slug and its versions stay."""
        adapter = self.get_row(Role.EDITOR)
        change_adapter(request.user, adapter, checked(AdapterNamesSerializer(data=request.data, partial=True)))
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=ArchivedSerializer, responses=AdapterSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: Any) -> Response:
        """Take an adapter out of the lists, or bring it back."""
        archived = checked(ArchivedSerializer(data=request.data))["archived"]
        archive_adapter(request.user, self.get_row(Role.EDITOR), archived=archived)
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(responses=AdapterVersionSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def versions(self, request: Request, pk: Any) -> Response:
        """List an adapter's versions, newest first; those that were taken back stay as tombstones."""
        return Response(AdapterVersionSerializer(VERSIONS.filter(adapter=self.get_row()), many=True).data)

    @extend_schema(request=ImportedVersionSerializer, responses={201: AdapterVersionSerializer})
    @versions.mapping.post
    def import_version(self, request: Request, pk: Any) -> Response:
        """Number an adapter file of the library as the next version."""
        adapter, values = self.get_row(Role.EDITOR), checked(ImportedVersionSerializer(data=request.data))
        file = file_named(adapter.project, values.pop("file"), ModelFile.Kind.ADAPTER, "file")
        version = import_version(request.user, adapter, file, **values)
        return Response(AdapterVersionSerializer(version).data, status=201)

    @extend_schema(responses=FullVersionSerializer)
    @action(detail=True, url_path=NUMBER, url_name="version")
    def version(self, request: Request, pk: Any, number: int) -> Response:
        """Return a version with what may be done with it now."""
        return Response(FullVersionSerializer(version_of(self.get_row(), number)).data)

    @extend_schema(request=WishSerializer, responses={201: PromotionSerializer})
    @action(detail=True, methods=["post"], url_path=f"{NUMBER}/promote", url_name="promote")
    def promote(self, request: Request, pk: Any, number: int) -> Response:
        """Ask that a version becomes production; another person decides."""
        version = version_of(self.get_row(Role.EDITOR), number)
        promotion = ask_promotion(request.user, version, **checked(WishSerializer(data=request.data)))
        return Response(PromotionSerializer(promotion).data, status=201)

    @extend_schema(request=DecidedSerializer, responses=PromotionSerializer)
    @action(detail=True, methods=["post"], scope=Scope.REVIEW)
    def promotion(self, request: Request, pk: Any) -> Response:
        """Approve or refuse the promotion that waits, as a reviewer who did not ask for it.

        Raises 409, naming the version that waits, when that is not the one which the body names.
        """
        values = checked(DecidedSerializer(data=request.data))
        promotion = waiting_of(self.get_row(Role.REVIEWER))
        check_meant(promotion.version, values["version"], _("Version %(number)d waits. Look at it, then decide."))
        if values["approved"]:
            approve_promotion(promotion, approver=request.user, reason=values["reason"])
        else:
            refuse_promotion(promotion, actor=request.user, reason=values["reason"])
        promotion.refresh_from_db()
        return Response(PromotionSerializer(promotion).data)

    @extend_schema(request=LeavingSerializer, responses=AdapterSerializer)
    @action(detail=True, methods=["post"], url_path="roll-back", url_name="roll-back", scope=Scope.REVIEW)
    def roll_back(self, request: Request, pk: Any) -> Response:
        """Put the version that was in production before back, as a reviewer.

        Raises 409, naming the version that is in production, when that is not the one which the body names.
        """
        values = checked(LeavingSerializer(data=request.data))
        adapter = self.get_row(Role.REVIEWER)
        alias = adapter.aliases.filter(name=AdapterAlias.Name.PRODUCTION).select_related("version__adapter").first()
        if alias is None:
            raise Problem("nothing_to_undo", _("There was no other version in production before."), status=409)
        said = _("Version %(number)d is in production. Look at it, then decide.")
        check_meant(alias.version, values["version"], said)
        roll_back(request.user, alias.version)
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(request=WhySerializer, responses=FullVersionSerializer)
    @action(
        detail=True, methods=["post"], url_path=f"{NUMBER}/withdraw", url_name="withdraw-version", scope=Scope.REVIEW
    )
    def withdraw(self, request: Request, pk: Any, number: int) -> Response:
        """Take a version back for good: its rights end, and everything made with it is closed."""
        version = version_of(self.get_row(Role.REVIEWER), number)
        withdraw_version(version, actor=request.user, **checked(WhySerializer(data=request.data)))
        return Response(FullVersionSerializer(version_of(version.adapter, number)).data)


class ReworkViewSet(mixins.ListModelMixin, InProjects):
    """Versions that are made from others."""

    queryset = AdapterJob.objects.select_related("project", "adapter", "version")
    serializer_class = ReworkSerializer
    lookup_value_converter = "uuid"
    scope = Scope.EDIT

    @extend_schema(parameters=[PROJECT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the jobs that make versions from others, newest first."""
        return super().list(request, *args, **kwargs)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Return a job with its progress, or the version that it left."""
        return Response(self.get_serializer(self.get_row()).data)

    @extend_schema(parameters=[KEY_HEADER], request=NewReworkSerializer, responses=BOTH)
    def create(self, request: Request) -> Response:
        """Ask for a version that is made from others; the same key returns the same job."""
        key, values = key_of(request), checked(NewReworkSerializer(data=request.data))
        project = get_project(request.user, values["project"], Role.EDITOR)
        status = status_for(request, AdapterJob.objects.all(), key)
        job = ask_rework(
            request.user,
            project,
            kind=values["kind"],
            inputs=[(version_named(project, each), each["weight"]) for each in values["inputs"]],
            key=key,
            adapter=adapter_named(project, values["adapter"]) if "adapter" in values else None,
            adapter_name=values["adapter_name"],
            options={name: values[name] for name in OPTIONS if name in values},
            note=values["note"],
        )
        return Response(self.get_serializer(job).data, status=status)

    @extend_schema(request=None, responses=ReworkSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: Any) -> Response:
        """Ask a job to stop. Raises 409 when it had ended."""
        refuse_over(was_asked=cancel_rework(self.get_row(Role.EDITOR), actor=request.user))
        return Response(self.get_serializer(self.get_row()).data)


def checked(serializer: Any) -> dict[str, Any]:
    """Return what a request says. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def version_of(adapter: Adapter, number: int) -> AdapterVersion:
    """Return a version of an adapter. Raises Problem when there is none."""
    found = VERSIONS.filter(adapter=adapter, number=number).first() if number < 2**31 else None
    if found is None:
        message = _("This adapter has no such version.")
        raise Problem("version_unknown", message, status=404, fields={"version": message})
    return found


def check_meant(version: AdapterVersion, number: int, said: str) -> None:
    """Raise Problem naming the version that there is, when a decision was meant for another one."""
    if version.number != number:
        details = {"version": version.number}
        raise Problem("moved_meanwhile", said % {"number": version.number}, status=409, details=details)


def version_named(project: Project, named: dict[str, Any]) -> AdapterVersion:
    """Return a version by its adapter's slug and its number. Raises Problem."""
    return version_of(adapter_named(project, named["adapter"]), named["number"])


def waiting_of(adapter: Adapter) -> Promotion:
    """Return the promotion that waits. Raises Problem when there is none."""
    rows = Promotion.objects.filter(adapter=adapter, decided_at=None)
    found = rows.select_related("adapter__project", "version__file").first()
    if found is None:
        raise Problem("not_pending", _("This does not wait for approval any more."), status=409)
    return found
