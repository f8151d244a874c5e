import threading

import pytest
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection, transaction
from django_q.brokers import get_broker
from django_q.models import OrmQ

from jobs import queue

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_there_is_a_light_cluster_and_one_for_gpus():
    assert queue.clusters() == [queue.LIGHT, queue.GPU]
    assert queue.cluster_name() == queue.LIGHT


def test_a_bell_rings_after_the_commit_in_the_jobs_own_cluster(make_nap):
    with transaction.atomic():
        nap = make_nap()
        queue.ring(nap)
        assert queue.waiting("gpu") == 0
    assert (queue.waiting("gpu"), queue.waiting("light")) == (1, 0)
    task = OrmQ.objects.get().task
    assert (task["func"], task["args"]) == ("tests.jobs.sample.tasks.nap", (str(nap.pk),))
    assert task["ack_failure"] is True


def test_no_bell_rings_after_a_rollback(make_nap):
    with transaction.atomic():
        queue.ring(make_nap())
        transaction.set_rollback(True)
    assert queue.waiting("gpu") == 0


def test_a_message_may_go_at_once():
    with transaction.atomic():
        queue.enqueue("os.getpid", after_commit=False)
        assert queue.waiting("light") == 1


def test_the_command_that_starts_clusters_is_ours():
    """`qcluster --name` needs it; "jobs" stands before "django_q" in INSTALLED_APPS."""
    assert get_commands()["qcluster"] == "jobs"


def test_an_unknown_cluster_does_not_start(capsys):
    with pytest.raises(SystemExit) as caught:
        call_command("qcluster", cluster_name="grey")
    assert caught.value.code == 2


def run_together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_many_writers_and_the_broker_share_one_database_without_locking_errors(make_nap):
    """Eight threads claim, beat, finish and ring while each other thread does the same."""
    naps, failures = [make_nap() for _number in range(8)], []

    def work(nap) -> None:
        try:
            queue.ring(nap)
            assert nap.claim()
            with transaction.atomic():
                nap.runs.create(attempt=1, pid=1)
                nap.beat(0.5)
            for _step in range(15):
                nap.beat()
                get_broker("gpu").dequeue()
            nap.succeed()
        except (DatabaseError, AssertionError) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[nap]) for nap in naps]
    run_together(threads)
    assert failures == []
    assert set(type(naps[0]).objects.values_list("status", flat=True)) == {"succeeded"}
