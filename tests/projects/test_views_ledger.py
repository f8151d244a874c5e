"""The ledger's room."""

import subprocess
import sys

import pytest
from django.db import connection, transaction
from django.urls import reverse

from ledger.services import actor_hash, append
from projects.views.ledger import PAGE_SIZE

OUTPUT = "0b0b6a52-5f0e-4c1d-9d53-0d2f5a3f8a11"


def write(project, person, count=1, event="generation.output.created"):
    """Write entries about one picture."""
    for seed in range(count):
        with transaction.atomic():
            payload = {"spec": {"seed": seed}, "decision": {"effective_license": "CC0-1.0"}, "note": "<b>赤い</b>"}
            append(project.id, event, actor=actor_hash(person.id), subject=f"output:{OUTPUT}", payload=payload)


def page(client, query=""):
    return client.get(reverse("ledger", args=["spring"]) + query).content.decode()


def test_entries_are_sentences_that_lead_to_what_they_are_about(signed_in, project, people):
    write(project, people.editor)
    html = page(signed_in("viewer"))
    assert "Picture made under CC0-1.0, seed 0" in html
    assert reverse("picture", args=["spring", OUTPUT]) in html
    assert "Member added: Editor, as Editor" in html


def test_an_unknown_event_is_shown_by_its_name(signed_in, project, people):
    write(project, people.editor, event="generation.something.new")
    assert "generation.something.new" in page(signed_in("viewer"))


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("?event=projects.member.", "Member added", "Picture made"),
        ("?event=generation.output.", "Picture made", "Member added"),
        (f"?subject={OUTPUT[:8]}", "Picture made", "Member added"),
        ("?subject=%25", "No entry fits", "Picture made"),
        ("?subject=output_", "No entry fits", "Picture made"),
    ],
)
def test_filters_narrow_the_list(signed_in, project, people, query, shown, hidden):
    write(project, people.editor)
    html = page(signed_in("viewer"), query)
    assert shown in html
    assert hidden not in html


def test_the_person_filter_shows_one_person(signed_in, project, people):
    write(project, people.editor)
    html = page(signed_in("viewer"), f"?person={actor_hash(people.editor.id)}")
    assert "Picture made" in html
    assert "Project opened" not in html


def test_pages_follow_each_other_by_number(signed_in, project, people):
    write(project, people.editor, PAGE_SIZE + 5)
    client = signed_in("viewer")
    assert f"before={10}" in page(client)
    older = page(client, "?before=10")
    assert "Project opened" in older
    part = client.get(reverse("ledger", args=["spring"]), {"before": 10}, headers={"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith("<tr>")


def test_the_list_needs_few_queries(signed_in, project, people, django_assert_max_num_queries):
    write(project, people.editor, PAGE_SIZE + 5)
    client = signed_in("viewer")
    with django_assert_max_num_queries(8):
        page(client)


def test_an_entry_shows_its_payload_as_text(signed_in, project, people):
    write(project, people.editor)
    html = signed_in("viewer").get(reverse("ledger_entry", args=["spring", 5])).content.decode()
    assert "&lt;b&gt;赤い&lt;/b&gt;" in html
    assert "<b>赤い" not in html


def test_the_proof_is_shown_when_asked_for(signed_in, project, people):
    write(project, people.editor, 3)
    client, url = signed_in("viewer"), reverse("ledger_entry", args=["spring", 5])
    part = client.get(url + "?proof", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")
    assert "of the first 7 entries" in part


def test_an_entry_that_is_not_there_is_404(signed_in, project):
    assert signed_in("viewer").get(reverse("ledger_entry", args=["spring", 999])).status_code == 404


def test_verify_says_that_everything_is_whole(signed_in, project):
    response = signed_in("viewer").post(reverse("ledger_verify", args=["spring"]), headers={"HX-Request": "true"})
    assert "The ledger is whole" in response.content.decode()


def tamper(column, value):
    """Change one column of the third entry behind the ledger's back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry'")
        triggers = cursor.fetchall()
        for name, _sql in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(f"UPDATE ledger_entry SET {column} = %s WHERE seq = 3", [value])
        for _name, sql in triggers:
            cursor.execute(sql)


@pytest.mark.parametrize("payload", ["{", "", "[1]", "7", '{"a": "\\ud800"', "[" * 5000])
def test_what_nobody_can_read_any_more_leaves_the_room_open(signed_in, project, people, payload):
    write(project, people.editor)
    tamper("payload", payload)
    client = signed_in("viewer")
    for address in (reverse("ledger", args=["spring"]), reverse("ledger_entry", args=["spring", 3])):
        response = client.get(address)
        assert (response.status_code, "This entry cannot be read" in response.content.decode()) == (200, True)
    html = client.post(reverse("ledger_verify", args=["spring"])).content.decode()
    assert "The ledger was changed" in html
    assert reverse("ledger_entry", args=["spring", 3]) in html


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("generation.output.created", '{"spec": 7, "decision": "x"}'),
        ("generation.template.alias_moved", '{"alias": [], "from": {}, "to": null}'),
        ("generation.replay.finished", '{"verdict": {"a": 1}}'),
        ("projects.project.changed", '{"no_such_field": 1}'),
        ("projects.member.role_set", '{"from": [], "to": 3}'),
    ],
)
def test_a_payload_of_another_shape_is_still_a_sentence(signed_in, project, people, event, payload):
    write(project, people.editor)
    tamper("event", event)
    tamper("payload", payload)
    assert f'href="{reverse("ledger_entry", args=["spring", 3])}"' in page(signed_in("viewer"))


def test_verify_names_the_entry_that_somebody_changed(signed_in, project, people):
    write(project, people.editor)
    tamper("event", "projects.member.removed")
    html = signed_in("viewer").post(reverse("ledger_verify", args=["spring"])).content.decode()
    assert "The ledger was changed" in html
    assert reverse("ledger_entry", args=["spring", 3]) in html


def test_the_export_is_checked_by_the_script_that_comes_with_it(signed_in, project, people, tmp_path):
    write(project, people.editor, 3)
    client = signed_in("viewer")
    export, script = tmp_path / "ledger.jsonl", tmp_path / "verify_offline.py"
    export.write_bytes(b"".join(client.get(reverse("ledger_export", args=["spring"])).streaming_content))
    script.write_bytes(b"".join(client.get(reverse("ledger_verifier", args=["spring"])).streaming_content))
    done = subprocess.run([sys.executable, script, export], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
