"""Numbered versions: written once, imported from the library, taken back, and followed by the rights."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from assets.licensing import Action
from assets.models import ModelFile, Rights
from assets.services import decide_use, withdraw_rights
from generation.composing import Adapter as Chosen
from generation.models import Generation
from generation.services.lineages import descendants_of
from generation.services.watches import RightsWatch
from generation.services.withdrawals import withdraw
from jobs.models import Canceled
from ledger.models import Entry
from ledger.services import verify
from projects.problems import Problem
from tests.assets.chain import learned
from tests.generation.pictures import asked as pictures_asked
from tests.ledger.lifting import lifted, versions_stay
from tests.training.numbered import adapter, numbered
from tests.training.stage import asked
from tests.training.stage import frozen as frozen_set
from training import tasks
from training.models import AdapterParent, AdapterVersion
from training.services.adapters import archive_adapter, change_adapter, open_adapter
from training.services.imports import import_version
from training.services.promotions import approve_promotion, ask_promotion
from training.services.withdrawals import withdraw_version

REASON = "The photographer asked us to."


@pytest.fixture
def holder(people, project):
    return adapter(people, project)


@pytest.fixture
def first(people, project, starter, holder):
    return numbered(people, project, starter, holder)


def aliases(holder) -> dict[str, int]:
    return {each.name: each.version.number for each in holder.aliases.select_related("version")}


@pytest.mark.postgres
def test_a_version_is_written_once(people, first):
    rows = AdapterVersion.objects.filter(pk=first.pk)
    for change in ({"number": 7}, {"trigger_words": []}, {"recommended_weight": 0.1}, {"license": "CC-BY-4.0"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save()
    withdraw_version(first, actor=people.reviewer, reason=REASON)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(withdrawn_reason="another")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(withdrawn_at=None)


@pytest.mark.postgres
def test_a_version_and_what_it_was_made_from_stay(people, project, starter, holder, first):
    second = numbered(people, project, starter, holder, seed=1)
    edge = AdapterParent.objects.create(version=second, parent=first, weight=0.5, position=0)
    edges, alone = AdapterParent.objects.filter(pk=edge.pk), numbered(people, project, starter, holder, seed=2)
    alone.adapter.aliases.all().delete()
    for refused in (
        lambda: AdapterVersion.objects.filter(pk=alone.pk)._raw_delete("default"),
        alone.delete,
        edge.delete,
        edges.delete,
        lambda: edges.update(weight=1.0),
        lambda: edges.update(parent=alone),
    ):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            refused()
    assert AdapterVersion.objects.filter(adapter=holder).count() == 3
    assert [each.weight for each in second.parents.all()] == [0.5]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_the_triggers_of_versions_go_and_come_back(people, project, starter, holder):
    made = numbered(people, project, starter, holder)
    holder.aliases.all().delete()
    with lifted(versions_stay):
        AdapterVersion.objects.filter(pk=made.pk).delete()
    assert not AdapterVersion.objects.exists()
    again = numbered(people, project, starter, holder, seed=1)
    holder.aliases.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        again.delete()


@pytest.mark.postgres
def test_a_number_and_a_file_are_given_once(people, project, starter, holder, first):
    with pytest.raises(Problem, match="version of an adapter already"):
        import_version(people.editor, holder, first.file)
    second = numbered(people, project, starter, holder, seed=1)
    assert (second.number, aliases(holder)) == (2, {"candidate": 2})
    second.id, second.number = None, 1
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save(force_insert=True)


def test_what_came_from_elsewhere_keeps_its_rights_and_what_it_learned_from(people, project, starter, holder):
    made = numbered(people, project, starter, holder, trigger_words=["skskite"], recommended_weight=0.6, note="Found")
    assert (made.trigger_words, made.recommended_weight, made.note, made.run) == (["skskite"], 0.6, "Found", None)
    assert made.dataset_version == made.file.sources.exclude(dataset_version=None).get().dataset_version
    entry = Entry.objects.get(chain=project.id, seq=made.ledger_seq)
    assert (entry.data["imported"], entry.data["file_sha256"]) == (True, made.file.sha256)
    assert verify(project.id).ok


def test_a_file_that_does_not_fit_is_refused(people, project, starter, holder, first):
    with pytest.raises(Problem, match="Choose an adapter"):
        import_version(people.editor, holder, starter)
    words = open_adapter(people.editor, project, name="Words", method="textual_inversion")
    file = learned(people, project, starter, first.dataset_version, name="other", seed=5)
    with pytest.raises(Problem, match="collects another kind"):
        import_version(people.editor, words, file)
    withdraw_rights(file, actor=people.reviewer, reason=REASON)
    file.refresh_from_db()
    with pytest.raises(Problem) as raised:
        import_version(people.editor, holder, file)
    assert raised.value.code == "rights_blocked"


def test_a_version_that_is_taken_back_leaves_a_tombstone_and_closes_what_was_made_with_it(
    people, project, starter, holder, first
):
    second = numbered(people, project, starter, holder, seed=1)
    approve_promotion(ask_promotion(people.editor, second), approver=people.owner)
    waiting = ask_promotion(people.editor, first)
    job = pictures_asked(people.editor, project, starter, adapters=(Chosen(file=second.file),))
    assert job.claim()
    withdraw_version(second, actor=people.reviewer, reason=REASON)
    assert (second.is_withdrawn, second.withdrawn_by, second.withdrawn_reason) == (True, people.reviewer, REASON)
    assert AdapterVersion.objects.filter(pk=second.pk).exists()
    assert second.file.file.is_file()
    assert Rights.objects.get(pk=second.file.rights_id).state == Rights.State.WITHDRAWN
    assert aliases(holder) == {"candidate": 1}
    assert waiting.is_open
    assert decide_use(project, Action.GENERATE, [ModelFile.objects.get(pk=second.file_id)]).verdict == "block"
    with pytest.raises(Canceled):
        RightsWatch(job).check()
    assert Generation.objects.get(pk=job.pk).status == "blocked"
    entry = Entry.objects.get(chain=project.id, event="training.version.withdrawn")
    assert (entry.data["number"], entry.data["reason"]) == (2, REASON)
    assert verify(project.id).ok


def test_what_waits_for_a_version_that_is_taken_back_is_refused(people, project, starter, holder, first):
    waiting = ask_promotion(people.editor, first)
    withdraw_version(first, actor=people.reviewer, reason=REASON)
    waiting.refresh_from_db()
    assert (waiting.approved, waiting.decided_by, waiting.reason) == (False, people.reviewer, REASON)
    assert aliases(holder) == {}


def test_only_a_reviewer_takes_a_version_back_with_a_reason_and_once(people, first):
    with pytest.raises(Problem, match="Only a reviewer"):
        withdraw_version(first, actor=people.editor, reason=REASON)
    with pytest.raises(Problem, match="Say why"):
        withdraw_version(first, actor=people.reviewer, reason=" ")
    withdraw_version(first, actor=people.reviewer, reason=REASON)
    with pytest.raises(Problem, match="already"):
        withdraw_version(first, actor=people.owner, reason=REASON)


def test_a_withdrawn_picture_reaches_every_version_below_it(people, project, starter, holder, first):
    picture = first.dataset_version.items.first().picture
    assert first.file in descendants_of(picture, project).files
    withdraw_rights(picture, actor=people.reviewer, reason=REASON)
    decision = decide_use(project, Action.GENERATE, [first.file])
    assert (decision.verdict, decision.reasons[0].code) == ("block", "withdrawn")


@pytest.mark.postgres
def test_no_version_is_its_own_parent(first):
    with pytest.raises(IntegrityError), transaction.atomic():
        AdapterParent.objects.create(version=first, parent=first, position=0)


def test_adapters_have_addresses_and_names_of_their_own(people, project, holder):
    other = open_adapter(people.editor, project, name="Umbrellas", method="lora")
    assert (holder.slug, other.slug) == ("umbrellas", "umbrellas-2")
    with pytest.raises(Problem, match="address already"):
        open_adapter(people.editor, project, name="X", method="lora", slug="umbrellas")
    with pytest.raises(Problem, match="address already"):
        open_adapter(people.editor, project, name="X", method="lora", slug="new")
    with pytest.raises(Problem, match="not known"):
        open_adapter(people.editor, project, name="X", method="magic")
    assert change_adapter(people.editor, holder, {"name_ja": "傘"})
    assert not change_adapter(people.editor, holder, {"name_ja": "傘"})
    assert archive_adapter(people.editor, holder, archived=True)
    assert not archive_adapter(people.editor, holder, archived=True)
    assert archive_adapter(people.editor, holder, archived=False)
    events = Entry.objects.filter(subject=f"adapter:{holder.id}").order_by("seq").values_list("event", flat=True)
    assert [event.rpartition(".")[2] for event in events] == ["created", "changed", "archived", "restored"]


def test_a_withdrawal_names_the_trainings_that_it_stops(people, project, starter, signed_in):
    version = frozen_set(people, project)
    run = asked(people, project, version, starter)
    picture = version.items.first().picture
    page = signed_in("reviewer").get(reverse("withdraw_picture", args=["spring", picture.id]))
    assert page.context["blast"].counts["jobs"] == 1
    assert reverse("training_run", args=["spring", run.id]) in page.content.decode()
    withdraw(picture, actor=people.reviewer, reason=REASON)
    entry = Entry.objects.get(chain=project.id, event="assets.rights.withdrawn")
    assert entry.data["touched"]["jobs"] == 1
    tasks.train(str(run.id))
    after = signed_in("reviewer").get(reverse("withdraw_picture", args=["spring", picture.id]))
    assert [each.status for each in after.context["blast"].trainings] == ["blocked"]
    report = signed_in("viewer").get(reverse("withdraw_picture_report", args=["spring", picture.id, "csv"]))
    assert f"training:blocked,{run.id}" in b"".join(report.streaming_content).decode()
