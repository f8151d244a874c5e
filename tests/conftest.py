"""The cast and the stage: five people, one project, the starter model, real workers, a real browser."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.utils import translation

from tests.ledger.lifting import let_tests_clean_up

ROOT = Path(__file__).resolve().parent.parent
STAGE = Path(tempfile.mkdtemp(prefix="daicho-tests-"))


def pytest_configure(config: pytest.Config) -> None:
    """Keep tests away from the checkout's data, and passwords cheap; transaction tests empty the ledger too."""
    let_tests_clean_up()
    django_settings.MEDIA_ROOT = STAGE / "media"
    django_settings.MODELS_ROOT = STAGE / "models"
    django_settings.TRAINING_ROOT = STAGE / "training"
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django_settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    django_settings.WHITENOISE_USE_FINDERS = django_settings.WHITENOISE_AUTOREFRESH = True


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests of the shared clusters last: once these run, they would take the jobs that other tests write."""
    items.sort(key=lambda item: "clusters" in getattr(item, "fixturenames", ()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    shutil.rmtree(STAGE, ignore_errors=True)


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """Forget the language of the page that a test read last."""
    yield
    translation.deactivate()


@pytest.fixture
def people(db) -> SimpleNamespace:
    """Return owner, editor, reviewer, viewer (members) and stranger (a member of another project).

    The reviewer is of the house's staff too.
    """
    from projects.models import User

    return SimpleNamespace(
        **{
            name: User.objects.create_user(
                f"{name}@example.com", "correct horse", name=name.title(), language="en", is_staff=name == "reviewer"
            )
            for name in ("owner", "editor", "reviewer", "viewer", "stranger")
        }
    )


@pytest.fixture
def project(people):
    """Return the project of the cast; the stranger has a project of their own."""
    from projects.models import Role
    from projects.services import create_project, set_role

    project = create_project(people.owner, slug="spring", name="Spring", name_ja="春", revenue_usd=500_000)
    for name in ("editor", "reviewer", "viewer"):
        set_role(project, actor=people.owner, user=getattr(people, name), role=Role(name))
    create_project(people.stranger, slug="elsewhere", name="Elsewhere")
    return project


@pytest.fixture
def starter(people, project):
    """Return the bundled model, registered for everybody and cleared by a second person."""
    from assets.models import ModelFile
    from assets.services import Declaration, clear_rights, install_folder, register_model
    from engine.starter import WEIGHTS
    from generation.starter_defaults import read_defaults

    model = register_model(
        install_folder(WEIGHTS),
        kind=ModelFile.Kind.BASE,
        name="Daicho Starter",
        declaration=Declaration(
            expression="CC0-1.0",
            creator="Daicho",
            title="Daicho Starter",
            source_url="https://daicho.example/starter",
        ),
        actor=people.editor,
        **read_defaults(WEIGHTS),
    )
    clear_rights(model, reviewer=people.reviewer)
    return model


@pytest.fixture
def template(people, project):
    """Return a template with one version, on production."""
    from generation.demo_templates import TEMPLATES
    from generation.services.templates import create_template

    return create_template(people.editor, project, **TEMPLATES[0])


@pytest.fixture
def signed_in(people) -> Callable[[str], Client]:
    """Return a function from a name of the cast to a client that is logged in as them."""

    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(people, name))
        return client

    return sign_in


def worker_environment(**extra: str) -> dict[str, str]:
    """Return the environment of a worker process that shares this test's database and files."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{values['NAME']}"
    else:
        host, port = values["HOST"] or "127.0.0.1", values["PORT"] or 5432
        url = f"postgres://{values['USER']}:{values['PASSWORD']}@{host}:{port}/{values['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
        "MODELS_ROOT": str(django_settings.MODELS_ROOT),
        "TRAINING_ROOT": str(django_settings.TRAINING_ROOT),
        "LEDGER_SALT": django_settings.LEDGER_SALT,
        "JOB_STALE_SECONDS": "4",
        "JOB_REAP_SECONDS": "1",
        "ENGINE_THREADS": "1",
        **extra,
    }


class Workers:
    """Real clusters as processes of their own."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.clusters: dict[str, subprocess.Popen] = {}

    def start(self, name: str) -> None:
        """Start one cluster, in a session of its own."""
        with (STAGE / f"{name}.log").open("ab") as log:
            self.clusters[name] = subprocess.Popen(
                [sys.executable, "manage.py", "qcluster", "--name", name],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """End a cluster and everything that it started."""
        process = self.clusters.pop(name)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, name: str) -> None:
        """Stop a cluster and start it again."""
        self.stop(name)
        self.start(name)

    def log(self, name: str) -> str:
        """Return what a cluster has printed."""
        return (STAGE / f"{name}.log").read_text()


@pytest.fixture(scope="session")
def clusters(django_db_setup, django_db_blocker) -> Iterator[Workers]:
    """Keep one light and one gpu cluster for all tests that ask: torch loads once."""
    with django_db_blocker.unblock():
        workers = Workers(worker_environment())
    for name in ("light", "gpu"):
        workers.start(name)
    yield workers
    for name in list(workers.clusters):
        workers.stop(name)


@pytest.fixture
def workers(transactional_db, clusters: Workers) -> Workers:
    """Return the running clusters, for a test whose rows they can see."""
    return clusters


def wait_until(condition: Callable[[], bool], *, seconds: float = 60, what: str = "it") -> None:
    """Wait until a condition holds. Raises AssertionError with the workers' logs in mind."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s; logs are in {STAGE}"
        time.sleep(0.1)
