"""The ledger's events in words."""

import ast
import re
from pathlib import Path

import pytest
from django.utils.translation import override

from projects.events import AREAS, SENTENCES, sentence

ROOT = Path(__file__).resolve().parents[2]
EVENT = re.compile(r"(projects|assets|training|generation)(\.[a-z_]+){1,2}")


def written_events():
    """Find the events that the code writes: the strings among the arguments of record() and append()."""
    for app in ("projects", "assets", "training", "generation"):
        for path in (ROOT / app).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"record", "append"}:
                    yield from filter(EVENT.fullmatch, texts_in(call))


def texts_in(call):
    """Return the strings among the arguments of a call."""
    nodes = (node for part in call.args for node in ast.walk(part))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_every_event_that_is_written_has_a_sentence():
    written = set(written_events())
    assert len(written) > 10
    assert written - set(SENTENCES) == set()


@pytest.mark.parametrize("event", SENTENCES)
def test_every_sentence_stands_a_payload_that_says_nothing(event):
    assert "{" not in sentence(event, "output:1", {}, {})


def test_every_event_is_in_an_area():
    assert all(any(event.startswith(area) for area in AREAS) for event in SENTENCES)


def test_a_new_member_is_said_as_such():
    words = sentence("projects.member.role_set", "member:aa", {"from": None, "to": "editor"}, {"aa": "Ana"})
    assert words == "Member added: Ana, as Editor"
    words = sentence("projects.member.role_set", "member:bb", {"from": "viewer", "to": "owner"}, {"aa": "Ana"})
    assert words == "Role changed: a former member, Viewer → Owner"


def test_a_payload_cannot_format_its_way_out():
    hostile = {"name": "{0.__class__} {name}"}
    assert sentence("projects.project.created", "project:1", hostile, {}) == "Project opened as “{0.__class__} {name}”"


def test_numbers_are_written_as_the_reader_writes_them():
    with override("en"):
        assert sentence("generation.requested", "generation:1", {"count": 4}, {}) == "Pictures asked for: 4"
