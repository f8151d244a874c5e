"""Licence × action × purpose × role × entry point: no way into the house gives more than the algebra allows.

What is expected is computed from plain facts; what happens is asked of the services, the API, the portal's forms, the
commands and the import, which all lead to the same gates.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from assets.licensing import Verdict, decide
from assets.models import DatasetVersion, ImportBatch, ModelFile, ModelSource, Picture, Rights
from assets.services import clear_rights, decide_pictures, decide_use
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.exports import export_version
from assets.services.import_steps import confirm
from generation.composing import Adapter, PictureRequest
from generation.models import Generation
from generation.services.generations import submit_generation
from projects.models import Role, Scope
from projects.problems import Problem
from projects.services import set_role
from tests.api.rights_facts import add_model
from tests.api.test_errors import error_of
from tests.assets.material import encoded, picture, tried, upload, walk
from tests.assets.rights_cast import context
from tests.assets.rights_rows import NEWS, OWN, STARTER, STOCK, lesson, lora, photo
from tests.engine.test_adapters import starter_lora

# What the training picture is declared as, and what a reviewer has said.
LICENSES = {
    "CC0-1.0": ("CC0-1.0", "cleared"),
    "CC-BY-4.0": ("CC-BY-4.0", "cleared"),
    "CC-BY-SA-4.0": ("CC-BY-SA-4.0", "cleared"),
    "CC-BY-NC-4.0": ("CC-BY-NC-4.0", "cleared"),
    "CC-BY-ND-4.0": ("CC-BY-ND-4.0", "cleared"),
    "editorial": (NEWS, "cleared"),
    "stock": (STOCK, "cleared"),
    "unknown": ("", "cleared"),
    "pending": ("CC0-1.0", "pending"),
    "refused": ("CC0-1.0", "refused"),
    "withdrawn": ("CC0-1.0", "withdrawn"),
}
PURPOSES = ("commercial", "advertising", "editorial", "noncommercial")
ACTIONS = ("train", "generate", "publish", "weights", "host", "merge")
GENERATIONS, ASK = "/api/v1/generations/", "/api/v1/rights/decide/"


def expected(action: str, name: str, purpose: str, *, with_models: bool) -> Verdict:
    """Return what the algebra says of an adapter that learned from such a picture, or of the picture itself."""
    license_id, state = LICENSES[name]
    things = [lesson("picture", license_id, state=state)]
    if with_models:
        things = [STARTER, lora("LoRA", OWN), *things]
    elif action == "publish":
        things = [photo("picture", license_id, state=state, edge="itself")]
    return decide(action, [each.as_input() for each in things], context(purpose=purpose)).verdict


@pytest.fixture
def house(people: Any, project: Any) -> SimpleNamespace:
    """Return a base model, and for every licence a picture, a frozen version, and an adapter that learned from it."""
    base = add_model(project, STARTER)
    rooms: dict[str, SimpleNamespace] = {}
    for seed, (name, (license_id, state)) in enumerate(LICENSES.items(), 1):
        kept = picture(people.editor, project, seed, license_id)
        Rights.objects.filter(pk=kept.rights_id).update(state=state)
        dataset = create_dataset(people.editor, project, name=name)
        add_items(people.editor, dataset, [kept])
        version = freeze_version(people.editor, dataset)
        adapter = add_model(project, lora(name, OWN))
        ModelFile.objects.filter(pk=adapter.pk).update(method="lora")
        ModelSource.objects.create(product=adapter, role="derived_from", file=base)
        ModelSource.objects.create(product=adapter, role="trained_on", dataset_version=version)
        rooms[name] = SimpleNamespace(picture=kept, dataset=dataset, version=version, adapter=adapter)
    return SimpleNamespace(base=base, rooms=rooms)


def aim(project: Any, purpose: str) -> None:
    """Let the project be for something."""
    project.purpose = purpose
    project.save(update_fields=["purpose"])


def by_service(people: Any, project: Any, house: Any, room: Any) -> bool:
    """Ask for a picture as the services do; say whether it was let through."""
    adapters = (Adapter(file=ModelFile.objects.get(pk=room.adapter.pk), weight=0.7),)
    request = PictureRequest(base_model=house.base, adapters=adapters, slots={"subject": "a fox"}, width=64, height=64)
    try:
        submit_generation(people.editor, project, request, key=str(uuid.uuid4()))
    except Problem as problem:
        if problem.code != "rights_blocked":
            raise
        return False
    return True


def by_api(client: Any, house: Any, room: Any) -> int:
    """Ask for a picture as scripts do."""
    body = {
        "project": "spring",
        "base_model": str(house.base.id),
        "adapters": [{"id": str(room.adapter.id)}],
        "slots": {"subject": "a fox"},
        "width": 64,
        "height": 64,
    }
    key = {"Idempotency-Key": str(uuid.uuid4())}
    return int(client.post(GENERATIONS, body, format="json", headers=key).status_code)


def by_form(client: Any, house: Any, room: Any) -> int:
    """Ask for a picture as the Studio's form does."""
    form = {
        "idempotency_key": str(uuid.uuid4()), "subject": "a fox", "base_model": str(house.base.id), "width": "64",
        "height": "64", "num_inference_steps": "4", "guidance_scale": "3", "scheduler": "dpmpp_2m", "seed": "1",
        "count": "1", "quality": "draft", "adapter": str(room.adapter.id), "adapter_weight": "0.7",
    }  # fmt: skip
    return int(client.post(reverse("studio_generate", args=["spring"]), form).status_code)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_generating_is_open_exactly_where_the_algebra_opens_it(caller, signed_in, people, project, house, purpose):
    aim(project, purpose)
    script, browser = caller("editor"), signed_in("editor")
    wanted = {name: expected("generate", name, purpose, with_models=True) is Verdict.ALLOW for name in LICENSES}
    assert set(wanted.values()) == {True, False}
    ways: dict[str, Callable[[Any], bool]] = {
        "service": lambda room: by_service(people, project, house, room),
        "API": lambda room: by_api(script, house, room) == 201,
        "portal": lambda room: by_form(browser, house, room) == 302,
    }
    for way, ask in ways.items():
        assert {name: ask(room) for name, room in house.rooms.items()} == wanted, way
    assert Generation.objects.count() == sum(wanted.values()) * len(ways)


CALLERS = [
    ("a viewer", "viewer", tuple(Scope.values), {}, 403),
    ("a stranger", "stranger", tuple(Scope.values), {}, 404),
    ("a token to read", "editor", ("read",), {}, 403),
    ("a token to edit", "editor", ("read", "edit"), {}, 403),
    ("a token to review", "owner", ("review",), {}, 403),
    ("an expired token", "editor", tuple(Scope.values), {"expires_at": -1}, 401),
    ("a revoked token", "editor", tuple(Scope.values), {"revoked_at": -1}, 401),
]


@pytest.mark.parametrize(
    ("who", "scopes", "fields", "status"), [row[1:] for row in CALLERS], ids=[r[0] for r in CALLERS]
)
def test_nobody_generates_who_may_not_whatever_the_licence(
    caller, signed_in, project, house, who, scopes, fields, status
):
    times = {name: timezone.now() + timedelta(days=days) for name, days in fields.items()}
    client = caller(who, *scopes, **times)
    assert {by_api(client, house, room) for room in house.rooms.values()} == {status}
    if who in ("viewer", "stranger"):
        assert {by_form(signed_in(who), house, room) for room in house.rooms.values()} == {status}
    assert not Generation.objects.exists()


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_endpoint_answers_what_the_algebra_decides(caller, project, house, purpose):
    aim(project, purpose)
    project.refresh_from_db()
    client, at = caller("viewer", "read"), timezone.now()
    for action in ACTIONS:
        for name, room in house.rooms.items():
            asked = {"project": "spring", "action": action, "at": at.isoformat()}
            models = {"models": [str(house.base.id), str(room.adapter.id)]}
            answer = client.post(ASK, asked | models, format="json").json()
            service = decide_use(project, action, [house.base, room.adapter], at=at)
            pure = expected(action, name, purpose, with_models=True)
            assert (answer["verdict"], answer["sha256"]) == (pure.value, service.sha256()), (action, name)
            pictures = {"pictures": [str(room.picture.id)]}
            answer = client.post(ASK, asked | pictures, format="json").json()
            assert answer["verdict"] == expected_alone(action, name, purpose).value, (action, name)


def expected_alone(action: str, name: str, purpose: str) -> Verdict:
    """Return what the algebra says of a picture alone, as the gate takes it."""
    if action == "generate":
        license_id, state = LICENSES[name]
        return decide(action, [photo("picture", license_id, state=state).as_input()], context(purpose=purpose)).verdict
    return expected(action, name, purpose, with_models=False)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_freezing_says_the_train_gates_answer_and_exporting_heeds_the_publish_gate(
    caller, signed_in, people, project, house, purpose
):
    aim(project, purpose)
    script, browser = caller("editor"), signed_in("editor")
    wanted = {name: expected("publish", name, purpose, with_models=False) is Verdict.ALLOW for name in LICENSES}
    seen: dict[str, dict[str, bool]] = {"service": {}, "API": {}, "portal": {}}
    for name, room in house.rooms.items():
        one = f"/api/v1/datasets/{room.dataset.id}/"
        script.patch(one, {"trigger": "skszzz"}, format="json")
        frozen = script.post(f"{one}versions/", {}, format="json").json()
        train = expected("train", name, purpose, with_models=False).value
        assert (frozen["verdict"], frozen["now"]["verdict"]) == (train, train), name
        version = DatasetVersion.objects.select_related("dataset__project").get(pk=frozen["id"])
        seen["service"][name] = exports(people.editor, version)
        sent = script.post(f"{one}versions/2/export/", {"format": "folder"}, format="json")
        assert sent.status_code == 200 or error_of(sent)["code"] == "export_blocked"
        seen["API"][name] = sent.status_code == 200
        form = {"format": "folder", "language": "en", "repeats": 1, "resolution": 512, "texts": "captions"}
        page = browser.post(reverse("dataset_export", args=["spring", room.dataset.slug, 2]), form)
        seen["portal"][name] = page.headers["Content-Type"] == "application/zip"
    assert seen == dict.fromkeys(seen, wanted)


def exports(user: Any, version: DatasetVersion) -> bool:
    """Say whether a version leaves the house by the service."""
    try:
        export_version(user, version, format="folder", url="https://example.com/", language="en").file.close()
    except Problem as problem:
        if problem.code != "export_blocked":
            raise
        return False
    return True


def ways_to_clear(caller: Any, signed_in: Any, kept: Picture, people: Any, who: str) -> Iterator[tuple[str, bool]]:
    """Try every way to clear a picture, and yield which it was and whether it worked."""
    person = getattr(people, who)
    try:
        clear_rights(Picture.objects.get(pk=kept.pk), reviewer=person)
        yield "service", True
    except Problem:
        yield "service", False
    answer = caller(who).post(f"/api/v1/reviews/{kept.rights_id}/clear/")
    yield "API", answer.status_code == 200
    answer = signed_in(who).post(reverse("review_clear", args=["spring"]), {"ids": str(kept.rights_id)})
    yield "portal", answer.status_code == 302
    for field in ("state", "cleared_by"):
        path = f"/api/v1/pictures/{kept.id}/rights/"
        yield field, caller(who).patch(path, {field: "cleared"}, format="json").status_code == 200


@pytest.mark.parametrize("who", ["reviewer", "owner", "editor", "viewer", "stranger"])
def test_nobody_clears_what_they_submitted_nor_without_the_role(caller, signed_in, people, project, who):
    kept = picture(getattr(people, who), project)
    assert {way: worked for way, worked in ways_to_clear(caller, signed_in, kept, people, who) if worked} == {}
    assert Rights.objects.get(pk=kept.rights_id).state == "pending"


def test_a_submitter_who_becomes_owner_still_does_not_clear(caller, signed_in, people, project):
    kept = picture(people.editor, project)
    set_role(project, actor=people.owner, user=people.editor, role=Role.OWNER)
    assert not any(worked for _way, worked in ways_to_clear(caller, signed_in, kept, people, "editor"))


def test_who_edits_rights_submits_them(caller, signed_in, people, project):
    kept = picture(people.editor, project)
    caller("reviewer").patch(f"/api/v1/pictures/{kept.id}/rights/", {"expression": "CC-BY-4.0"}, format="json")
    assert not any(worked for _way, worked in ways_to_clear(caller, signed_in, kept, people, "reviewer"))


@pytest.mark.parametrize("scopes", [("read",), ("read", "edit"), ("read", "generate", "edit")])
def test_a_reviewers_token_without_the_scope_clears_refuses_and_withdraws_nothing(caller, people, project, scopes):
    kept = picture(people.editor, project)
    client = caller("reviewer", *scopes)
    for path in (f"reviews/{kept.rights_id}/clear/", f"reviews/{kept.rights_id}/refuse/"):
        assert client.post(f"/api/v1/{path}", {"reason": "x"}, format="json").status_code == 403
    path = f"/api/v1/withdrawals/{kept.rights_id}/withdraw/"
    assert client.post(path, {"reason": "x"}, format="json").status_code == 403
    assert Rights.objects.get(pk=kept.rights_id).state == "pending"


def test_a_scope_to_review_makes_no_reviewer(caller, people, project):
    kept = picture(people.reviewer, project)
    for who, status in (("viewer", 403), ("editor", 403), ("stranger", 404)):
        client = caller(who, "review")
        assert client.post(f"/api/v1/reviews/{kept.rights_id}/clear/").status_code == status
        path = f"/api/v1/withdrawals/{kept.rights_id}/withdraw/"
        assert client.post(path, {"reason": "x"}, format="json").status_code == status


def test_a_bulk_import_brings_in_nothing_that_is_cleared(caller, people, project):
    aim(project, "noncommercial")
    names = {name: license_id for name, (license_id, state) in LICENSES.items() if state == "cleared"}
    source = "https://example.com/a"
    rows = "".join(f"{n}.png,{license_id},{source}\n" for n, license_id in enumerate(names.values(), 100))
    files = [upload(f"{n}.png", encoded(n)) for n in range(100, 100 + len(names))]
    batch = tried(people.owner, project, *files, upload("t.csv", f"file,license,source_url\n{rows}".encode()))
    answers = {each: each for each in names.values() if each}
    confirm(batch, confirmed=answers, user=people.owner)
    walk(batch)
    for n, (name, license_id) in enumerate(names.items(), 100):
        kept = Picture.objects.select_related("rights").get(name=f"{n}.png")
        assert (kept.rights.state, kept.rights.expression) == ("pending", license_id)
        assert decide_pictures(project, "train", [kept]).verdict is Verdict.BLOCK
        assert caller("owner").post(f"/api/v1/reviews/{kept.rights_id}/clear/").status_code == 409
        path = f"/api/v1/reviews/{kept.rights_id}/clear/"
        assert caller("reviewer").post(path).status_code == (200 if license_id else 409)
        if not license_id:
            said = {"reason": "nothing opens by it"}
            assert caller("reviewer").post(path, said, format="json").status_code == 200
        kept = Picture.objects.get(pk=kept.pk)
        wanted = expected("train", name, "noncommercial", with_models=False)
        assert decide_pictures(project, "train", [kept]).verdict is wanted, name
    assert ImportBatch.objects.get().step == "imported"


def test_the_commands_keep_to_the_same_rules(caller, people, project, starter):
    Rights.objects.filter(pk=starter.rights_id).update(state="pending", submitted_by=people.reviewer)
    room = {
        "project": "spring",
        "base_model": str(starter.id),
        "slots": {"subject": "a fox"},
        "width": 64,
        "height": 64,
    }

    def ask() -> int:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return int(caller("editor").post(GENERATIONS, room, format="json", headers=key).status_code)

    assert ask() == 409
    for email in ("reviewer@example.com", "owner@example.com", "editor@example.com", "nobody@example.com"):
        with pytest.raises(CommandError):
            call_command("clear_rights", starter.sha256, by=email)
    assert ask() == 409
    call_command("register_model", starter.file, name="Mine", license="CC0-1.0", by="owner@example.com")
    assert Rights.objects.get(pk=starter.rights_id).state == "pending"
    call_command("house_staff", "owner@example.com")
    call_command("clear_rights", starter.sha256, by="owner@example.com")
    assert ask() == 201


def test_an_adapter_from_the_command_line_waits_like_any_other(people, project, starter, tmp_path):
    file = starter_lora(tmp_path / "a.safetensors")
    call_command(
        "register_model", file, kind="adapter", name="A", license="CC0-1.0", by="owner@example.com", project="spring",
        base=[starter.sha256],
    )  # fmt: skip
    adapter = ModelFile.objects.get(kind="adapter")
    assert decide_use(project, "generate", [starter, adapter]).verdict is Verdict.BLOCK
    with pytest.raises(CommandError):
        call_command("clear_rights", adapter.sha256, by="owner@example.com")
    assert adapter.rights.state == "pending"
