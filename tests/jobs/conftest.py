"""An installed app with a real job of its own, here and in the workers that the tests start."""

import os

import pytest
from django.apps import apps
from django.conf import settings

from .sample import NAME

if not apps.is_installed(NAME):
    os.environ["EXTRA_APPS"] = ",".join(filter(None, [os.environ.get("EXTRA_APPS", ""), NAME]))
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, NAME]
    apps.set_installed_apps(settings.INSTALLED_APPS)


@pytest.fixture
def sleeper(db):
    """Return the person who asks for naps."""
    from projects.models import User

    return User.objects.create_user("sleeper@example.com", "correct horse", name="Sleeper")


@pytest.fixture
def make_nap(sleeper):
    """Return a function that writes a waiting nap."""
    from .sample.models import Nap

    def make(**fields: object) -> Nap:
        return Nap.objects.create(requested_by=sleeper, **fields)

    return make


@pytest.fixture
def take_nap(make_nap):
    """Return a function that writes a nap and claims it."""

    def take(**fields: object):
        nap = make_nap(**fields)
        assert nap.claim()
        return nap

    return take
