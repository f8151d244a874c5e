"""Who may open what: every URL × everybody, from one table. A URL that is missing here fails.

A row is (URL name, method, who), with one letter each for anonymous, stranger (somebody else's project),
viewer, editor, reviewer, owner: L is sent to log in, N finds nothing, F may not, K is let in.
"""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from PIL import Image

from assets import storage
from assets.licensing import Action
from assets.models import ModelFile, Rights
from assets.services import decide_use
from engine.specs import ImageSpec
from engine.starter import WEIGHTS
from generation.models import Generation, Output, Replay
from generation.previews import write_preview
from ledger.services import actor_hash, append
from projects.models import ApiToken

CAST = ("anonymous", "stranger", "viewer", "editor", "reviewer", "owner")
OPEN = "KKKKKK"
PERSON = "LKKKKK"
LOOK = "LNKKKK"
MAKE = "LNFKKK"
OWN = "LNFFFK"
NOTHING = "LNNNNN"
GET, POST = "get", "post"

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
    ("project", GET, LOOK),
    ("project_settings", GET, LOOK),
    ("project_settings", POST, OWN),
    ("members", GET, LOOK),
    ("member_add", POST, OWN),
    ("member_invite", POST, OWN),
    ("member_link", POST, OWN),
    ("member_role", POST, OWN),
    ("member_remove", POST, OWN),
    # its ledger
    ("ledger", GET, LOOK),
    ("ledger_entry", GET, LOOK),
    ("ledger_verify", POST, LOOK),
    ("ledger_export", GET, LOOK),
    ("ledger_verifier", GET, LOOK),
    ("template_by_id", GET, LOOK),
    # the rooms where pictures are made
    ("studio", GET, LOOK),
    ("studio_words", GET, LOOK),
    ("studio_compose", POST, LOOK),
    ("studio_generate", POST, MAKE),
    ("studio_read", GET, LOOK),
    ("studio_read", POST, LOOK),
    ("generation", GET, LOOK),
    ("generation_preview", GET, LOOK),
    ("generation_cancel", POST, MAKE),
    ("generation_retry", POST, MAKE),
    ("gallery", GET, LOOK),
    ("compare", GET, LOOK),
    ("picture", GET, LOOK),
    ("picture_file", GET, LOOK),
    ("picture_thumbnail", GET, LOOK),
    ("picture_credits", GET, LOOK),
    ("picture_rate", POST, MAKE),
    ("picture_reject", POST, MAKE),
    ("picture_replay", POST, MAKE),
    ("replay", GET, LOOK),
    # allauth's pages
    ("account_login", GET, OPEN),
    ("account_logout", GET, PERSON),
    ("account_inactive", GET, OPEN),
    ("account_signup", GET, OPEN),
    ("account_reauthenticate", GET, PERSON),
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
    ("mfa_generate_recovery_codes", GET, NOTHING),
    ("mfa_view_recovery_codes", GET, NOTHING),
    ("mfa_download_recovery_codes", GET, NOTHING),
)


def urls(patterns: list[Any] | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every URL of the site with its whole name."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name or pattern.pattern}", pattern
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from urls(pattern.url_patterns, inner)


PATTERNS = dict(urls())


@pytest.fixture
def stage(people, project, template) -> dict[str, Any]:
    """Return the arguments of every URL, for things of the project that really exist."""
    model = ModelFile.objects.create(
        kind="base",
        name="model",
        architecture="sd1",
        layout="diffusers",
        path=str(WEIGHTS),
        sha256="a" * 64,
        size_bytes=1,
        rights=Rights.objects.create(expression="CC0-1.0", state=Rights.State.CLEARED),
    )
    generation = Generation.objects.create(
        project=project,
        requested_by=people.editor,
        base_model=model,
        spec=spec().as_dict(),
        decision=decide_use(project, Action.GENERATE, [model]).as_dict(),
        idempotency_key="1",
    )
    write_preview(generation.id, Image.new("RGB", (64, 64), "red"))
    output = make_output(project, generation, people.editor)
    replay = Replay.objects.create(project=project, output=output, requested_by=people.editor)
    token, _secret = ApiToken.issue(people.editor, name="script", scopes=["read"])
    return {
        "slug": project.slug,
        "seq": 1,
        "user_id": people.viewer.id,
        "token_id": token.id,
        "template_id": template.id,
        "tslug": template.slug,
        "number": 1,
        "model_id": model.id,
        "generation_id": generation.id,
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


def make_output(project: Any, generation: Generation, person: Any) -> Output:
    """Write a picture as a worker would: files, ledger entry, row."""
    file = storage.store_bytes(settings.MEDIA_ROOT, "outputs", picture("PNG"), ".png")
    thumbnail = storage.store_bytes(settings.MEDIA_ROOT, "thumbnails", picture("WEBP"), ".webp")
    with transaction.atomic():
        payload = {"spec": spec().as_dict(), "environment": {}, "pixels_sha256": "b" * 64}
        actor = actor_hash(person.id)
        entry = append(project.id, "generation.output.created", actor=actor, subject="output:1", payload=payload)
    return Output.objects.create(
        project=project,
        generation=generation,
        index=0,
        spec=spec().as_dict(),
        recipe_sha256=spec().recipe_sha256(),
        seed=0,
        path=file.path,
        thumbnail=thumbnail.path,
        file_sha256=file.sha256,
        pixels_sha256="b" * 64,
        size_bytes=file.size,
        width=64,
        height=64,
        environment={},
        decision=generation.decision,
        license="CC0-1.0",
        ledger_seq=entry.seq,
        created_at=timezone.now(),
    )


def address(name: str, stage: dict[str, Any]) -> str:
    """Return the URL with the stage's arguments filled in."""
    return reverse(name, kwargs={key: stage[key] for key in PATTERNS[name].pattern.regex.groupindex})


def outcome(response: Any) -> str:
    """Return the letter of the table that an answer stands for."""
    is_login = response.status_code == 302 and response.url.startswith(reverse("account_login"))
    if is_login or response.status_code == 401:
        return "L"
    return {403: "F", 404: "N", 405: "405"}.get(response.status_code, "K")


def test_every_url_is_in_the_table():
    assert set(PATTERNS) - {name for name, _method, _who in TABLE} == set()


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
            seen[role] = outcome(getattr(client, method)(address(name, stage)))
            transaction.set_rollback(True)
    assert seen == dict(zip(CAST, who, strict=True))


WRITES = sorted({name for name, method, _who in TABLE if method == POST} - {n for n, m, _w in TABLE if m == GET})


@pytest.mark.parametrize("name", WRITES)
def test_a_get_never_reaches_what_writes(name, people, stage):
    client = Client()
    client.force_login(people.owner)
    assert client.get(address(name, stage)).status_code == 405
