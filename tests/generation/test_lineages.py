"""Lineages: kept once, followed down, and asked anew only where something has changed."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assets.licensing import Action, Verdict
from assets.models import Rights
from assets.services import clear_rights, edit_rights, withdraw_rights
from assets.services.decisions import Sources
from assets.services.waivers import approve_waiver, request_waiver, revoke_waiver
from generation.models import Lineage, Output
from generation.services.lineages import (
    Standing,
    closed_lineages,
    descendants_of,
    key_of,
    publishable,
    standing_of,
    verdicts_now,
)
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import cleared
from tests.generation.pictures import made

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def version(people, project):
    return frozen(people, project, ["CC0-1.0", "CC-BY-4.0"])


@pytest.fixture
def adapter(people, project, starter, version):
    return learned(people, project, starter, version)


@pytest.fixture
def below(people, project, starter, adapter) -> Output:
    return drawn_with(people, project, starter, adapter)[0]


@pytest.fixture
def beside(people, project, starter) -> Output:
    return made(people.editor, project, starter)[0]


def open_ones(project) -> set[Output]:
    return set(publishable(Output.objects.filter(project=project), project))


def test_the_same_files_make_one_lineage_in_any_order(people, project, starter, adapter):
    first = drawn_with(people, project, starter, adapter, count=2)
    second = drawn_with(people, project, starter, adapter, seed=9)
    assert len({each.lineage_id for each in (*first, *second)}) == 1
    assert set(Lineage.objects.get().files.values_list("file", flat=True)) == {starter.id, adapter.id}
    assert key_of([starter.id, adapter.id]) == key_of([adapter.id, starter.id]) != key_of([starter.id])


def test_each_project_has_lineages_of_its_own(people, project, starter, beside):
    elsewhere = Project.objects.get(slug="elsewhere")
    [theirs] = made(people.stranger, elsewhere, starter)
    assert theirs.lineage_id != beside.lineage_id
    here, everywhere = descendants_of(starter, project), descendants_of(starter, None)
    assert set(here.outputs) == {beside}
    assert set(everywhere.outputs) == {beside, theirs}


def test_a_lineage_is_followed_once_however_many_ways_lead_to_it(people, project, starter, adapter, below, beside):
    found = descendants_of(starter, project)
    assert found.files == sorted([adapter, starter], key=lambda file: file.name)
    assert sorted(found.lineages) == sorted({below.lineage_id, beside.lineage_id})
    assert set(found.outputs) == {below, beside}


def test_the_end_of_one_pictures_term_asks_about_that_picture_only(people, project, starter, below, beside):
    ends_at = timezone.now() + timedelta(days=3)
    Rights.objects.filter(model_file=starter).update(expires_at=ends_at)
    assert standing_of(project, below.lineage_id) == Standing(is_open=True, until=ends_at)
    with CaptureQueriesContext(connection) as asked:
        assert set(verdicts_now(project, Action.PUBLISH, {below.lineage_id})) == {below.lineage_id}
    assert len(asked) < 6
    assert set(verdicts_now(project, Action.PUBLISH)) == {below.lineage_id, beside.lineage_id}


@pytest.mark.postgres
def test_the_whole_chain_of_an_output_is_the_one_query_of_the_guide(people, project, starter, adapter, version, below):
    guide = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    query = guide.split("```sql\n")[1].split("```")[0]
    key = Output._meta.pk.get_db_prep_value(below.id, connection)
    with connection.cursor() as cursor:
        cursor.execute(query, [key])
        found = cursor.fetchall()
    files = below.generation.files()
    asked = {(each.item, each.facts.expression) for each in Sources(files).inputs_of(files)}
    assert {(name, expression) for name, expression, _creator, _state in found} == asked
    assert len(found) == 2 + version.count


def test_a_picture_that_nothing_learned_from_has_no_descendants(people, project, below):
    found = descendants_of(cleared(people, project, 77), project)
    assert (list(found.versions), list(found.files), found.lineages, list(found.outputs)) == ([], [], [], [])


def test_yes_and_no_share_all_pictures_between_them(people, project, version, below, beside):
    rows = Output.objects.filter(project=project)
    assert open_ones(project) == {below, beside}
    withdraw_rights(version.items.first().picture, actor=people.owner, reason="asked")
    assert open_ones(project) == {beside}
    assert set(publishable(rows, project, wanted=False)) == {below}


def test_a_picture_of_unknown_making_is_never_publishable(people, project, below, beside):
    Output.objects.filter(pk=beside.pk).update(lineage=None)
    assert open_ones(project) == {below}
    assert set(publishable(Output.objects.filter(project=project), project, wanted=False)) == {beside}


def test_what_the_project_means_to_do_counts_at_once(people, project, version, below):
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"territories": ["JP"]})
    clear_rights(picture, reviewer=people.reviewer)
    assert open_ones(project) == {below}
    Project.objects.filter(pk=project.pk).update(territory="US")
    project.refresh_from_db()
    assert open_ones(project) == set()


def test_a_waiver_opens_and_its_end_closes(people, project, starter, version, below):
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expression": "CC-BY-NC-4.0"})
    clear_rights(picture, reviewer=people.reviewer)
    assert open_ones(project) == set()
    tomorrow = timezone.now() + timedelta(days=1)
    waiver = request_waiver(
        people.editor, project, action=Action.PUBLISH, reason="letter", expires_at=tomorrow, rights=picture.rights
    )
    approve_waiver(waiver, approver=people.owner)
    assert open_ones(project) == {below}
    revoke_waiver(waiver, actor=people.owner)
    assert open_ones(project) == set()


def test_a_waiver_that_ends_closes_by_time_alone(people, project, version, below, time_machine):
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expression": "CC-BY-NC-4.0"})
    clear_rights(picture, reviewer=people.reviewer)
    end = timezone.now() + timedelta(hours=1)
    waiver = request_waiver(
        people.editor, project, action=Action.PUBLISH, reason="letter", expires_at=end, rights=picture.rights
    )
    approve_waiver(waiver, approver=people.owner)
    assert open_ones(project) == {below}
    time_machine.move_to(end + timedelta(minutes=1))
    assert open_ones(project) == set()


def test_nothing_is_asked_again_while_nothing_changes(people, project, below, beside):
    verdicts_now(project, Action.PUBLISH)
    with CaptureQueriesContext(connection) as queries:
        known = verdicts_now(project, Action.PUBLISH)
    assert set(known.values()) == {Verdict.ALLOW}
    assert not [each for each in queries if 'assets_rights"' in each["sql"]]


def test_only_what_lies_below_a_change_is_asked_again(people, project, starter, version, below, beside):
    verdicts_now(project, Action.PUBLISH)
    withdraw_rights(version.items.first().picture, actor=people.owner, reason="asked")
    with CaptureQueriesContext(connection) as queries:
        verdicts = verdicts_now(project, Action.PUBLISH)
    assert (verdicts[below.lineage_id], verdicts[beside.lineage_id]) == (Verdict.BLOCK, Verdict.ALLOW)
    asked = [each["sql"] for each in queries if each["sql"].startswith("SELECT") and "lineagefile" in each["sql"]]
    assert any(f"IN ({below.lineage_id})" in sql for sql in asked)


def test_rights_that_nothing_uses_change_nothing(people, project, below):
    verdicts_now(project, Action.PUBLISH)
    withdraw_rights(cleared(people, project, 77), actor=people.owner, reason="asked")
    assert open_ones(project) == {below}
    assert Rights.objects.filter(state="withdrawn").count() == 1


def test_pictures_of_several_projects_are_judged_with_two_queries(people, project, starter, version, below, beside):
    elsewhere = Project.objects.get(slug="elsewhere")
    [theirs] = made(people.stranger, elsewhere, starter)
    withdraw_rights(version.items.first().picture, actor=people.owner, reason="asked")
    shown = list(Output.objects.select_related("project"))
    assert closed_lineages(shown) == {None, below.lineage_id}
    with CaptureQueriesContext(connection) as queries:
        assert closed_lineages(shown) == {None, below.lineage_id}
    assert len(queries) == 2
    with CaptureQueriesContext(connection) as queries:
        assert closed_lineages([]) == {None}
    assert not queries.captured_queries
    Project.objects.filter(pk=elsewhere.pk).update(revenue_usd=None)
    Rights.objects.filter(model_file=starter).update(expression="LicenseRef-scancode-stability-ai-community-2024")
    edit_rights(starter.rights, actor=people.editor, changes={"note": "read again"})
    clear_rights(starter, reviewer=people.reviewer)
    fresh = list(Output.objects.select_related("project"))
    assert closed_lineages(fresh) == {None, below.lineage_id, theirs.lineage_id}
