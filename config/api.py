"""The one router of the API."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from generation import api as generation

router = SimpleRouter(use_regex_path=False)
router.register("generations", generation.GenerationViewSet, basename="api-generation")
router.register("outputs", generation.OutputViewSet, basename="api-output")
router.register("replays", generation.ReplayViewSet, basename="api-replay")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("prompts/compose/", generation.ComposeView.as_view(), name="api-compose"),
    *router.urls,
]
