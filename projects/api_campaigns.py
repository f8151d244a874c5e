"""The API's room for a project's campaigns."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from .access import get_project
from .models import Campaign, Project, Role
from .protocol import StrictSerializer
from .services import create_campaign, rename_campaign


class CampaignSerializer(StrictSerializer, serializers.ModelSerializer):
    """A campaign; its slug is chosen once, or made from its name."""

    slug = serializers.SlugField(max_length=60, required=False)

    class Meta:
        model = Campaign
        fields = ("id", "slug", "name", "name_ja", "created_at")
        read_only_fields = ("id", "created_at")


class CampaignNamesSerializer(StrictSerializer, serializers.ModelSerializer):
    """A campaign's new names."""

    class Meta:
        model = Campaign
        fields = ("name", "name_ja")


class CampaignViewSet(viewsets.GenericViewSet):
    """Campaigns of a project; editors open and rename them."""

    queryset = Campaign.objects.none()
    serializer_class = CampaignSerializer
    lookup_field = "campaign"
    lookup_value_converter = "slug"
    pagination_class = None

    def list(self, request: Request, slug: str) -> Response:
        """List the campaigns by name."""
        return Response(self.get_serializer(get_project(request.user, slug).campaigns.all(), many=True).data)

    def create(self, request: Request, slug: str) -> Response:
        """Open a campaign (editors)."""
        project = get_project(request.user, slug, Role.EDITOR)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        campaign = create_campaign(project, actor=request.user, **serializer.validated_data)
        return Response(self.get_serializer(campaign).data, status=201)

    @extend_schema(request=CampaignNamesSerializer, responses=CampaignSerializer)
    def partial_update(self, request: Request, slug: str, campaign: str) -> Response:
        """Rename a campaign; its slug and its pictures stay (editors)."""
        found = self.campaign(get_project(request.user, slug, Role.EDITOR), campaign)
        serializer = CampaignNamesSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        rename_campaign(found, actor=request.user, changes=dict(serializer.validated_data))
        return Response(self.get_serializer(found).data)

    def campaign(self, project: Project, slug: str) -> Campaign:
        """Return a campaign of this project by its slug. Raises Http404."""
        found = project.campaigns.filter(slug=slug).first()
        if found is None:
            raise Http404
        return found
