"""What is decided again while a job runs, and when a replay ends."""

import pytest

from assets.models import Rights
from engine.errors import ModelError
from generation.models import Generation, Replay
from generation.services.generations import check_rights, save_output
from generation.services.replays import request_replay, save_replay
from generation.tasks import resolve_file
from jobs.models import Canceled
from ledger.models import Entry
from tests.generation.pictures import asked, drawn, made


def test_a_picture_carries_the_rights_of_the_moment_it_was_drawn(people, project, starter):
    job = asked(people.editor, project, starter)
    Rights.objects.filter(pk=starter.rights_id).update(expression="CC-BY-4.0")
    assert job.claim()
    check_rights(job)
    output = save_output(job, 0, drawn((1, 2, 3)))
    assert output.license == output.decision["effective_license"] == "CC-BY-4.0"
    assert Entry.objects.get(chain=project.id, seq=output.ledger_seq).data["decision"] == output.decision


def test_rights_that_ended_block_the_job(people, project, starter):
    job = asked(people.editor, project, starter)
    assert job.claim()
    Rights.objects.filter(pk=starter.rights_id).update(state=Rights.State.WITHDRAWN)
    with pytest.raises(Canceled):
        check_rights(job)
    assert Generation.objects.get().status == Generation.Status.BLOCKED


def test_a_replay_ends_with_its_verdict(people, project, starter):
    [output] = made(people.editor, project, starter)
    replay = request_replay(people.editor, output)
    assert request_replay(people.editor, output) == replay
    assert replay.claim()
    save_replay(replay, drawn((0, 90, 120)))
    assert Replay.objects.get().status == Replay.Status.SUCCEEDED
    assert Entry.objects.filter(event="generation.replay.finished").count() == 1


def test_a_model_that_was_taken_out_is_named(starter):
    starter.removed_at = starter.registered_at
    starter.save(update_fields=["removed_at"])
    with pytest.raises(ModelError, match="is gone") as raised:
        resolve_file(starter.sha256)
    assert raised.value.code == "model_missing"
