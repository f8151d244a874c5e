"""A team's own licences through the API: the portal's services, four eyes, and scopes."""

import pytest

from assets.models import OwnLicense
from tests.api.test_errors import error_of
from tests.api.test_rights import NOBODYS, post
from tests.assets.own_licenses import NAME, agreed, contract
from tests.assets.test_own_licenses import standing

LICENSES, ASK = "/api/v1/own-licenses/", "/api/v1/rights/decide/"
SPRING = {"project": "spring"}


def written(caller, **changes):
    """Write a version as the owner."""
    return post(caller("owner"), LICENSES, {**SPRING, "content": contract(**changes), "note": "first"})


def test_it_is_written_by_an_owner_approved_by_another_and_asked_about(caller, people, project):
    harbour = standing(people, project)
    question = {**SPRING, "action": "publish", "pictures": [str(harbour.id)]}
    made = written(caller)
    row, one = made.json(), f"{LICENSES}{made.json()['id']}/"
    assert (made.status_code, row["license_id"], row["number"], row["state"]) == (201, NAME, 1, "waiting")
    assert post(caller("viewer", "read"), ASK, question).json()["verdict"] == "block"
    own = post(caller("owner"), f"{one}approve/")
    assert (own.status_code, error_of(own)["code"]) == (409, "four_eyes")
    assert post(caller("reviewer"), f"{one}approve/").json()["state"] == "holds"
    assert post(caller("viewer", "read"), ASK, question).json()["verdict"] == "allow"
    second = written(caller, commercial="deny").json()
    assert post(caller("reviewer"), f"{LICENSES}{second['id']}/approve/").json()["number"] == 2
    assert [each["state"] for each in caller("viewer", "read").get(LICENSES, SPRING).json()["results"]] == [
        "holds",
        "replaced",
    ]
    assert post(caller("viewer", "read"), ASK, question).json()["verdict"] == "block"
    assert post(caller("reviewer"), f"{LICENSES}{second['id']}/end/").json()["state"] == "ended"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"id": "CC0-1.0"}, "own_id_unreadable"),
        ({"name": 7}, "profile_unreadable"),
        ({"clauses": []}, "profile_unreadable"),
        ({"license_url": "javascript:alert(1)"}, "profile_unreadable"),
        ({"obligations": [7]}, "profile_unreadable"),
        ({"number": 10**40}, "invalid"),
    ],
)
def test_content_that_is_no_profile_is_refused_in_words(caller, people, project, content, code):
    answer = post(caller("owner"), LICENSES, {**SPRING, "content": {**contract(), **content}})
    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    assert error_of(answer)["message"]
    assert not OwnLicense.objects.exists()


def test_evidence_has_to_be_the_projects(caller, people, project):
    answer = post(caller("owner"), LICENSES, {**SPRING, "content": contract(), "evidence": NOBODYS})
    assert error_of(answer)["code"] == "evidence_unknown"


def test_only_an_owner_writes_and_only_a_review_scope_approves(caller, people, project):
    refused = post(caller("reviewer"), LICENSES, {**SPRING, "content": contract()})
    assert (refused.status_code, OwnLicense.objects.count()) == (403, 0)
    row = agreed(people, project)
    assert post(caller("reviewer", "edit"), f"{LICENSES}{row.id}/end/").status_code == 403
    assert caller("stranger", "read").get(f"{LICENSES}{row.id}/").status_code == 404
