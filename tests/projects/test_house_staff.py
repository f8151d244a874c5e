"""The house's staff: named by whoever runs the machine."""

import pytest
from django.core.management import CommandError, call_command

from assets.services import may_review


@pytest.mark.django_db
def test_a_person_is_added_listed_and_taken_off(people, capsys):
    call_command("house_staff", "EDITOR@example.com")
    people.editor.refresh_from_db()
    assert may_review(people.editor, None)
    assert capsys.readouterr().out.splitlines() == ["editor@example.com  Editor", "reviewer@example.com  Reviewer"]
    call_command("house_staff", "editor@example.com", "--end")
    people.editor.refresh_from_db()
    assert not may_review(people.editor, None)
    with pytest.raises(CommandError):
        call_command("house_staff", "nobody@example.com")
