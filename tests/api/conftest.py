"""Callers of the API: people of the cast with a token in their hand."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.test_access_matrix import make_generation, make_model, make_output


@pytest.fixture(autouse=True)
def calm_throttles() -> Iterator[None]:
    """Let every test begin with nothing counted."""
    cache.clear()
    yield
    cache.clear()


def bearer(user: Any, *scopes: str, **fields: Any) -> APIClient:
    """Return a client that sends a fresh token of this person."""
    from projects.models import ApiToken, Scope

    token, secret = ApiToken.issue(user, name="test", scopes=list(scopes or Scope.values))
    if fields:
        ApiToken.objects.filter(pk=token.pk).update(**fields)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def caller(people, project) -> Callable[..., APIClient]:
    """Return a function from a name of the cast, and scopes, to a client with such a token."""

    def call_as(name: str, *scopes: str, **fields: Any) -> APIClient:
        return bearer(getattr(people, name), *scopes, **fields)

    return call_as


@pytest.fixture
def model(project):
    """Return the bundled model, entered without reading its weights."""
    return make_model(project)


@pytest.fixture
def generation(people, project, model):
    """Return a job that waits."""
    return make_generation(project, people.editor, model)


@pytest.fixture
def output(generation):
    """Return a picture with its files and its ledger entry."""
    return make_output(generation)
