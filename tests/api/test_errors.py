"""Every mistake is answered in the one documented shape."""

import logging

import pytest
from django.conf import settings
from django.test import RequestFactory
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle

from projects.protocol import MAX_JSON_DEPTH, problem_response

COMPOSE = "/api/v1/prompts/compose/"
JSON = "application/json"
BODIES = [
    ("broken", b'{"project": ', 400, "malformed"),
    ("empty", b"", 400, "invalid"),
    ("nan", b'{"guidance_scale": NaN}', 400, "malformed"),
    ("infinity", b'{"guidance_scale": -Infinity}', 400, "malformed"),
    ("not utf-8", b'"\xff"', 400, "malformed"),
    ("half a character", b'{"slots": {"\\ud800": "\\udfff"}}', 400, "malformed"),
    ("a number of 5000 digits", b'{"seed": ' + b"9" * 5_000 + b"}", 400, "malformed"),
    ("a list", b"[]", 400, "invalid"),
    ("a text", b'"x"', 400, "invalid"),
    ("100000 lists", b"[" * 100_000, 400, "too_deep"),
    ("100000 objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "too_deep"),
    ("one level too many", b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1), 400, "too_deep"),
    ("10 MB", b'{"project": "' + b"x" * 10_000_000 + b'"}', 413, "too_large"),
]


def error_of(response) -> dict:
    """Return the error after checking its shape."""
    body = response.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"code", "message", "fields", "details"}
    assert isinstance(error["code"], str)
    assert error["message"].strip()
    assert all(isinstance(each, list) and each for each in error["fields"].values())
    assert isinstance(error["details"], dict)
    return error


@pytest.mark.parametrize(("body", "status", "code"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_body_that_cannot_be_read_is_refused_in_words(caller, body, status, code):
    response = caller("editor").generic("POST", COMPOSE, body, content_type=JSON)
    assert (response.status_code, error_of(response)["code"]) == (status, code)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing/", "/api/v1/projects", "/api/v1/projects/a b/x/y/"])
def test_an_unknown_address_answers_json(db, method, path):
    response = getattr(APIClient(), method)(path)
    assert (response.status_code, error_of(response)["code"]) == (404, "not_found")


def test_what_is_not_yours_looks_like_what_is_not_there(caller):
    client = caller("stranger")
    answers = [client.get(f"/api/v1/projects/{slug}/") for slug in ("spring", "nowhere")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert error_of(answers[0]) == error_of(answers[1])


def test_a_role_that_is_too_small_is_told_so(caller):
    response = caller("viewer").patch("/api/v1/projects/spring/", {"name": "Mine"}, format="json")
    assert (response.status_code, error_of(response)["code"]) == (403, "forbidden")


def test_without_a_token_the_answer_says_how_to_send_one(db):
    response = APIClient().get("/api/v1/me/")
    assert (response.status_code, error_of(response)["code"]) == (401, "not_authenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("secret", ["dai_unknown", "é", "x" * 10_000])
def test_an_unknown_token_is_refused(db, secret):
    response = APIClient().get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"})
    assert (response.status_code, error_of(response)["code"]) == (401, "token_invalid")


def test_a_method_that_an_address_does_not_take(caller):
    response = caller("owner").put("/api/v1/projects/spring/", {}, format="json")
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")


def test_a_body_of_another_kind(caller):
    response = caller("editor").generic("POST", COMPOSE, b"<x/>", content_type="text/xml")
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_media_type")


def test_values_that_cannot_be_used_are_named(caller):
    body = {"project": "spring", "count": 9, "variables": {"a": ["b"]}, "width": "wide"}
    error = error_of(caller("editor").post(COMPOSE, body, format="json"))
    assert error["code"] == "invalid"
    assert set(error["fields"]) == {"count", "variables.a", "width"}


def test_a_cursor_that_no_page_gave_out(caller):
    for cursor in ("x", "cD1ub25zZW5zZQ==", "bz05OTk5OTk5OTk5OTk=&page_size=9"):
        for room in ("generations", "outputs", "projects/spring/ledger", "projects"):
            response = caller("editor").get(f"/api/v1/{room}/?cursor={cursor}")
            assert response.status_code in (200, 400)
            assert response.status_code == 200 or error_of(response)["code"] == "cursor_invalid"


def test_too_many_requests_say_when_to_come_back(caller, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"user": "2/min", "anon": "2/min"})
    client = caller("editor")
    answers = [client.get("/api/v1/me/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert error_of(answers[2])["code"] == "throttled"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 61
    assert caller("viewer").get("/api/v1/me/").status_code == 200


def test_a_defect_is_logged_and_answered_in_the_same_shape(caplog):
    request = RequestFactory().get("/api/v1/me/")
    with caplog.at_level(logging.ERROR):
        response = problem_response(RuntimeError("secret detail"), {"request": request})
    assert (response.status_code, response.data["error"]["code"]) == (500, "defect")
    assert "secret detail" not in response.data["error"]["message"]
    assert "secret detail" in caplog.text


def test_a_form_with_too_many_fields_is_refused(caller):
    many = {f"f{number}": "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    response = caller("editor").post("/api/v1/parameters/read/", many, format="multipart")
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


def test_an_upload_over_the_limit_is_refused_before_it_is_read(caller):
    body, kind = b"--x--\r\n", "multipart/form-data; boundary=x"
    length = str(settings.UPLOAD_MAX_BYTES * 2)
    response = caller("editor").generic(
        "POST", "/api/v1/parameters/read/", body, content_type=kind, CONTENT_LENGTH=length
    )
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


def test_answers_come_in_the_language_of_the_person_or_of_the_request(caller, people):
    people.editor.language = "ja"
    people.editor.save(update_fields=["language"])
    client = caller("editor")
    assert client.get("/api/v1/projects/nowhere/").headers["Content-Language"] == "ja"
    english = client.get("/api/v1/projects/nowhere/", headers={"Accept-Language": "en"})
    assert english.headers["Content-Language"] == "en"
