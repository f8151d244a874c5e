"""Home: projects, jobs, new pictures, and what needs the reader."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from assets.models import ModelFile, Rights
from generation.models import Generation, Output
from generation.overview import cards_of, new_pictures, newest_pictures
from projects.access import memberships_of
from projects.services import create_project


def make_model(name="model", **rights):
    facts = {"expression": "CC0-1.0", "state": Rights.State.CLEARED, **rights}
    return ModelFile.objects.create(
        kind="base",
        name=name,
        architecture="sd1",
        layout="diffusers",
        path=name,
        sha256=name.ljust(64, "0")[:64],
        size_bytes=1,
        rights=Rights.objects.create(**facts),
    )


def make_job(project, person, model, *, key="1", **fields):
    return Generation.objects.create(
        project=project,
        requested_by=person,
        base_model=model,
        spec={"prompt": f"a ball {key}"},
        idempotency_key=key,
        **fields,
    )


def make_pictures(generation, count, *, age_minutes=0):
    rows = [
        Output(
            project=generation.project,
            generation=generation,
            index=index,
            spec={"prompt": "a ball"},
            recipe_sha256="a" * 64,
            seed=index,
            path="x",
            thumbnail="x",
            file_sha256="a" * 64,
            pixels_sha256="b" * 64,
            size_bytes=1,
            width=64,
            height=64,
            environment={},
            license="CC0-1.0",
            ledger_seq=1,
            created_at=timezone.now() - timedelta(minutes=age_minutes + index),
        )
        for index in range(count)
    ]
    return Output.objects.bulk_create(rows)


def html(client):
    return client.get(reverse("home")).content.decode()


def test_home_shows_only_my_projects(signed_in, project):
    page = html(signed_in("viewer"))
    assert "Spring" in page
    assert "Elsewhere" not in page


def test_a_person_without_a_project_reads_what_to_do(signed_in, people):
    assert "Ask an owner of a project to add you" in html(signed_in("viewer"))


def test_names_follow_the_language(signed_in, project, people):
    people.viewer.language = "ja"
    people.viewer.save(update_fields=["language"])
    assert "春" in html(signed_in("viewer"))


def test_the_newest_pictures_of_each_project_are_found(people, project):
    other = create_project(people.owner, slug="second", name="Second")
    model = make_model()
    many = make_pictures(make_job(project, people.editor, model), 15)
    few = make_pictures(make_job(other, people.owner, model, key="2"), 2, age_minutes=100)
    found = newest_pictures([project.id, other.id], 12)
    assert [picture.id for picture in found[project.id]] == [picture.id for picture in many[:12]]
    assert [picture.id for picture in found[other.id]] == [picture.id for picture in few]


def test_rejected_pictures_are_not_news(people, project):
    first, second = make_pictures(make_job(project, people.editor, make_model()), 2)
    Output.objects.filter(pk=first.pk).update(rejected_at=timezone.now())
    assert [picture.pk for picture in new_pictures(cards_of(memberships_of(people.viewer).values()))] == [second.pk]


def test_home_needs_few_queries(signed_in, people, project, django_assert_max_num_queries):
    model = make_model()
    make_pictures(make_job(project, people.editor, model), 12)
    for number in range(4):
        other = create_project(people.owner, slug=f"p{number}", name=f"P{number}")
        make_pictures(make_job(other, people.owner, model, key=f"p{number}"), 12)
    client = signed_in("owner")
    with django_assert_max_num_queries(13):
        html(client)


@pytest.mark.parametrize(
    ("days", "words"),
    [(-1, "Licence ended"), (5, "ends within 7 days"), (20, "ends within 30 days"), (80, "ends within 90 days")],
)
def test_an_ending_licence_is_announced(signed_in, project, days, words):
    make_model("rented", expires_at=timezone.now() + timedelta(days=days))
    assert words in html(signed_in("viewer"))


def test_a_licence_far_from_its_end_is_not_announced(signed_in, project):
    make_model("rented", expires_at=timezone.now() + timedelta(days=91))
    assert "Licence ends" not in html(signed_in("viewer"))


def test_reviews_wait_for_reviewers_but_not_for_the_person_who_submitted(signed_in, people, project):
    make_model("fresh", state=Rights.State.PENDING, submitted_by=people.reviewer)
    assert "Waits for your review" not in html(signed_in("reviewer"))
    # The model belongs to the whole house, so it waits for its staff only.
    assert "Waits for your review" not in html(signed_in("owner"))
    people.owner.is_staff = True
    people.owner.save(update_fields=["is_staff"])
    assert "Waits for your review" in html(signed_in("owner"))
    assert "Waits for your review" not in html(signed_in("editor"))


def test_jobs_are_asked_for_again_only_while_some_run(signed_in, people, project):
    model = make_model()
    job = make_job(project, people.editor, model)
    assert 'hx-trigger="every 3s"' in html(signed_in("viewer"))
    Generation.objects.filter(pk=job.pk).update(status="failed", finished_at=timezone.now(), error="worker_died")
    page = html(signed_in("viewer"))
    assert 'hx-trigger="every 3s"' not in page
    assert "Failed" in page


def test_the_badge_counts_what_runs_in_my_projects(signed_in, people, project):
    make_job(project, people.editor, make_model())
    assert ">1<" in signed_in("viewer").get(reverse("jobs_badge")).content.decode()
    quiet = signed_in("stranger").get(reverse("jobs_badge")).content.decode()
    assert "every 5s" not in quiet
    assert "spinner" not in quiet


def test_prompts_are_shown_as_text(signed_in, people, project):
    make_job(project, people.editor, make_model(), key="<script>alert(1)</script>")
    assert "<script>alert(1)" not in html(signed_in("viewer"))
