"""The one router of the API."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from assets import api as assets
from assets import api_checks as checks
from assets import api_datasets as datasets
from assets import api_licenses as licenses
from assets import api_models as models
from assets import api_pictures as pictures
from assets import api_rights as rights
from generation import api as generation
from generation import api_files as files
from generation import api_grids as grids
from generation import api_questions as questions
from generation import api_templates as templates
from generation import api_withdrawals as withdrawals
from projects import api as projects
from projects import api_campaigns as campaigns
from projects import openapi  # noqa: F401 - tells the schema about tokens
from training import api as training
from training import api_adapters as adapters
from training import api_exports as exports

router = SimpleRouter(use_regex_path=False)
router.register("projects", projects.ProjectViewSet, basename="api-project")
router.register("tokens", projects.TokenViewSet, basename="api-token")
router.register("models", models.ModelFileViewSet, basename="api-model")
router.register("intakes", models.IntakeViewSet, basename="api-intake")
router.register("pictures", pictures.PictureViewSet, basename="api-picture")
router.register("imports", pictures.ImportViewSet, basename="api-import")
router.register("taggings", pictures.TaggingViewSet, basename="api-tagging")
router.register("curations", pictures.CurationViewSet, basename="api-curation")
router.register("datasets", datasets.DatasetViewSet, basename="api-dataset")
router.register("datasets", checks.DatasetCheckViewSet, basename="api-dataset-check")
router.register("evidence", rights.EvidenceViewSet, basename="api-evidence")
router.register("reviews", rights.ReviewViewSet, basename="api-review")
router.register("waivers", rights.WaiverViewSet, basename="api-waiver")
router.register("own-licenses", licenses.OwnLicenseViewSet, basename="api-own-license")
router.register("withdrawals", withdrawals.WithdrawalViewSet, basename="api-withdrawal")
router.register("terms", assets.TermViewSet, basename="api-term")
router.register("templates", templates.TemplateViewSet, basename="api-template")
router.register("generations", generation.GenerationViewSet, basename="api-generation")
router.register("grids", grids.GridViewSet, basename="api-grid")
router.register("outputs", generation.OutputViewSet, basename="api-output")
router.register("training-runs", training.TrainingRunViewSet, basename="api-training")
router.register("adapters", adapters.AdapterViewSet, basename="api-adapter")
router.register("adapter-jobs", adapters.ReworkViewSet, basename="api-rework")
router.register("adapter-exports", exports.ExportViewSet, basename="api-export")
router.register("replays", generation.ReplayViewSet, basename="api-replay")
router.register("projects/<slug:slug>/members", projects.MemberViewSet, basename="api-member")
router.register("projects/<slug:slug>/campaigns", campaigns.CampaignViewSet, basename="api-campaign")
router.register("projects/<slug:slug>/ledger", projects.LedgerViewSet, basename="api-ledger")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("me/", projects.MeView.as_view(), name="api-me"),
    path("prompts/compose/", generation.ComposeView.as_view(), name="api-compose"),
    path("parameters/read/", files.ReadView.as_view(), name="api-read"),
    path("expiries/", checks.ExpiriesView.as_view(), name="api-expiries"),
    path("rights/decide/", questions.DecideView.as_view(), name="api-decide"),
    path("templates/import/", files.ImportView.as_view(), name="api-template-import"),
    *router.urls,
    re_path("", projects.UnknownAddressView.as_view(), name="api-unknown"),
]
