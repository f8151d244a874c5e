"""Four hundred jobs from eight clients at once: each is drawn once, and the ledger says so without a gap."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.conf import settings
from django.db import connection

from assets.storage import verify_stored
from generation.models import Generation, Output
from ledger.models import Entry
from ledger.services import verify
from projects.models import ApiToken
from tests.conftest import wait_until

pytestmark = [pytest.mark.workers, pytest.mark.slow]

CLIENTS, JOBS_EACH, REPEAT_EVERY = 8, 50, 5
JOBS = CLIENTS * JOBS_EACH
WHO = ("owner", "editor", "reviewer")


def sessions_of(people) -> list[requests.Session]:
    """Return eight clients: the three who may make pictures, several times over."""
    found = []
    for number in range(CLIENTS):
        person = getattr(people, WHO[number % len(WHO)])
        _token, secret = ApiToken.issue(person, name=f"client {number}", scopes=["read", "generate"])
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {secret}"
        found.append(session)
    return found


def submit(session: requests.Session, address: str, key: str, seed: int) -> requests.Response:
    """Ask for one small picture."""
    body = {
        "project": "spring",
        "slots": {"subject": "a red ball"},
        "width": 64,
        "height": 64,
        "num_inference_steps": 1,
        "seed": seed,
    }
    headers = {"Idempotency-Key": key}
    return session.post(f"{address}/api/v1/generations/", json=body, headers=headers, timeout=120)


def run_client(number: int, session: requests.Session, address: str, start: threading.Barrier) -> list[str]:
    """Submit a client's jobs, every fifth one twice at once and again later, and return their ids."""
    start.wait()
    ids = []
    for index in range(JOBS_EACH):
        key, seed = f"client {number} job {index}", number * JOBS_EACH + index
        answers = [submit(session, address, key, seed)]
        if index % REPEAT_EVERY == 0:
            with ThreadPoolExecutor(2) as pool:
                again = pool.map(lambda _turn: submit(session, address, key, seed), range(2))  # noqa: B023
                answers += again
        assert [answer.status_code for answer in answers] == [201] + [200] * (len(answers) - 1), answers[-1].text
        assert len({answer.json()["id"] for answer in answers}) == 1
        ids.append(answers[0].json()["id"])
    return ids


def test_the_same_key_at_the_same_moment_makes_one_job(transactional_db, live_server, people, project, starter):
    session = sessions_of(people)[0]
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda _turn: submit(session, live_server.url, "one", 1), range(CLIENTS)))
    assert sorted(answer.status_code for answer in answers) == [200] * (CLIENTS - 1) + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Generation.objects.count() == 1
    assert Entry.objects.filter(event="generation.requested").count() == 1


def test_four_hundred_jobs_from_eight_clients_are_each_drawn_once(workers, live_server, people, project, starter):
    sessions, start = sessions_of(people), threading.Barrier(CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = [
            pool.submit(run_client, number, session, live_server.url, start) for number, session in enumerate(sessions)
        ]
        ids = [job for run in runs for job in run.result()]
    assert len(ids) == len(set(ids)) == JOBS == Generation.objects.count()

    ended = Generation.objects.filter(finished_at__isnull=False)
    wait_until(lambda: ended.count() == JOBS, seconds=900, what=f"the end of {JOBS} jobs")
    assert Generation.objects.filter(status="succeeded", attempt=1).count() == JOBS
    check_outputs()
    check_ledger(project)


def check_outputs() -> None:
    """One picture per job, each with a recipe of its own and the file that its row names."""
    outputs = list(Output.objects.all())
    assert len(outputs) == JOBS == len({output.generation_id for output in outputs})
    assert {output.seed for output in outputs} == set(range(JOBS))
    assert len({output.recipe_sha256 for output in outputs}) == JOBS
    for output in outputs:
        assert verify_stored(settings.MEDIA_ROOT, output.path).sha256 == output.file_sha256


def check_ledger(project) -> None:
    """One entry per picture, numbers without a gap, and a chain that verifies."""
    chain = Entry.objects.filter(chain=project.id)
    created = chain.filter(event="generation.output.created")
    assert created.count() == JOBS == created.values("subject").distinct().count()
    numbers = list(chain.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(created.values_list("seq", flat=True)) == set(Output.objects.values_list("ledger_seq", flat=True))
    verdict = verify(project.id)
    assert verdict.ok, f"{connection.vendor}: {verdict.reason}"
