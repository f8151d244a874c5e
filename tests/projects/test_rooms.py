"""The links to a project's rooms: in every language, under every prefix, and one of them marked."""

from collections.abc import Iterator

import pytest
from django.urls import set_script_prefix
from django.utils import translation

from projects.rooms import IN_BAR, ROOMS, doors

PATH = "/p/spring/pictures/"


@pytest.fixture
def prefix() -> Iterator[None]:
    """Serve under a prefix for a while."""
    set_script_prefix("/daicho/")
    yield
    set_script_prefix("/")


@pytest.mark.parametrize(("language", "label"), [("en", "Pictures"), ("ja", "画像")])
def test_each_reader_sees_their_own_language(language, label):
    with translation.override(language):
        found = doors("spring", PATH)
    assert f"<span>{label}</span>" in found.rail
    assert f"<span>{label}</span>" in found.bar
    assert f"<dd>{label}</dd>" in found.keys


def test_only_the_room_that_the_page_lies_in_is_marked():
    found = doors("spring", PATH + "abc/")
    assert found.rail.count("aria-current") == 1
    assert f'<a href="{PATH}" data-key="p" aria-current="page">' in found.rail
    assert "aria-current" not in doors("spring", "/p/spring/").rail


def test_every_room_is_on_the_rail_and_once_in_the_bar_of_a_phone():
    found = doors("spring", PATH)
    assert found.rail.count("<a ") == found.keys.count("<dt>") == len(ROOMS)
    assert (found.bar.count("<a "), found.more.count("<a ")) == (IN_BAR, len(ROOMS) - IN_BAR)


def test_addresses_follow_the_prefix(prefix):
    assert 'href="/daicho/p/spring/studio/"' in doors("spring", "/daicho/p/spring/studio/").rail
    set_script_prefix("/")
    assert 'href="/p/spring/studio/"' in doors("spring", PATH).rail
