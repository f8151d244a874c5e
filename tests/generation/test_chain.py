"""Rights along the whole chain: picture, dataset version, adapter, output; and what a withdrawal closes."""

import pytest
from django.utils import timezone

from assets.licensing import Action, Verdict
from assets.models import RightsChange, Waiver
from assets.services import decide_use, edit_rights, withdraw_rights
from assets.services.waivers import approve_waiver, request_waiver
from generation.composing import Adapter, PictureRequest, compose
from generation.models import Output
from generation.services.lineages import descendants_of, publishable, verdicts_now
from generation.services.watches import RightsWatch
from jobs.models import Canceled
from ledger.models import Entry
from projects.problems import Problem

from ..assets.chain import drawn_with, frozen, learned
from ..assets.material import cleared
from .pictures import asked, made

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(people, project):
    return frozen(people, project, ["CC0-1.0"] * 2 + ["CC-BY-4.0"])


@pytest.fixture
def adapter(people, project, starter, version):
    return learned(people, project, starter, version)


def test_an_outputs_decision_names_every_training_picture(people, project, starter, adapter, version):
    [output] = drawn_with(people, project, starter, adapter)
    assert {each["item"] for each in output.decision["inputs"]} == {
        "Daicho Starter", "Umbrella LoRA", "1.png", "2.png", "3.png",
    }  # fmt: skip
    publish = decide_use(project, Action.PUBLISH, output.generation.files())
    assert publish.verdict is Verdict.ALLOW
    assert [each.creator for each in publish.obligations if each.kind == "attribution"] == ["Ana"]
    assert output.spec["adapters"] == [{"kind": "lora", "sha256": adapter.sha256, "weight": 0.7}]
    assert "sksumbrella" in output.spec["prompt"]


def test_one_noncommercial_picture_among_many_blocks_and_is_named(people, project, starter):
    version = frozen(people, project, ["CC0-1.0"] * 3 + ["CC-BY-NC-4.0"])
    assert version.decision["verdict"] == "block"
    assert [each["item"] for each in version.decision["reasons"]] == ["4.png"]
    adapter = learned(people, project, starter, version)
    with pytest.raises(Problem) as refused:
        drawn_with(people, project, starter, adapter)
    assert refused.value.code == "rights_blocked"
    assert "4.png" in refused.value.details["reasons"][0]


@pytest.mark.postgres
def test_a_withdrawn_picture_closes_everything_below_it_and_nothing_else(people, project, starter, adapter, version):
    [below] = drawn_with(people, project, starter, adapter)
    [beside] = made(people.editor, project, starter)
    picture = version.items.get(number=3).picture
    assert set(publishable(Output.objects.all(), project)) == {below, beside}
    before = Entry.objects.get(chain=project.id, seq=below.ledger_seq).entry_hash
    found = descendants_of(picture, project)
    assert (found.versions, found.files, list(found.outputs)) == ([version], [adapter], [below])

    withdraw_rights(picture, actor=people.reviewer, reason="The photographer asked us to.")

    assert list(publishable(Output.objects.all(), project)) == [beside]
    assert list(publishable(Output.objects.all(), project, wanted=False)) == [below]
    composed = compose(project, PictureRequest(base_model=starter, adapters=(Adapter(file=adapter),), seed=1))
    assert composed.generate.verdict is Verdict.BLOCK
    assert {reason.code for reason in composed.generate.reasons} == {"withdrawn"}
    assert Entry.objects.get(chain=project.id, seq=below.ledger_seq).entry_hash == before
    change = RightsChange.objects.get(event="assets.rights.withdrawn")
    assert change.after["closed_reason"] == "The photographer asked us to."


def test_a_running_job_stops_at_its_next_look(people, project, starter, adapter, version):
    job = asked(people.editor, project, starter, adapters=(Adapter(file=adapter),))
    assert job.claim()
    watch = RightsWatch(job)
    watch.check()
    watch.looked_at -= 10
    watch.look()
    withdraw_rights(version.items.get(number=1).picture, actor=people.owner, reason="no")
    watch.looked_at -= 10
    with pytest.raises(Canceled):
        watch.look()
    job.refresh_from_db()
    assert job.status == "blocked"


@pytest.mark.postgres
def test_a_term_that_ends_closes_without_anybody_doing_anything(people, project, starter, signed_in, time_machine):
    moment = timezone.now()
    version = frozen(people, project, ["CC0-1.0"] * 2)
    adapter = learned(people, project, starter, version)
    [output] = drawn_with(people, project, starter, adapter)
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expires_at": moment + timezone.timedelta(hours=1)})
    from assets.services import clear_rights

    clear_rights(picture, reviewer=people.reviewer)
    assert list(publishable(Output.objects.all(), project)) == [output]
    address = f"/p/{project.slug}/pictures/{output.id}/picture.png"
    kept = signed_in("viewer").get(address).headers["Cache-Control"]
    assert 3500 < int(kept.split("max-age=")[1].split(",")[0]) <= 3600
    time_machine.move_to(moment + timezone.timedelta(hours=2))
    assert list(publishable(Output.objects.all(), project)) == []


def test_an_edited_licence_counts_at_once_and_is_reviewed_again(people, project, starter, adapter, version):
    [output] = drawn_with(people, project, starter, adapter)
    picture = version.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expression": "CC-BY-NC-4.0"})
    assert picture.rights.state == "pending"
    assert verdicts_now(project, Action.PUBLISH)[output.lineage_id] is Verdict.BLOCK


def test_two_persons_can_set_a_rule_aside_until_a_day(people, project, starter):
    version = frozen(people, project, ["CC0-1.0", "CC-BY-NC-4.0"])
    adapter = learned(people, project, starter, version)
    rights = version.items.get(number=2).picture.rights
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    waiver = request_waiver(
        people.reviewer, project, action=Action.GENERATE, reason="Letter of 3 May", expires_at=tomorrow, rights=rights
    )
    with pytest.raises(Problem) as refused:
        approve_waiver(waiver, approver=people.reviewer)
    assert refused.value.code == "four_eyes"
    approve_waiver(waiver, approver=people.owner)
    [output] = drawn_with(people, project, starter, adapter)
    assert [each["params"]["waiver"] for each in output.decision["waived"]] == [str(waiver.id)]
    withdraw_rights(version.items.get(number=2).picture, actor=people.owner, reason="no")
    with pytest.raises(Problem):
        drawn_with(people, project, starter, adapter)
    assert Waiver.objects.get().holds_at(timezone.now())


def test_a_merged_model_inherits_from_both(people, project, starter, adapter, version):
    from assets.models import ModelFile, ModelSource

    other = learned(
        people, project, starter, frozen(people, project, ["CC0-1.0"], first_seed=50, name="Cats"), name="Cat", seed=1
    )
    merged = learned(people, project, starter, version, name="Both", seed=2)
    ModelSource.objects.filter(product=merged).delete()
    ModelSource.objects.create(product=merged, role="merged_from", file=other)
    ModelSource.objects.create(product=merged, role="merged_from", file=adapter)
    picture = version.items.first().picture
    assert descendants_of(picture, project).files == sorted([adapter, merged], key=lambda file: file.name)
    inputs = decide_use(project, Action.GENERATE, [merged]).inputs
    assert {"50.png", "1.png", "Cat", "Umbrella LoRA", "Daicho Starter"} < {each.item for each in inputs}
    assert ModelFile.objects.filter(kind="adapter").count() == 3


def test_nobody_elses_project_is_touched(people, project, starter, adapter, version):
    drawn_with(people, project, starter, adapter)
    from projects.models import Project

    elsewhere = Project.objects.get(slug="elsewhere")
    assert descendants_of(version.items.first().picture, elsewhere).outputs.count() == 0


def test_a_picture_is_withdrawn_by_reviewers_only_and_once(people, project):
    picture = cleared(people, project)
    for person, code in ((people.editor, "not_reviewer"), (people.owner, None), (people.owner, "rights_closed")):
        if code is None:
            withdraw_rights(picture, actor=person, reason="asked")
            continue
        with pytest.raises(Problem) as refused:
            withdraw_rights(picture, actor=person, reason="asked")
        assert refused.value.code == code
