"""A training from the request to the version: what is written, and what it is written under."""

import pytest

from ledger.models import Entry
from ledger.services import verify
from tests.training.stage import TRIGGER, asked, frozen, trained


@pytest.fixture
def version(people, project):
    return frozen(people, project)


def test_a_run_leaves_a_version(people, project, starter, version):
    run = trained(asked(people, project, version, starter))
    made = run.version
    assert (made.number, made.trigger_words, made.step) == (1, [TRIGGER], run.best_step)
    assert run.adapter.aliases.get().name == "candidate"
    assert verify(project.id).ok
    print(Entry.objects.filter(chain=project.id).values_list("event", flat=True))
    print(list(run.points.values()))
