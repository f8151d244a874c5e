"""Tokens: what each scope opens, when a token stops to open anything, and what nobody may set."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from generation.models import Generation, PromptTemplate
from projects.models import ApiToken, Membership, Project, Scope
from tests.api.conftest import bearer
from tests.test_access_matrix import JUDGE, TABLE, ask, outcome, stage  # noqa: F401 - a fixture

GET = "get"
API = [(name, method, who) for name, method, who in TABLE if name.startswith("api-") and name != "api-unknown"]
WRITES = [(name, method) for name, method, _who in API if method != GET]
# Questions, not changes; whoever takes a picture out is only noted.
ASKS = {"api-decide", "api-ledger-verify", "api-output-download"}
MAKES = {"api-compose", "api-read", "api-generation-list", "api-generation-cancel", "api-generation-retry"}
MAKES |= {f"api-grid-{verb}" for verb in ("list", "plan", "cancel", "redraw")}
MAKES |= {f"api-output-{verb}" for verb in ("rate", "reject", "replay")} | {"api-replay-cancel"}
JUDGEMENTS = [name for name, _method, who in API if who == JUDGE]
IN_PROJECT = [(name, method) for name, method, who in API if who[1] == "N"]


def client_with(user, *scopes: str) -> Client:
    """Return Django's own client with a token, for the access table's addresses."""
    _token, secret = ApiToken.issue(user, name="test", scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {secret}"})


def status_of(client, name, method, stage) -> int:  # noqa: F811
    """Return the status of one row's request, and take back what it wrote."""
    with transaction.atomic():
        status = ask(client, name, method, stage).status_code
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize(("name", "method"), WRITES)
def test_a_reading_token_changes_nothing(people, stage, name, method):  # noqa: F811
    status = status_of(client_with(people.owner, "read"), name, method, stage)
    assert (status == 403) == (name not in ASKS)


@pytest.mark.parametrize(("name", "method"), WRITES)
def test_a_token_for_pictures_changes_nothing_else(people, stage, name, method):  # noqa: F811
    status = status_of(client_with(people.owner, "read", "generate"), name, method, stage)
    assert (status == 403) == (name not in ASKS | MAKES)


@pytest.mark.parametrize("name", JUDGEMENTS)
def test_without_the_scope_to_review_nobody_judges(people, stage, name):  # noqa: F811
    assert status_of(client_with(people.owner, "read", "generate", "edit"), name, "post", stage) == 403
    # 409 where a judgement has nothing to judge on the stage, as going back has where nothing was before.
    assert status_of(client_with(people.owner, "review"), name, "post", stage) in (200, 409)


@pytest.mark.parametrize(("name", "method"), IN_PROJECT)
def test_a_member_who_left_finds_nothing(people, stage, name, method):  # noqa: F811
    if name.startswith("api-token"):
        return
    Membership.objects.filter(user=people.reviewer).delete()
    # Whoever makes nothing anywhere sends no model to the disk, before any project is looked for.
    expected = 403 if (name, method) == ("api-model-list", "post") else 404
    assert status_of(client_with(people.reviewer, *Scope.values), name, method, stage) == expected


@pytest.mark.parametrize(("name", "method"), IN_PROJECT)
def test_a_strangers_token_finds_nothing(people, stage, name, method):  # noqa: F811
    with transaction.atomic():
        letter = outcome(ask(client_with(people.stranger, *Scope.values), name, method, stage))
        transaction.set_rollback(True)
    assert letter == "N"


def test_a_token_stops_at_its_end_when_revoked_and_with_its_person(caller, people):
    now = timezone.now()
    assert caller("editor").get("/api/v1/me/").status_code == 200
    assert caller("editor", expires_at=now).get("/api/v1/me/").status_code == 401
    assert caller("editor", revoked_at=now).get("/api/v1/me/").status_code == 401
    client = caller("editor")
    people.editor.is_active = False
    people.editor.save(update_fields=["is_active"])
    assert client.get("/api/v1/me/").status_code == 401


def test_a_browser_session_needs_the_csrf_token_to_write(people, project):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(people.owner)
    assert client.get("/api/v1/projects/spring/").status_code == 200
    refused = client.patch("/api/v1/projects/spring/", {"name": "X"}, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf")
    project.refresh_from_db()
    assert project.name == "Spring"


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(caller):
    client = caller("editor")
    made = client.post("/api/v1/tokens/", {"name": "ci", "scopes": ["read", "read"], "days": 3}, format="json").json()
    assert made["secret"].startswith("dai_")
    assert made["scopes"] == ["read"]
    listed = {each["id"]: each for each in client.get("/api/v1/tokens/").json()}
    assert "secret" not in listed[made["id"]]
    fresh = APIClient(headers={"Authorization": f"Bearer {made['secret']}"})
    assert fresh.get("/api/v1/me/").json()["email"] == "editor@example.com"
    assert client.delete(f"/api/v1/tokens/{made['id']}/").status_code == 204
    assert fresh.get("/api/v1/me/").status_code == 401


def test_a_token_makes_none_that_may_do_more_or_lives_longer(people):
    client = bearer(people.editor, "edit", expires_at=timezone.now() + timedelta(days=5))
    wider = client.post("/api/v1/tokens/", {"name": "x", "scopes": ["read"]}, format="json")
    assert (wider.status_code, wider.json()["error"]["code"]) == (403, "scope_too_wide")
    longer = client.post("/api/v1/tokens/", {"name": "x", "scopes": ["edit"], "days": 300}, format="json")
    assert longer.status_code == 201
    assert ApiToken.objects.get(id=longer.json()["id"]).expires_at < timezone.now() + timedelta(days=5)
    ending = bearer(people.editor, "edit", expires_at=timezone.now() + timedelta(hours=5))
    refused = ending.post("/api/v1/tokens/", {"name": "x", "scopes": ["edit"]}, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "token_ends")


SPRING = {"project": "spring"}
NEW = {**SPRING, "slug": "n", "name": "N", "body": {}}
FORGED = [
    ("post", "generations/", {**SPRING, "status": "succeeded"}, "status"),
    ("post", "generations/", {**SPRING, "requested_by": "x"}, "requested_by"),
    ("post", "generations/", {**SPRING, "decision": {}}, "decision"),
    ("post", "generations/", {**SPRING, "num_inference_step": 4}, "num_inference_step"),
    ("post", "templates/", {**NEW, "created_by": "x"}, "created_by"),
    ("post", "templates/", {**NEW, "approved_by": "x"}, "approved_by"),
    ("patch", "projects/spring/", {"slug": "other"}, "slug"),
    ("patch", "projects/spring/", {"id": "x"}, "id"),
    ("patch", "projects/spring/", {"role": "owner"}, "role"),
    ("post", "projects/spring/members/", {"email": "stranger@example.com", "role": "viewer", "user": "x"}, "user"),
    ("post", "terms/", {**SPRING, "ja": "空", "en": "sky", "slot": "light", "id": 1}, "id"),
    ("post", "tokens/", {"name": "x", "scopes": ["read"], "user": "x"}, "user"),
    ("post", "rights/decide/", {**SPRING, "action": "publish", "models": [], "approved_by": "x"}, "approved_by"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), FORGED, ids=[f"{row[1]}{row[3]}" for row in FORGED])
def test_what_is_not_a_persons_to_say_is_refused_by_name(caller, project, method, path, body, field):
    client = caller("owner")
    response = getattr(client, method)(f"/api/v1/{path}", body, format="json", headers={"Idempotency-Key": "forged"})
    assert response.status_code == 400
    assert field in response.json()["error"]["fields"]
    assert not Generation.objects.exists()
    assert not PromptTemplate.objects.exists()
    assert Project.objects.filter(id=project.id, slug="spring").exists()


def test_a_version_cannot_be_given_another_number_or_project(caller, template):
    path = f"/api/v1/templates/{template.id}/versions/"
    for field in ("number", "project", "template"):
        response = caller("editor").post(path, {"body": {}, field: 7}, format="json")
        assert field in response.json()["error"]["fields"]
    assert template.versions.count() == 1


def test_a_picture_cannot_be_moved_by_rating_it(caller, output):
    response = caller("editor").post(
        f"/api/v1/outputs/{output.id}/rate/", {"rating": 5, "project": "elsewhere"}, format="json"
    )
    assert response.status_code == 400
    output.refresh_from_db()
    assert output.rating == 0
