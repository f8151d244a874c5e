"""A team's own licences: written by one person, approved by another, read by the algebra like any other."""

import json

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import override

from assets.import_pages import questions_of
from assets.license_facts import differences, lines_of
from assets.licensing import Action, Decision, LicensingError, Verdict, decide, explain, license_name, obligations_text
from assets.licensing.profiles import house_profiles, profile_schema, read_own
from assets.licensing.terms import PERMISSIONS
from assets.models import OwnLicense, Rights, RightsChange
from assets.services import decide_pictures
from assets.services.licenses import approve_license, end_license, write_license
from generation.models import Output
from generation.services.lineages import publishable
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import encoded, picture, tried, upload, zipped
from tests.assets.own_licenses import NAME, agreed, clause, contract
from tests.assets.rights_cast import context, photo

FORM = {"short_name": "Tanaka", "name_ja": "田中", "kind": "contract", "whole_clause": "§1", "whole_en": "as agreed"}


def own(**changes):
    profile = read_own(json.dumps({**contract(**changes), "version": "1", "spdx": False}))
    return {profile.id: profile}


# The algebra


def test_a_profile_counts_only_in_circumstances_that_hold_it():
    inputs = [photo("Harbour", NAME, creator="田中")]
    assert decide("publish", inputs, context()).verdict is Verdict.BLOCK
    assert decide("publish", inputs, context(own_profiles=own())).verdict is Verdict.ALLOW
    assert decide("publish", inputs, context(own_profiles=own(commercial="deny"))).verdict is Verdict.BLOCK
    assert decide("publish", inputs, context(own_profiles=own(share_adapted="review"))).verdict is Verdict.REVIEW


def test_an_answer_names_the_contract_and_its_clause_in_both_languages():
    decision = decide("publish", [photo("Harbour", NAME)], context(own_profiles=own(commercial="deny")))
    [english], [japanese] = explain(decision, "en"), explain(decision, "ja")
    assert "“Harbour”: Tanaka frame contract does not allow commercial use." in english
    assert "[Tanaka frame contract §commercial: as agreed]" in english
    assert "田中写真事務所 基本契約" in japanese
    assert "契約のとおり" in japanese
    assert license_name(decision, "ja") == "田中写真事務所 基本契約"


def test_its_duties_are_owed():
    decision = decide("publish", [photo("Harbour", NAME, creator="田中")], context(own_profiles=own()))
    assert "Tanaka frame contract, https://example.com/contract" in obligations_text(decision, "en")


def test_a_decision_keeps_the_profiles_that_it_was_made_with_and_no_others():
    two = {**own(), **own(id="LicenseRef-Own-Other")}
    decision = decide("publish", [photo("Harbour", NAME)], context(own_profiles=two))
    again = Decision.from_dict(json.loads(json.dumps(decision.as_dict())))
    assert set(again.context.own_profiles) == {NAME}
    assert again.profiles[NAME] == "1"
    assert again.sha256() == decision.sha256()
    assert decide(again.action, again.inputs, again.context).as_dict() == decision.as_dict()


def test_without_own_licences_a_decision_is_written_as_it_always_was():
    decision = decide("publish", [photo("Harbour", "CC0-1.0")], context(own_profiles=own()))
    assert "own_profiles" not in decision.as_dict()["context"]
    assert decision.sha256() == decide("publish", [photo("Harbour", "CC0-1.0")], context()).sha256()


def test_it_stands_beside_other_licences_in_an_expression():
    both = [photo("Harbour", f"CC-BY-NC-4.0 AND {NAME}")]
    assert decide("publish", both, context(own_profiles=own())).verdict is Verdict.BLOCK
    either = [photo("Harbour", f"CC-BY-NC-4.0 OR {NAME}", branch=NAME)]
    assert decide("publish", either, context(own_profiles=own())).verdict is Verdict.ALLOW


def test_no_own_profile_takes_the_place_of_a_known_licence():
    named = {"CC-BY-NC-4.0": own()[NAME]}
    assert decide("publish", [photo("Harbour", "CC-BY-NC-4.0")], context(own_profiles=named)).verdict is Verdict.BLOCK


@pytest.mark.parametrize("known", house_profiles().values(), ids=lambda each: each.id)
def test_the_shape_is_that_of_the_profiles_that_ship(known):
    assert list(profile_schema().iter_errors(dict(known.content))) == []


BAD = [
    ({"id": "CC-BY-4.0"}, "own_id_unreadable"),
    ({"id": "LicenseRef-Own-"}, "own_id_unreadable"),
    ({"id": "LicenseRef-Own-a b"}, "own_id_unreadable"),
    ({"id": "LicenseRef-Own-" + "a" * 66}, "own_id_unreadable"),
    ({"kind": "policy"}, "own_kind_unknown"),
    ({"name": "Tanaka"}, "profile_unreadable"),
    ({"license_url": "javascript:alert(1)"}, "profile_unreadable"),
    ({"clauses": {"whole": {"clause": "§1", "quote": "as agreed"}, "credit": clause("§4")}}, "profile_unreadable"),
    ({"clauses": {"whole": clause("§1")}}, "profile_unreadable"),
    ({"obligations": ["credit"]}, "profile_unreadable"),
    ({"obligations": [{"kind": "attribution", "on": ["moon"], "clause": "credit"}]}, "profile_unreadable"),
    ({"ceilings": [{"amount": "NaN", "currency": "USD", "inclusive": True}]}, "profile_unreadable"),
    ({"permissions": {"train": "perhaps"}}, "profile_unreadable"),
    ({"permissions": {"train": "deny"}}, "profile_unreadable"),
    ({"permissions": {"fly": "allow"}}, "profile_unreadable"),
    ({"parameters": {"shoe_size": [1, 2]}}, "own_parameter_unknown"),
    ({"surprise": True}, "profile_unreadable"),
]


@pytest.mark.parametrize(("changes", "code"), BAD)
def test_what_is_no_whole_profile_is_refused(changes, code):
    content = {**contract(), "version": "1", "spdx": False, **changes}
    with pytest.raises(LicensingError) as refused:
        read_own(json.dumps(content))
    assert refused.value.code == code


CHANGES = [
    {"name": {"en": "Another", "ja": "田中写真事務所 基本契約"}},
    {"name": {"en": "Tanaka frame contract", "ja": "別の契約"}},
    {"kind": "public_license"},
    {"license_url": "https://example.com/other"},
    {"source_url": "https://example.com/source"},
    {"text": "contract.pdf"},
    {"text_sha256": "a" * 64},
    {"retrieved_at": "2026-04-01"},
    {"train": "unknown"},
    {"obligations": []},
    {"obligations": [{"kind": "attribution", "on": ["output"], "clause": "credit"}]},
    {"obligations": [{"kind": "notice", "on": ["output", "weights", "host"], "clause": "credit"}]},
    {"restrictions": [{"code": "no_faces", "on": ["output"], "clause": "credit"}]},
    {"restrictions": [{"code": "no_faces", "on": ["output"], "clause": "credit", "pass_on": ["weights"]}]},
    {"purposes": ["editorial"]},
    {"outbound": ["CC-BY-SA-4.0"]},
    {"outbound": []},
    {"ceilings": [{"amount": "1000", "currency": "USD", "inclusive": True}]},
    {"ceilings": [{"amount": "1000", "currency": "USD", "inclusive": False}]},
    {"parameters": {"training_allowed": [False, True]}},
    {"rules": [{"parameter": "scope", "test": "has", "value": "caps", "then": {"train": "deny"}, "clause": "credit"}]},
    {"rules": [{"parameter": "scope", "test": "lacks", "value": "caps", "then": {}, "clause": "credit"}]},
    {"clauses": {"whole": clause("§1"), "credit": clause("§4", "name the photographer", "撮影者名")}},
    {"clauses": {"whole": clause("§1"), "credit": clause("§4", "name them", "撮影者名を示す")}},
    {"clauses": {"whole": clause("§2"), "credit": clause("§4", "name the photographer", "撮影者名を示す")}},
    {"clauses": {**contract()["clauses"], "releases": clause("§8")}},
]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_whoever_approves_sees_every_change(language):
    said = [own(**change)[NAME] for change in ({}, *CHANGES)]
    with override(language):
        for place, before in enumerate(said):
            for other, after in enumerate(said):
                found = differences(before, after)
                assert bool(found) is (place != other), (place, other)
                assert all(then != now for _name, then, now in found)


@pytest.mark.parametrize("known", house_profiles().values(), ids=lambda each: each.id)
def test_every_known_licence_can_be_read_in_full(known):
    for language in ("en", "ja"):
        with override(language):
            said = dict(lines_of(known))
            assert len(said) > 10
            assert all(said.values())


# Four eyes, versions, and what happens at once

pytestmark = pytest.mark.django_db


def verdict(project, thing, action=Action.PUBLISH):
    return decide_pictures(project, action, [thing]).verdict


def standing(people, project):
    """Return a picture under the contract, cleared at a time when it counted."""
    added = picture(people.editor, project, expression=NAME)
    Rights.objects.filter(pk=added.rights_id).update(state="cleared")
    added.refresh_from_db()
    return added


def refused(function, *args, **options):
    with pytest.raises(Problem) as problem:
        function(*args, **options)
    return problem.value.code


def test_it_counts_from_approval_by_a_second_person(people, project):
    harbour = standing(people, project)
    row = write_license(people.owner, project, contract())
    assert verdict(project, harbour) is Verdict.BLOCK
    assert refused(approve_license, row, approver=people.owner) == "four_eyes"
    assert refused(approve_license, row, approver=people.editor) == "not_reviewer"
    assert verdict(project, harbour) is Verdict.BLOCK
    approve_license(row, approver=people.reviewer)
    assert verdict(project, harbour) is Verdict.ALLOW
    assert refused(approve_license, row, approver=people.reviewer) == "not_pending"


def test_the_database_holds_four_eyes_too(people, project):
    row = write_license(people.owner, project, contract())
    with pytest.raises(IntegrityError), transaction.atomic():
        OwnLicense.objects.filter(pk=row.pk).update(approved_by=people.owner)


def test_a_new_version_waits_while_the_old_one_counts(people, project):
    harbour = standing(people, project)
    agreed(people, project)
    second = write_license(people.owner, project, contract(commercial="deny"), note="No  more advertising")
    assert (second.number, second.note, second.content["version"]) == (2, "No more advertising", "2")
    assert verdict(project, harbour) is Verdict.ALLOW
    assert refused(write_license, people.owner, project, contract()) == "version_waits"
    approve_license(second, approver=people.reviewer)
    assert verdict(project, harbour) is Verdict.BLOCK


def test_a_declined_version_changes_nothing(people, project):
    harbour = standing(people, project)
    agreed(people, project)
    second = write_license(people.owner, project, contract(commercial="deny"))
    end_license(second, actor=people.reviewer)
    assert verdict(project, harbour) is Verdict.ALLOW
    assert write_license(people.owner, project, contract()).number == 3


def test_an_ended_licence_is_unknown_again_and_no_older_version_comes_back(people, project):
    harbour = standing(people, project)
    agreed(people, project)
    second = agreed(people, project)
    end_license(second, actor=people.reviewer)
    assert verdict(project, harbour) is Verdict.BLOCK
    assert refused(end_license, second, actor=people.reviewer) == "not_pending"


def test_another_project_knows_nothing_of_it(people, project):
    agreed(people, project)
    elsewhere = Project.objects.get(slug="elsewhere")
    assert OwnLicense.objects.profiles_in(elsewhere) == {}


def test_every_step_stands_in_the_ledger_and_counts_as_a_change(people, project):
    harbour = standing(people, project)
    revision = Rights.objects.get(pk=harbour.rights_id).revision
    row = agreed(people, project)
    end_license(row, actor=people.reviewer)
    entries = Entry.objects.filter(chain=project.id, event__startswith="assets.license.").order_by("seq")
    events = ["assets.license.written", "assets.license.approved", "assets.license.ended"]
    assert [entry.event for entry in entries] == events
    assert json.loads(entries[0].payload)["content"] == row.content
    changes = RightsChange.objects.filter(rights=harbour.rights_id, revision__gt=revision)
    assert [(each.event, each.revision) for each in changes] == [
        ("assets.license.approved", revision + 1),
        ("assets.license.ended", revision + 2),
    ]


def test_pictures_below_it_close_and_open_at_once(people, project, starter):
    agreed(people, project)
    version = frozen(people, project, [NAME, NAME])
    [output] = drawn_with(people, project, starter, learned(people, project, starter, version))
    rows = Output.objects.filter(project=project)
    assert list(publishable(rows, project)) == [output]
    agreed(people, project, commercial="deny")
    assert list(publishable(rows, project)) == []
    agreed(people, project)
    assert list(publishable(rows, project)) == [output]


def test_a_large_profile_is_refused(people, project):
    long = {f"c{number}": clause("§" + "9" * 59, "a" * 300, "あ" * 300) for number in range(70)}
    content = contract(clauses={**contract()["clauses"], **long})
    assert refused(write_license, people.owner, project, content) == "profile_too_large"
    assert not OwnLicense.objects.exists()


# The portal


def page(client, name, *args, **query):
    return client.get(reverse(name, args=args), query)


def test_an_owner_begins_with_a_known_licence_and_a_reviewer_approves(people, project, client):
    client.force_login(people.owner)
    shown = page(client, "license_new", "spring", **{"from": "CC-BY-4.0"})
    assert shown.status_code == 200
    form = shown.context["form"]
    values = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    values |= {"short_name": "Tanaka", "name_ja": "田中"}
    values |= {"train_answer": "deny", "train_clause": "§7", "train_ja": "学習不可"}
    address = reverse("license_new", args=["spring"]) + "?from=CC-BY-4.0"
    sent = client.post(address, values)
    assert sent.status_code == 302, sent.context["form"].errors
    [row] = OwnLicense.objects.all()
    assert (row.license_id, row.content["name"]) == (NAME, {"en": "CC BY 4.0", "ja": "田中"})
    assert row.profile.permission("train").word == "deny"
    assert row.profile.quote("train", "en") == "学習不可"
    assert {each["kind"] for each in row.content["obligations"]} == {"attribution", "remove_credit"}
    assert [each["code"] for each in row.content["restrictions"]] == ["no_endorsement"]
    client.force_login(people.reviewer)
    assert "1 own licence waits for your approval" in page(client, "review", "spring").content.decode()
    client.post(reverse("license_approve", args=["spring", row.id]))
    assert "In force" in page(client, "license", "spring", NAME).content.decode()


def test_the_next_version_shows_what_is_different(people, project, client):
    row = agreed(people, project)
    client.force_login(people.owner)
    form = page(client, "license_new", "spring", **{"from": NAME}).context["form"]
    values = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
    values |= {"commercial_answer": "deny", "commercial_clause": "§9", "commercial_en": "no advertising"}
    sent = client.post(reverse("license_new", args=["spring"]) + f"?from={NAME}", values)
    assert sent.status_code == 302, sent.context["form"].errors
    second = OwnLicense.objects.get(number=2)
    same = ("id", "kind", "name", "license_url")
    assert [second.content[name] for name in same] == [row.content[name] for name in same]
    text = page(client, "license", "spring", NAME).content.decode()
    assert "1 difference from the version before" in text
    assert "no advertising" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"whole_clause": ""}, "Say which clause it is"),
        ({"train_answer": "deny"}, "Say which clause it is"),
        ({"duty_attribution_answer": "output"}, "Say which clause it is"),
        ({"amount": "1000000"}, "Say which clause it is"),
        ({"name_ja": ""}, "Give the licence a name"),
        ({"short_name": "田中"}, "Enter a valid value"),
        ({"license_url": "javascript:alert(1)"}, "Enter a valid URL"),
    ],
)
def test_a_form_that_misses_something_says_so_and_keeps_what_was_written(people, project, client, changes, sentence):
    client.force_login(people.owner)
    empty = page(client, "license_new", "spring").context["form"]
    values = {field.html_name: field.value() for field in empty if field.value() not in (None, "")}
    sent = client.post(reverse("license_new", args=["spring"]), {**values, **FORM, "train_ja": "学習", **changes})
    assert sent.status_code == 422
    text = sent.content.decode()
    assert sentence in text
    assert 'value="学習"' in text
    assert not OwnLicense.objects.exists()


def test_only_an_owner_writes_and_only_for_their_project(people, project, client):
    for person, status in ((people.reviewer, 403), (people.editor, 403), (people.viewer, 403), (people.stranger, 404)):
        client.force_login(person)
        assert client.post(reverse("license_new", args=["spring"]), FORM).status_code == status
    assert not OwnLicense.objects.exists()


def test_a_name_is_taken_once(people, project, client):
    agreed(people, project)
    client.force_login(people.owner)
    empty = page(client, "license_new", "spring").context["form"]
    values = {field.html_name: field.value() for field in empty if field.value() not in (None, "")}
    sent = client.post(reverse("license_new", args=["spring"]), {**values, **FORM})
    assert "There is a licence of this name already" in sent.content.decode()
    assert OwnLicense.objects.count() == 1


def test_every_known_licence_has_a_page(people, project, client):
    client.force_login(people.viewer)
    listed = page(client, "licenses", "spring").content.decode()
    for known in house_profiles().values():
        is_shown = known.kind not in ("policy", "unknown")
        assert (f">{known.id}<" in listed) is is_shown
        assert page(client, "license", "spring", known.id).status_code == (200 if is_shown else 404)


def test_every_known_licence_can_be_begun_with(people, project, client):
    client.force_login(people.owner)
    for number, known in enumerate(house_profiles().values()):
        if known.kind in ("policy", "unknown"):
            continue
        address = reverse("license_new", args=["spring"]) + f"?from={known.id}"
        form = client.get(address).context["form"]
        values = {field.html_name: field.value() for field in form if field.value() not in (None, "")}
        sent = client.post(address, {**values, "short_name": f"Own-{number}"})
        assert sent.status_code == 302, (known.id, sent.context["form"].errors)
        row = OwnLicense.objects.get(license_id=f"LicenseRef-Own-Own-{number}")
        assert said_by(row.profile) == said_by(known)


def said_by(profile):
    """Return what a profile says apart from its name and the numbers of its clauses."""
    return {
        "permissions": {name: profile.permission(name) for name in PERMISSIONS},
        "duties": {(each["kind"], tuple(each["on"]), str(each.get("when"))) for each in profile.obligations},
        "rules on use": {(each["code"], tuple(each["on"])) for each in profile.restrictions},
        "ceilings": {(each.amount, each.inclusive) for each in profile.ceilings},
        "rules": [(str(each.when), each.then, each.purposes, each.outbound) for each in profile.rules],
        "reach": (profile.purposes, profile.outbound, profile.parameters),
    }


def test_it_is_offered_wherever_a_licence_is_declared(people, project, client):
    agreed(people, project)
    added = picture(people.editor, project, expression="")
    client.force_login(people.editor)
    for address in (
        reverse("material_edit", args=["spring", added.id]),
        reverse("import_new", args=["spring"]),
        reverse("model_add", args=["spring"]),
    ):
        assert NAME in client.get(address).content.decode(), address


def test_a_table_may_name_it(people, project):
    agreed(people, project)
    table = f"file,license\na.png,{NAME}\nb.png,田中写真事務所　基本契約\nc.png,LicenseRef-Own-Nobody\n".encode()
    files = zipped({"a.png": encoded(1), "b.png": encoded(2), "c.png": encoded(3)})
    batch = tried(people.editor, project, upload("p.zip", files), upload("t.csv", table))
    rows = {row.name: row for row in batch.rows.all()}
    assert rows["a.png"].values["facts"]["expression"] == NAME
    assert "expression" not in rows["b.png"].values["facts"]
    assert "expression" not in rows["c.png"].values["facts"]
    asked = {question.written: question for question in questions_of(batch)}
    assert asked["田中写真事務所　基本契約"].chosen == NAME
    assert asked["LicenseRef-Own-Nobody"].chosen == ""


def test_home_says_what_waits_for_whoever_may_approve(people, project, client):
    write_license(people.owner, project, contract())
    for person, is_asked in ((people.reviewer, True), (people.owner, False), (people.editor, False)):
        client.force_login(person)
        assert ("An own licence waits for your approval" in page(client, "home").content.decode()) is is_asked


def test_it_can_be_what_something_is_given_out_under(people, project, client):
    agreed(people, project, outbound=[NAME], clauses={**contract()["clauses"], "outbound": clause("§6")})
    harbour = standing(people, project)
    client.force_login(people.viewer)
    asked = {"picture": str(harbour.id), "use": "made", "territory": "JP", "purpose": "commercial"}
    assert "No" in page(client, "ask", "spring", **asked).context["answer"].word
    shown = page(client, "ask", "spring", **asked, outbound=NAME)
    assert shown.context["answer"].mark == "ok"
