"""Who may open what: every URL × everybody, from one table. A URL that is missing here fails.

A row is (URL name, method, who), with one letter each for anonymous, stranger (somebody else's project),
viewer, editor, reviewer, owner: L is sent to log in, N finds nothing, F may not, K is let in.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from PIL import Image

from assets import storage
from assets.licensing import Action
from assets.models import ModelFile, ModelIntake, Rights, Term
from assets.services import decide_use
from assets.services.licenses import write_license
from engine.specs import ImageSpec
from engine.starter import WEIGHTS
from generation.composing import PictureRequest
from generation.grid_facts import facts_of
from generation.models import Generation, Grid, GridCell, Output, Replay, Suggestion
from generation.previews import write_preview
from generation.services.generations import search_text
from ledger.services import actor_hash, append
from projects.models import ApiToken, Campaign, Project, User
from tests.access_data import DATA, MODEL_ID
from tests.assets.own_licenses import contract
from tests.assets.stage import material_stage
from tests.training.adapter_stage import adapter_stage
from tests.training.room_stage import training_stage

CAST = ("anonymous", "stranger", "viewer", "editor", "reviewer", "owner")
OPEN = "KKKKKK"
PERSON = "LKKKKK"
LOOK = "LNKKKK"
MAKE = "LNFKKK"
OWN = "LNFFFK"
JUDGE = "LNFFKK"
NOTHING = "LNNNNN"
GET, POST, PUT, PATCH, DELETE = "get", "post", "put", "patch", "delete"

TABLE: tuple[tuple[str, str, str], ...] = (
    # the frame and the account
    ("home", GET, PERSON),
    ("jobs_badge", GET, PERSON),
    ("account", GET, PERSON),
    ("account_preferences", POST, PERSON),
    ("set_language", POST, OPEN),
    ("set_theme", POST, PERSON),
    ("token_create", POST, PERSON),
    ("token_revoke", POST, "LNNKNN"),
    # a project
    ("project_new", GET, PERSON),
    ("project_new", POST, PERSON),
    ("project", GET, LOOK),
    ("project_settings", GET, LOOK),
    ("project_settings", POST, OWN),
    ("members", GET, LOOK),
    ("member_add", POST, OWN),
    ("member_invite", POST, OWN),
    ("member_link", POST, OWN),
    ("member_role", POST, OWN),
    ("member_remove", POST, OWN),
    ("campaigns", GET, LOOK),
    ("campaign_add", POST, MAKE),
    ("campaign_rename", POST, MAKE),
    # its ledger
    ("ledger", GET, LOOK),
    ("ledger_entry", GET, LOOK),
    ("ledger_verify", POST, LOOK),
    ("ledger_export", GET, LOOK),
    ("ledger_verifier", GET, LOOK),
    # the rooms where pictures are made
    ("studio", GET, LOOK),
    ("studio_words", GET, LOOK),
    ("studio_recent", GET, LOOK),
    ("studio_compose", POST, LOOK),
    ("studio_generate", POST, MAKE),
    ("studio_read", GET, LOOK),
    ("studio_read", POST, LOOK),
    ("generation", GET, LOOK),
    ("generation_preview", GET, LOOK),
    ("generation_cancel", POST, MAKE),
    ("generation_retry", POST, MAKE),
    ("grids", GET, LOOK),
    ("grid_new", GET, MAKE),
    ("grid_new", POST, MAKE),
    ("grid_try", POST, MAKE),
    ("grid_draw", POST, MAKE),
    ("grid", GET, LOOK),
    ("grid_news", GET, LOOK),
    ("grid_cancel", POST, MAKE),
    ("grid_redraw", POST, MAKE),
    ("gallery", GET, LOOK),
    ("compare", GET, LOOK),
    ("picture", GET, LOOK),
    ("picture_file", GET, LOOK),
    ("picture_thumbnail", GET, LOOK),
    ("picture_download", POST, LOOK),
    ("picture_credits", GET, LOOK),
    ("picture_rate", POST, MAKE),
    ("picture_reject", POST, MAKE),
    ("picture_replay", POST, MAKE),
    ("replay", GET, LOOK),
    ("replay_cancel", POST, MAKE),
    ("suggest", POST, MAKE),
    ("suggestion", GET, MAKE),
    # templates and words
    ("templates", GET, LOOK),
    ("template", GET, LOOK),
    ("template_by_id", GET, LOOK),
    ("template_version", GET, LOOK),
    ("template_new", GET, MAKE),
    ("template_new", POST, MAKE),
    ("template_preview", POST, MAKE),
    ("template_import", GET, MAKE),
    ("template_import", POST, MAKE),
    ("template_edit", GET, MAKE),
    ("template_edit", POST, MAKE),
    ("template_names", POST, MAKE),
    ("template_alias", POST, MAKE),
    ("template_alias_undo", POST, MAKE),
    ("template_archive", POST, MAKE),
    ("vocabulary", GET, LOOK),
    ("vocabulary_export", GET, LOOK),
    ("term_add", POST, MAKE),
    ("term_edit", POST, MAKE),
    ("term_remove", POST, MAKE),
    # the library
    ("library", GET, LOOK),
    ("model_file", GET, LOOK),
    ("model_add", GET, MAKE),
    ("model_add", POST, MAKE),
    ("model_license", GET, MAKE),
    ("model_edit", GET, MAKE),
    ("model_edit", POST, MAKE),
    ("model_evidence", POST, MAKE),
    ("model_prediction", POST, MAKE),
    ("model_intake", GET, LOOK),
    ("model_intake_cancel", POST, MAKE),
    # datasets
    ("datasets", GET, LOOK),
    ("datasets", POST, MAKE),
    ("dataset", GET, LOOK),
    ("dataset_edit", GET, MAKE),
    ("dataset_edit", POST, MAKE),
    ("dataset_add", GET, MAKE),
    ("dataset_add", POST, MAKE),
    ("dataset_remove", POST, MAKE),
    ("dataset_group", POST, MAKE),
    ("dataset_checks", GET, LOOK),
    ("dataset_propose", GET, LOOK),
    ("dataset_propose", POST, MAKE),
    ("dataset_propose_cancel", POST, MAKE),
    ("dataset_look", GET, LOOK),
    ("dataset_look", POST, MAKE),
    ("dataset_look_cancel", POST, MAKE),
    ("dataset_different", POST, MAKE),
    ("dataset_crops", GET, LOOK),
    ("captions", GET, LOOK),
    ("caption_words", GET, LOOK),
    ("caption_save", POST, MAKE),
    ("caption_rename", GET, MAKE),
    ("caption_rename", POST, MAKE),
    ("caption_undo", POST, MAKE),
    ("dataset_tags", GET, LOOK),
    ("dataset_tag", POST, MAKE),
    ("dataset_versions", GET, LOOK),
    ("dataset_versions", POST, MAKE),
    ("dataset_version", GET, LOOK),
    ("dataset_proof", GET, LOOK),
    ("dataset_export", POST, MAKE),
    # training
    ("training", GET, LOOK),
    ("training_new", GET, MAKE),
    ("training_new", POST, MAKE),
    ("training_plan", POST, MAKE),
    ("training_compare", GET, LOOK),
    ("training_run", GET, LOOK),
    ("training_run_news", GET, LOOK),
    ("training_run_cancel", POST, MAKE),
    ("training_run_resume", POST, MAKE),
    ("training_run_again", POST, MAKE),
    ("training_run_notes", POST, MAKE),
    ("training_sample", GET, LOOK),
    ("training_thumbnail", GET, LOOK),
    ("adapters", GET, LOOK),
    ("adapter", GET, LOOK),
    ("adapter_by_id", GET, LOOK),
    ("adapter_edit", GET, MAKE),
    ("adapter_edit", POST, MAKE),
    ("adapter_archive", POST, MAKE),
    ("adapter_roll_back", POST, JUDGE),
    ("adapter_import", GET, MAKE),
    ("adapter_import", POST, MAKE),
    ("adapter_rework", GET, MAKE),
    ("adapter_rework", POST, MAKE),
    ("adapter_job", GET, LOOK),
    ("adapter_job_cancel", POST, MAKE),
    ("adapter_version", GET, LOOK),
    ("version_by_id", GET, LOOK),
    ("version_promote", POST, MAKE),
    ("version_withdraw", GET, JUDGE),
    ("version_withdraw", POST, JUDGE),
    ("version_download", POST, MAKE),
    ("version_export", POST, MAKE),
    ("adapter_export", GET, LOOK),
    ("adapter_export_download", POST, MAKE),
    ("adapter_export_cancel", POST, MAKE),
    ("promotions", GET, LOOK),
    ("promotion_approve", POST, JUDGE),
    ("promotion_refuse", POST, MAKE),
    # imports, and the pictures to learn from
    ("imports", GET, LOOK),
    ("import_new", GET, MAKE),
    ("import_new", POST, MAKE),
    ("import_template", GET, LOOK),
    ("import_batch", GET, LOOK),
    ("import_rows", GET, LOOK),
    ("import_confirm", POST, MAKE),
    ("import_stop", POST, MAKE),
    ("import_repeat", POST, MAKE),
    ("import_undo", POST, MAKE),
    ("materials", GET, LOOK),
    ("material", GET, LOOK),
    ("material_file", GET, LOOK),
    ("material_thumbnail", GET, LOOK),
    ("material_edit", GET, MAKE),
    ("material_edit", POST, MAKE),
    ("material_tags", POST, MAKE),
    ("material_evidence", POST, MAKE),
    ("evidence_file", GET, LOOK),
    # review, waivers, questions and withdrawals
    ("review", GET, LOOK),
    ("review_clear", POST, JUDGE),
    ("review_refuse", POST, JUDGE),
    ("waivers", GET, LOOK),
    ("waiver_new", GET, MAKE),
    ("waiver_new", POST, MAKE),
    ("waiver_approve", POST, JUDGE),
    ("waiver_revoke", POST, JUDGE),
    ("licenses", GET, LOOK),
    ("license", GET, LOOK),
    ("license_new", GET, OWN),
    ("license_new", POST, OWN),
    ("license_approve", POST, JUDGE),
    ("license_end", POST, JUDGE),
    ("ask", GET, LOOK),
    ("ask_output", GET, LOOK),
    ("expiries", GET, LOOK),
    ("withdrawals", GET, LOOK),
    ("withdraw_picture", GET, LOOK),
    ("withdraw_picture", POST, JUDGE),
    ("withdraw_picture_outputs", GET, LOOK),
    ("withdraw_picture_report", GET, LOOK),
    ("withdraw_model", GET, LOOK),
    ("withdraw_model", POST, JUDGE),
    ("withdraw_model_outputs", GET, LOOK),
    ("withdraw_model_report", GET, LOOK),
    # the API
    ("api-schema", GET, OPEN),
    ("api-me", GET, PERSON),
    ("api-token-list", GET, PERSON),
    ("api-token-list", POST, PERSON),
    ("api-token-detail", DELETE, "LNNKNN"),
    ("api-project-list", GET, PERSON),
    ("api-project-list", POST, PERSON),
    ("api-project-detail", GET, LOOK),
    ("api-project-detail", PATCH, OWN),
    ("api-member-list", GET, LOOK),
    ("api-member-list", POST, OWN),
    ("api-member-detail", PATCH, OWN),
    ("api-member-detail", DELETE, OWN),
    ("api-campaign-list", GET, LOOK),
    ("api-campaign-list", POST, MAKE),
    ("api-campaign-detail", PATCH, MAKE),
    ("api-ledger-list", GET, LOOK),
    ("api-ledger-detail", GET, LOOK),
    ("api-ledger-export", GET, LOOK),
    ("api-ledger-verify", POST, LOOK),
    ("api-model-list", GET, PERSON),
    ("api-model-list", POST, MAKE),
    ("api-model-waiting", GET, MAKE),
    ("api-model-detail", GET, LOOK),
    ("api-model-prediction", PATCH, MAKE),
    ("api-model-rights", PATCH, MAKE),
    ("api-intake-list", GET, PERSON),
    ("api-intake-detail", GET, LOOK),
    ("api-intake-cancel", POST, MAKE),
    ("api-term-list", GET, LOOK),
    ("api-term-list", POST, MAKE),
    ("api-term-detail", PATCH, MAKE),
    ("api-term-detail", DELETE, MAKE),
    ("api-template-list", GET, PERSON),
    ("api-template-list", POST, MAKE),
    ("api-template-import", POST, MAKE),
    ("api-template-detail", GET, LOOK),
    ("api-template-detail", PATCH, MAKE),
    ("api-template-versions", GET, LOOK),
    ("api-template-versions", POST, MAKE),
    ("api-template-alias", POST, MAKE),
    ("api-template-archive", POST, MAKE),
    ("api-compose", POST, LOOK),
    ("api-decide", POST, LOOK),
    ("api-read", POST, PERSON),
    ("api-generation-list", GET, PERSON),
    ("api-generation-list", POST, MAKE),
    ("api-generation-detail", GET, LOOK),
    ("api-generation-cancel", POST, MAKE),
    ("api-generation-retry", POST, MAKE),
    ("api-training-list", GET, PERSON),
    ("api-training-list", POST, MAKE),
    ("api-training-plan", POST, MAKE),
    ("api-training-detail", GET, LOOK),
    ("api-training-cancel", POST, MAKE),
    ("api-training-resume", POST, MAKE),
    ("api-training-duplicate", POST, MAKE),
    ("api-training-sweep", POST, MAKE),
    ("api-training-notes", POST, MAKE),
    ("api-training-sample", GET, LOOK),
    ("api-adapter-list", GET, PERSON),
    ("api-adapter-list", POST, MAKE),
    ("api-adapter-detail", GET, LOOK),
    ("api-adapter-detail", PATCH, MAKE),
    ("api-adapter-archive", POST, MAKE),
    ("api-adapter-versions", GET, LOOK),
    ("api-adapter-versions", POST, MAKE),
    ("api-adapter-version", GET, LOOK),
    ("api-adapter-promote", POST, MAKE),
    ("api-adapter-promotion", POST, JUDGE),
    ("api-adapter-roll-back", POST, JUDGE),
    ("api-adapter-withdraw-version", POST, JUDGE),
    ("api-rework-list", GET, PERSON),
    ("api-rework-list", POST, MAKE),
    ("api-rework-detail", GET, LOOK),
    ("api-rework-cancel", POST, MAKE),
    ("api-export-list", GET, PERSON),
    ("api-export-list", POST, MAKE),
    ("api-export-detail", GET, LOOK),
    ("api-export-download", POST, MAKE),
    ("api-export-cancel", POST, MAKE),
    ("api-grid-list", GET, PERSON),
    ("api-grid-list", POST, MAKE),
    ("api-grid-plan", POST, LOOK),
    ("api-grid-detail", GET, LOOK),
    ("api-grid-cancel", POST, MAKE),
    ("api-grid-redraw", POST, MAKE),
    ("api-output-list", GET, PERSON),
    ("api-output-detail", GET, LOOK),
    ("api-output-file", GET, LOOK),
    ("api-output-download", POST, LOOK),
    ("api-output-credits", GET, LOOK),
    ("api-output-thumbnail", GET, LOOK),
    ("api-output-parameters", GET, LOOK),
    ("api-output-rate", POST, MAKE),
    ("api-output-reject", POST, MAKE),
    ("api-output-replay", POST, MAKE),
    ("api-replay-detail", GET, LOOK),
    ("api-replay-cancel", POST, MAKE),
    ("api-picture-list", GET, LOOK),
    ("api-picture-list", POST, MAKE),
    ("api-picture-detail", GET, LOOK),
    ("api-picture-detail", DELETE, MAKE),
    ("api-picture-file", GET, LOOK),
    ("api-picture-thumbnail", GET, LOOK),
    ("api-picture-rights", PATCH, MAKE),
    ("api-picture-tags", POST, MAKE),
    ("api-picture-tag", POST, MAKE),
    ("api-picture-tag", DELETE, MAKE),
    ("api-import-list", GET, PERSON),
    ("api-import-list", POST, MAKE),
    ("api-import-detail", GET, LOOK),
    ("api-import-rows", GET, LOOK),
    ("api-import-confirm", POST, MAKE),
    ("api-import-undo", POST, MAKE),
    ("api-import-stop", POST, MAKE),
    ("api-import-repeat", POST, MAKE),
    ("api-curation-list", POST, MAKE),
    ("api-curation-detail", GET, LOOK),
    ("api-curation-cancel", POST, MAKE),
    ("api-tagging-list", POST, MAKE),
    ("api-tagging-detail", GET, LOOK),
    ("api-tagging-cancel", POST, MAKE),
    ("api-dataset-list", GET, PERSON),
    ("api-dataset-list", POST, MAKE),
    ("api-dataset-detail", GET, LOOK),
    ("api-dataset-detail", PATCH, MAKE),
    ("api-dataset-pictures", GET, LOOK),
    ("api-dataset-pictures", POST, MAKE),
    ("api-dataset-picture", DELETE, MAKE),
    ("api-dataset-groups", POST, MAKE),
    ("api-dataset-captions", GET, LOOK),
    ("api-dataset-captions", PUT, MAKE),
    ("api-dataset-rename", POST, MAKE),
    ("api-dataset-edits", GET, LOOK),
    ("api-dataset-undo", POST, MAKE),
    ("api-dataset-versions", GET, LOOK),
    ("api-dataset-versions", POST, MAKE),
    ("api-dataset-version", GET, LOOK),
    ("api-dataset-manifest", GET, LOOK),
    ("api-dataset-proof", GET, LOOK),
    ("api-dataset-diff", GET, LOOK),
    ("api-dataset-export", POST, MAKE),
    ("api-dataset-check-all", GET, LOOK),
    ("api-dataset-check-flags", GET, LOOK),
    ("api-dataset-check-words", GET, LOOK),
    ("api-dataset-check-crops", GET, LOOK),
    ("api-dataset-check-different", POST, MAKE),
    ("api-expiries", GET, LOOK),
    ("api-evidence-list", GET, PERSON),
    ("api-evidence-list", POST, MAKE),
    ("api-evidence-detail", GET, LOOK),
    ("api-evidence-file", GET, LOOK),
    ("api-review-list", GET, LOOK),
    ("api-review-detail", GET, LOOK),
    ("api-review-clear", POST, JUDGE),
    ("api-review-refuse", POST, JUDGE),
    ("api-waiver-list", GET, PERSON),
    ("api-waiver-list", POST, MAKE),
    ("api-waiver-detail", GET, LOOK),
    ("api-waiver-approve", POST, JUDGE),
    ("api-waiver-revoke", POST, JUDGE),
    ("api-own-license-list", GET, PERSON),
    ("api-own-license-list", POST, OWN),
    ("api-own-license-detail", GET, LOOK),
    ("api-own-license-approve", POST, JUDGE),
    ("api-own-license-end", POST, JUDGE),
    ("api-withdrawal-list", GET, LOOK),
    ("api-withdrawal-detail", GET, LOOK),
    ("api-withdrawal-outputs", GET, LOOK),
    ("api-withdrawal-report", GET, LOOK),
    ("api-withdrawal-withdraw", POST, JUDGE),
    ("api-unknown", GET, "NNNNNN"),
    # allauth's pages
    ("account_login", GET, OPEN),
    ("account_logout", GET, PERSON),
    ("account_inactive", GET, OPEN),
    ("account_signup", GET, OPEN),
    ("account_reauthenticate", GET, PERSON),
    ("account_request_reauthentication_code", GET, PERSON),
    ("account_confirm_reauthentication_code", GET, PERSON),
    ("account_email", GET, PERSON),
    ("account_email_verification_sent", GET, OPEN),
    ("account_change_password", GET, PERSON),
    ("account_set_password", GET, PERSON),
    ("account_reset_password", GET, OPEN),
    ("account_confirm_login_code", GET, PERSON),
    ("account_confirm_email", GET, OPEN),
    ("account_reset_password_from_key", GET, OPEN),
    ("account_reset_password_from_key_done", GET, OPEN),
    ("account_reset_password_done", GET, OPEN),
    ("mfa_index", GET, PERSON),
    ("mfa_authenticate", GET, PERSON),
    ("mfa_reauthenticate", GET, PERSON),
    ("mfa_activate_totp", GET, PERSON),
    # nobody of the cast has a second factor, so there is nothing to turn off or to show
    ("mfa_deactivate_totp", GET, NOTHING),
    ("mfa_generate_recovery_codes", GET, PERSON),
    ("mfa_view_recovery_codes", GET, NOTHING),
    ("mfa_download_recovery_codes", GET, NOTHING),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One URL of the site: the arguments that it takes and, for the API, the methods that it answers."""

    arguments: frozenset[str]
    actions: frozenset[str]


def addresses(patterns: list[Any], name: str = "", arguments: frozenset[str] = frozenset()) -> Iterator[Any]:
    """Yield every URL's whole name with its Address."""
    for pattern in patterns:
        taken = arguments | set(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLPattern):
            actions = frozenset(getattr(pattern.callback, "actions", None) or ())
            yield f"{name}{pattern.name or pattern.pattern}", Address(arguments=taken, actions=actions)
        else:
            inner = f"{name}{pattern.namespace}:" if pattern.namespace else name
            yield from addresses(pattern.url_patterns, inner, taken)


PATTERNS: dict[str, Address] = dict(addresses(get_resolver().url_patterns))


@pytest.fixture
def stage(people, project, template) -> dict[str, Any]:
    """Return the arguments of every URL, for things of the project that really exist."""
    model = make_model(project)
    generation = make_generation(project, people.editor, model)
    output = make_output(generation)
    grid = make_grid(generation)
    replay = Replay.objects.create(project=project, output=output, requested_by=people.editor)
    token, _secret = ApiToken.issue(people.editor, name="script", scopes=["read"])
    suggestion = Suggestion.objects.create(project=project, requested_by=people.editor, text="空")
    term = Term.objects.create(project=project, ja="空", en="sky", slot="environment")
    campaign = Campaign.objects.create(project=project, slug="blossom", name="Blossom")
    own = write_license(people.editor, project, contract())
    intake = make_intake(project, people.editor)
    things = {"generation": generation, "output": output, "replay": replay, "template": template, "model": model}
    things |= {"intake": intake, "grid": grid}
    rooms = material_stage(people, project)
    rooms |= {**training_stage(people, project, model), **adapter_stage(people, project)}
    return {
        **rooms,
        "api-training": rooms["run_id"],
        "api-adapter": rooms["adapter_id"],
        "api-rework": rooms["job_id"],
        "api-export": rooms["export_id"],
        **{f"api-{name}": thing.pk for name, thing in {**things, "term": term, "token": token, "own": own}.items()},
        "slug": project.slug,
        "campaign": campaign.slug,
        "campaign_id": campaign.id,
        "seq": 1,
        "user_id": people.viewer.id,
        "user": people.viewer.id,
        "name": "candidate",
        "suggestion_id": suggestion.id,
        "term_id": term.id,
        "version_id": own.id,
        "license_id": own.license_id,
        "token_id": token.id,
        "template_id": template.id,
        "tslug": template.slug,
        "number": 1,
        "model_id": model.id,
        "intake_id": intake.id,
        "generation_id": generation.id,
        "grid_id": grid.id,
        "output_id": output.id,
        "replay_id": replay.id,
        "uidb36": "0",
        "key": "key",
    }


def spec() -> ImageSpec:
    """Return a recipe."""
    return ImageSpec(
        architecture="sd1",
        base_model="a" * 64,
        prompt="a red ball",
        seed=0,
        num_inference_steps=4,
        guidance_scale=3.0,
        width=64,
        height=64,
    )


def picture(kind: str) -> bytes:
    """Return a small picture's bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, kind)
    return buffer.getvalue()


def make_model(project: Project) -> ModelFile:
    """Enter the bundled model without reading its weights."""
    return ModelFile.objects.create(
        id=MODEL_ID,
        project=project,
        kind="base",
        name="model",
        architecture="sd1",
        layout="diffusers",
        path=str(WEIGHTS),
        sha256="a" * 64,
        size_bytes=1,
        rights=Rights.objects.create(
            expression="CC0-1.0", state=Rights.State.CLEARED, source_url="https://example.com/model"
        ),
    )


def make_intake(project: Project, person: User) -> ModelIntake:
    """Ask for a model file that no worker has looked at."""
    place = {"source": "folder", "location": "a.safetensors"}
    return ModelIntake.objects.create(project=project, requested_by=person, kind="base", name="coming", **place)


def make_generation(project: Project, person: User, model: ModelFile) -> Generation:
    """Ask for a picture, and show a preview of it."""
    generation = Generation.objects.create(
        project=project,
        requested_by=person,
        base_model=model,
        spec=spec().as_dict(),
        decision=decide_use(project, Action.GENERATE, [model]).as_dict(),
        idempotency_key="1",
    )
    write_preview(generation.id, Image.new("RGB", (64, 64), "red"))
    return generation


def make_grid(generation: Generation) -> Grid:
    """Put a job into the only cell of a grid."""
    request = PictureRequest(base_model=generation.base_model, slots={"subject": "a red ball"}, num_inference_steps=4)
    axis = {"kind": "seed", "values": [{"key": 0, "name": ""}]}
    owner = {"project": generation.project, "requested_by": generation.requested_by}
    grid = Grid.objects.create(**owner, idempotency_key="1", request=facts_of(request), axes=[axis])
    GridCell.objects.create(grid=grid, x=0, y=0, z=0, generation=generation)
    return grid


def make_output(generation: Generation) -> Output:
    """Write a picture as a worker would: files, ledger entry, row."""
    file = storage.store_bytes(settings.MEDIA_ROOT, "outputs", picture("PNG"), ".png")
    thumbnail = storage.store_bytes(settings.MEDIA_ROOT, "thumbnails", picture("WEBP"), ".webp")
    facts = {"spec": spec().as_dict(), "environment": {}, "pixels_sha256": "b" * 64, "decision": generation.decision}
    with transaction.atomic():
        actor = actor_hash(generation.requested_by_id)
        event = "generation.output.created"
        entry = append(generation.project_id, event, actor=actor, subject="output:1", payload=facts)
    return Output.objects.create(
        project=generation.project,
        generation=generation,
        index=0,
        seed=0,
        recipe_sha256=spec().recipe_sha256(),
        path=file.path,
        thumbnail=thumbnail.path,
        file_sha256=file.sha256,
        size_bytes=file.size,
        width=64,
        height=64,
        license="CC0-1.0",
        ledger_seq=entry.seq,
        search_text=search_text(generation, spec()),
        **facts,
    )


def address(name: str, stage: dict[str, Any]) -> str:
    """Return the URL with the stage's arguments filled in; an API's `pk` is that of its kind."""
    kind = "-".join(name.split("-")[:2])
    return reverse(name, kwargs={key: stage[kind if key == "pk" else key] for key in PATTERNS[name].arguments})


def outcome(response: Any) -> str:
    """Return the letter of the table that an answer stands for."""
    is_login = response.status_code == 302 and response.url.startswith(reverse("account_login"))
    if is_login or response.status_code == 401:
        return "L"
    return {403: "F", 404: "N", 405: "405"}.get(response.status_code, "K")


def ask(client: Client, name: str, method: str, stage: dict[str, Any]) -> Any:
    """Send the request of one row of the table."""
    data, kind = DATA.get((name, method), {}), {}
    if name.startswith("api-") and method != GET and not {"file", "files"} & set(data):
        kind = {"content_type": "application/json", "headers": {"Idempotency-Key": "matrix"}}
    return getattr(client, method)(address(name, stage), data, **kind)


def test_every_url_is_in_the_table():
    assert set(PATTERNS) - {name for name, _method, _who in TABLE} == set()


def test_every_action_of_the_api_is_in_the_table():
    actions = {(name, method) for name, found in PATTERNS.items() for method in found.actions}
    assert actions - {(name, method) for name, method, _who in TABLE} == set()


def test_the_table_names_no_url_that_is_gone():
    assert {name for name, _method, _who in TABLE} - set(PATTERNS) == set()


@pytest.mark.parametrize(("name", "method", "who"), TABLE, ids=[f"{name}-{method}" for name, method, _who in TABLE])
def test_everybody_gets_what_the_table_says(name, method, who, people, stage):
    seen = {}
    for role in CAST:
        client = Client()
        if role != "anonymous":
            client.force_login(getattr(people, role))
        with transaction.atomic():
            seen[role] = outcome(ask(client, name, method, stage))
            transaction.set_rollback(True)
    assert seen == dict(zip(CAST, who, strict=True))


READS = {name for name, method, _who in TABLE if method == GET}
WRITES = sorted({name for name, _method, _who in TABLE} - READS)


@pytest.mark.parametrize("name", WRITES)
def test_a_get_never_reaches_what_writes(name, people, stage):
    client = Client()
    client.force_login(people.owner)
    assert client.get(address(name, stage)).status_code == 405
