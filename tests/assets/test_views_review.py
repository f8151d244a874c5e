"""The rooms of review: what waits, deciding with four eyes, waivers, questions, and the calendar."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets.licensing import Action
from assets.models import Rights, Waiver
from assets.review_pages import alerts_of
from assets.services import Declaration
from assets.services.datasets import add_items, create_dataset
from assets.services.pictures import add_picture, read_picture
from assets.services.waivers import request_waiver
from ledger.models import Entry
from projects.access import memberships_of
from projects.models import Project
from projects.services import create_project
from tests.assets.material import cleared, picture, upload
from tests.assets.rights_blocks import with_xmp, xmp
from tests.assets.test_views import add_model

TOKYO = ZoneInfo("Asia/Tokyo")


def url(name: str, *more, slug: str = "spring") -> str:
    return reverse(name, args=[slug, *more])


def page(client, name: str = "review", query: str = ""):
    return client.get(url(name) + query)


def focus(response) -> str | None:
    """Return the name of the thing in focus."""
    found = response.context["focus"]
    return found.thing.name if found else None


def clear(client, *things):
    return client.post(url("review_clear"), {"ids": [str(each.rights_id) for each in things]})


def state(thing) -> str:
    return Rights.objects.get(id=thing.rights_id).state


class TestQueue:
    """What waits, one thing at a time."""

    def test_what_others_brought_waits_and_ones_own_waits_for_somebody_else(self, signed_in, people, project):
        picture(people.editor, project, 1)
        picture(people.reviewer, project, 2)
        response = page(signed_in("reviewer"))
        assert focus(response) == "1.png"
        assert [each.name for each in response.context["mine"]] == ["2.png"]
        assert focus(page(signed_in("editor"))) == "2.png"

    def test_nothing_waits_says_so(self, signed_in, project):
        assert "Nothing waits for you" in page(signed_in("reviewer")).content.decode()

    def test_other_projects_and_removed_things_are_not_in_it(self, signed_in, people, project):
        picture(people.stranger, Project.objects.get(slug="elsewhere"), 1)
        gone = picture(people.editor, project, 2)
        type(gone).objects.filter(pk=gone.pk).update(removed_at=timezone.now())
        add_model("gone", state="pending", removed_at=timezone.now())
        assert focus(page(signed_in("reviewer"))) is None

    def test_models_wait_too_also_those_of_the_whole_house(self, signed_in, people, project):
        add_model("shared", state="pending")
        add_model("ours", state="pending", project=project)
        response = page(signed_in("reviewer"))
        assert response.context["count"] == 2
        assert "Pass the weights on" in response.content.decode()

    def test_the_oldest_comes_first_and_neighbours_lead_on(self, signed_in, people, project):
        first, second, third = (picture(people.editor, project, seed) for seed in (1, 2, 3))
        client = signed_in("reviewer")
        found = page(client).context["focus"]
        assert (found.thing.name, found.place, found.previous, found.following) == ("1.png", 1, None, second.rights)
        found = page(client, query=f"?thing={second.rights_id}").context["focus"]
        assert (found.place, found.previous, found.following) == (2, first.rights, third.rights)

    @pytest.mark.parametrize("wanted", ["", "x", "'", str(uuid.UUID(int=4))])
    def test_an_address_that_names_nothing_shows_the_first(self, signed_in, people, project, wanted):
        picture(people.editor, project, 1)
        assert focus(page(signed_in("reviewer"), query=f"?thing={wanted}")) == "1.png"

    def test_a_reviewer_sees_what_clearing_would_allow(self, signed_in, people, project):
        picture(people.editor, project, 1, "CC-BY-NC-4.0")
        answers = page(signed_in("reviewer")).context["focus"].answers
        assert [(str(each.question), each.mark) for each in answers] == [
            ("Train on it", "stop"),
            ("Generate from it", "stop"),
            ("Publish what is made from it", "stop"),
            ("Publish it unchanged", "stop"),
        ]
        Project.objects.filter(pk=project.pk).update(purpose="noncommercial")
        answers = page(signed_in("reviewer")).context["focus"].answers
        assert {each.mark for each in answers} == {"ok"}
        assert Rights.objects.get().state == "pending"

    def test_what_the_file_says_against_the_declaration_is_shown(self, signed_in, people, project):
        read = read_picture(with_xmp(xmp("", 'plus:DataMining="DMI-PROHIBITED"')))
        add_picture(people.editor, project, read, name="said.png", declaration=Declaration(expression="CC0-1.0"))
        html = page(signed_in("reviewer")).content.decode()
        assert "The file and the declaration disagree" in html
        assert "DMI-PROHIBITED" in html

    def test_what_people_wrote_is_never_markup(self, signed_in, people, project):
        picture(people.editor, project, 1, note="<script>alert(1)</script>", creator_reading="<b>")
        assert "<script>alert" not in page(signed_in("reviewer")).content.decode()

    def test_viewers_look_and_have_no_buttons(self, signed_in, people, project):
        picture(people.editor, project, 1)
        html = page(signed_in("viewer")).content.decode()
        assert "data-review-clear" not in html
        assert "A reviewer of the project decides" in html

    def test_the_page_asks_few_questions_whatever_waits(self, signed_in, people, project):
        client, counts = signed_in("reviewer"), []
        for seeds in (range(1, 4), range(4, 12)):
            for seed in seeds:
                picture(people.editor, project, seed)
            with CaptureQueriesContext(connection) as queries:
                page(client)
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 20


class TestDeciding:
    """Clear and refuse."""

    def test_clearing_leads_on_to_the_next(self, signed_in, people, project):
        first, second, third = (picture(people.editor, project, seed) for seed in (1, 2, 3))
        response = clear(signed_in("reviewer"), second)
        assert response.url == url("review") + f"?thing={third.rights_id}"
        assert (state(first), state(second)) == ("pending", "cleared")
        assert clear(signed_in("reviewer"), third).url == url("review") + f"?thing={first.rights_id}"
        assert clear(signed_in("reviewer"), first).url == url("review")
        assert Entry.objects.filter(chain=project.id, event="assets.rights.cleared").count() == 3

    def test_several_alike_are_cleared_together(self, signed_in, people, project):
        alike = [picture(people.editor, project, seed) for seed in (1, 2, 3)]
        picture(people.editor, project, 4, "CC-BY-4.0")
        client = signed_in("reviewer")
        found = page(client).context["focus"]
        assert [each.name for each in found.alike] == ["2.png", "3.png"]
        clear(client, *alike)
        assert {state(each) for each in alike} == {"cleared"}
        assert focus(page(client)) == "4.png"

    def test_what_is_not_alike_is_not_cleared_together(self, signed_in, people, project):
        one, other = picture(people.editor, project, 1), picture(people.editor, project, 2, "CC-BY-4.0")
        response = clear(signed_in("reviewer"), one, other)
        assert response.status_code == 409
        assert "same licence and creator" in response.content.decode()
        assert (state(one), state(other)) == ("pending", "pending")

    def test_nobody_clears_their_own(self, signed_in, people, project):
        own = picture(people.reviewer, project, 1)
        response = clear(signed_in("reviewer"), own)
        assert response.status_code == 409
        assert state(own) == "pending"

    def test_no_choice_is_said_in_words(self, signed_in, project):
        response = signed_in("reviewer").post(url("review_clear"))
        assert response.status_code == 400
        assert "Choose at least one thing" in response.content.decode()

    @pytest.mark.parametrize(("rights_id", "status"), [("x", 400), (str(uuid.UUID(int=4)), 404)])
    def test_what_is_not_there_is_not_cleared(self, signed_in, project, rights_id, status):
        assert signed_in("reviewer").post(url("review_clear"), {"ids": [rights_id]}).status_code == status

    def test_a_refusal_asks_for_its_reason(self, signed_in, people, project):
        added, client = picture(people.editor, project, 1), signed_in("reviewer")
        address = url("review_refuse", added.rights_id)
        response = client.post(address, {"reason": "  "})
        assert response.status_code == 422
        assert focus(response) == "1.png"
        assert response.context["form"].errors["reason"]
        assert client.post(address, {"reason": "The page is gone."}).status_code == 302
        assert Rights.objects.get().closed_reason == "The page is gone."

    @pytest.mark.parametrize("name", ["viewer", "editor"])
    def test_others_decide_nothing(self, signed_in, people, project, name):
        added = picture(people.owner, project, 1)
        assert clear(signed_in(name), added).status_code == 403
        refused = signed_in(name).post(url("review_refuse", added.rights_id), {"reason": "no"})
        assert refused.status_code == 403
        assert state(added) == "pending"

    def test_another_projects_rights_are_not_there(self, signed_in, people, project):
        theirs = picture(people.stranger, Project.objects.get(slug="elsewhere"), 1)
        assert clear(signed_in("owner"), theirs).status_code == 404
        refused = signed_in("owner").post(url("review_refuse", theirs.rights_id), {"reason": "no"})
        assert refused.status_code == 404


class TestWaivers:
    """Rules set aside."""

    def ask(self, client, query="", **values):
        day = (timezone.localdate() + timedelta(days=30)).isoformat()
        usual = {"action": "train", "reason": "Letter of 3 May", "last_day": day}
        return client.post(url("waiver_new") + query, usual | values)

    def test_one_asks_and_another_approves(self, signed_in, people, project):
        added = cleared(people, project, 1, "CC-BY-NC-4.0")
        letter = upload("letter.txt", b"We agree.")
        response = self.ask(signed_in("editor"), f"?picture={added.id}", evidence=letter)
        assert response.status_code == 302
        waiver = Waiver.objects.get()
        assert (waiver.rights, waiver.evidence.name, waiver.action) == (added.rights, "letter.txt", "train")
        html = page(signed_in("editor"), "waivers").content.decode()
        assert "Waits for approval" in html
        assert url("waiver_approve", waiver.id) not in html
        assert url("waiver_approve", waiver.id) in page(signed_in("reviewer"), "waivers").content.decode()
        signed_in("reviewer").post(url("waiver_approve", waiver.id))
        waiver.refresh_from_db()
        assert waiver.approved_by == people.reviewer
        assert "In force" in page(signed_in("viewer"), "waivers").content.decode()

    def test_the_last_day_counts_to_its_end(self, signed_in, people, project):
        self.ask(signed_in("editor"), last_day="2999-12-31")
        assert Waiver.objects.get().expires_at == datetime(3000, 1, 1, tzinfo=TOKYO)

    def test_nobody_approves_their_own_and_no_button_says_so(self, signed_in, people, project):
        self.ask(signed_in("reviewer"))
        waiver = Waiver.objects.get()
        html = page(signed_in("reviewer"), "waivers").content.decode()
        assert url("waiver_approve", waiver.id) not in html
        assert "another reviewer approves" in html
        assert signed_in("reviewer").post(url("waiver_approve", waiver.id)).status_code == 409

    def test_a_reviewer_ends_one_at_once(self, signed_in, people, project):
        self.ask(signed_in("editor"))
        waiver = Waiver.objects.get()
        signed_in("reviewer").post(url("waiver_approve", waiver.id))
        signed_in("owner").post(url("waiver_revoke", waiver.id))
        waiver.refresh_from_db()
        assert waiver.revoked_by == people.owner
        assert "Revoked" in page(signed_in("viewer"), "waivers").content.decode()

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"last_day": "2020-01-01"}, "last_day"),
            ({"last_day": "soon"}, "last_day"),
            ({"reason": " "}, "reason"),
            ({"action": "everything"}, "action"),
            ({"evidence": upload("a.bin", b"\x00\x01")}, "evidence"),
        ],
    )
    def test_mistakes_stand_beside_their_field(self, signed_in, project, values, field):
        response = self.ask(signed_in("editor"), **values)
        assert response.status_code == 422
        assert response.context["form"].errors[field]
        assert not Waiver.objects.exists()

    def test_a_thing_is_found_by_its_name(self, signed_in, people, project):
        cleared(people, project, 1)
        picture(people.stranger, Project.objects.get(slug="elsewhere"), 2)
        response = page(signed_in("editor"), "waiver_new", "?q=png")
        assert [each.name for each in response.context["found"]] == ["1.png"]

    def test_another_projects_picture_is_not_there(self, signed_in, people, project):
        theirs = picture(people.stranger, Project.objects.get(slug="elsewhere"), 1)
        assert page(signed_in("owner"), "waiver_new", f"?picture={theirs.id}").status_code == 404

    def test_the_list_asks_few_questions_whatever_its_length(self, signed_in, people, project):
        added, counts = cleared(people, project, 1), []
        for _round in range(2):
            for number in range(4):
                request_waiver(
                    people.editor,
                    project,
                    action=Action.TRAIN,
                    reason=f"{number}",
                    expires_at=timezone.now() + timedelta(days=1),
                    rights=added.rights,
                )
            client = signed_in("reviewer")
            with CaptureQueriesContext(connection) as queries:
                page(client, "waivers")
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 10


class TestQuestions:
    """May I use this?"""

    def answer(self, client, query: str):
        return page(client, "ask", query).context["answer"]

    def test_yes_names_what_is_owed_in_both_languages(self, signed_in, people, project):
        added = cleared(people, project, 1, "CC-BY-4.0")
        answer = self.answer(signed_in("viewer"), f"?picture={added.id}&use=itself")
        assert (str(answer.word), answer.mark) == ("Yes", "ok")
        assert [each.language for each in answer.spoken] == ["en", "ja"]
        assert all("Ana" in each.owed and "CC" in each.owed for each in answer.spoken)

    def test_no_names_the_item_and_the_clause(self, signed_in, people, project):
        added = cleared(people, project, 1, "CC-BY-NC-4.0")
        answer = self.answer(signed_in("viewer"), f"?picture={added.id}&purpose=advertising")
        assert answer.mark == "stop"
        assert "1.png" in answer.spoken[0].reasons[0]
        assert "§2(a)(1)" in answer.spoken[0].reasons[0]
        assert "1.png" in answer.spoken[1].reasons[0]
        assert self.answer(signed_in("viewer"), f"?picture={added.id}&purpose=noncommercial").mark == "ok"

    def test_the_place_and_the_medium_count(self, signed_in, people, project):
        added = cleared(people, project, 1, territories=["JP"], media=["web"])
        ask = f"?picture={added.id}&media=web&territory="
        client = signed_in("viewer")
        assert self.answer(client, ask + "JP").mark == "ok"
        assert self.answer(client, ask + "jp, us").mark == "stop"
        assert self.answer(client, f"?picture={added.id}&media=print").mark == "stop"
        assert "medi" in self.answer(client, f"?picture={added.id}").spoken[0].reasons[0]

    def test_an_end_in_between_is_said(self, signed_in, people, project):
        last = timezone.localdate() + timedelta(days=10)
        ends = datetime.combine(last + timedelta(days=1), datetime.min.time(), TOKYO)
        added = cleared(people, project, 1, expires_at=ends, time_zone="Asia/Tokyo")
        ask, client = f"?picture={added.id}&until=", signed_in("viewer")
        assert self.answer(client, f"{ask}{last}").mark == "ok"
        later = self.answer(client, f"{ask}{last + timedelta(days=1)}")
        assert later.mark == "stop"
        assert later.changes == "Now: Yes. On the last day: No."

    def test_a_share_alike_picture_asks_for_an_outbound_licence(self, signed_in, people, project):
        added, client = cleared(people, project, 1, "CC-BY-SA-4.0"), signed_in("viewer")
        assert self.answer(client, f"?picture={added.id}").mark == "stop"
        assert self.answer(client, f"?picture={added.id}&outbound=CC-BY-SA-4.0").mark == "ok"
        assert self.answer(client, f"?picture={added.id}&outbound=CC-BY-4.0").mark == "stop"

    def test_a_dataset_stands_for_its_pictures(self, signed_in, people, project):
        pictures = [cleared(people, project, 1), cleared(people, project, 2, "CC-BY-NC-4.0")]
        dataset = create_dataset(people.editor, project, name="Mixed")
        client = signed_in("viewer")
        assert self.answer(client, f"?dataset={dataset.id}") is None
        add_items(people.editor, dataset, pictures)
        answer = self.answer(client, f"?dataset={dataset.id}&use=train")
        assert [name for name, _license in answer.items] == ["1.png", "2.png"]
        assert "2.png" in answer.spoken[0].reasons[0]
        assert "1.png" not in answer.spoken[0].reasons[0]

    def test_a_model_has_uses_of_its_own(self, signed_in, project):
        model = add_model("small", "LicenseRef-scancode-stable-diffusion-2022-08-22")
        client = signed_in("viewer")
        form = page(client, "ask", f"?model={model.id}").context["form"]
        assert [name for name, _words in form.fields["use"].choices] == ["made", "train", "weights", "host"]
        assert self.answer(client, f"?model={model.id}&use=host").mark == "ok"

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("&territory=Japan", "territory"),
            ("&purpose=fun", "purpose"),
            ("&until=2020-01-01", "until"),
            ("&until=x", "until"),
            ("&copies=-1", "copies"),
            ("&media=stone", "media"),
            ("&use=sell", "use"),
        ],
    )
    def test_mistakes_stand_beside_their_field(self, signed_in, people, project, query, field):
        added = cleared(people, project, 1)
        response = page(signed_in("viewer"), "ask", f"?picture={added.id}{query}")
        assert response.context["answer"] is None
        assert response.context["form"].errors[field]

    @pytest.mark.parametrize("query", ["", "?picture=x", f"?model={uuid.UUID(int=4)}", "?dataset='", "?q=%00"])
    def test_an_address_that_names_nothing_asks_for_something(self, signed_in, project, query):
        response = page(signed_in("viewer"), "ask", query)
        assert response.status_code == 200
        assert response.context["answer"] is None

    def test_other_projects_things_are_passed_over(self, signed_in, people, project):
        theirs = picture(people.stranger, Project.objects.get(slug="elsewhere"), 1)
        assert page(signed_in("owner"), "ask", f"?picture={theirs.id}").context["subjects"] == []

    def test_a_get_writes_nothing(self, signed_in, people, project):
        added = cleared(people, project, 1)
        client = signed_in("viewer")
        with CaptureQueriesContext(connection) as queries:
            page(client, "ask", f"?picture={added.id}")
        assert not [each for each in queries if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert len(queries) <= 12


class TestCalendar:
    """Licences that end."""

    def names(self, months) -> list[tuple[str, list[str]]]:
        return [(f"{month.first:%Y-%m}", [each.thing.name for each in month.endings]) for month in months]

    def test_ends_are_grouped_by_the_licensors_month(self, signed_in, people, project, time_machine):
        time_machine.move_to(datetime(2026, 12, 1, tzinfo=TOKYO))
        client = signed_in("viewer")
        new_year = datetime(2027, 1, 1, tzinfo=TOKYO)
        cleared(people, project, 1, expires_at=new_year, time_zone="Asia/Tokyo")
        cleared(people, project, 2, expires_at=new_year + timedelta(days=20), time_zone="Asia/Tokyo")
        cleared(people, project, 3, expires_at=new_year + timedelta(days=400), time_zone="Asia/Tokyo")
        cleared(people, project, 4, expires_at=datetime(2026, 11, 1, tzinfo=TOKYO), time_zone="Asia/Tokyo")
        found = page(client, "expiries").context["calendar"]
        assert self.names(found.ahead) == [("2026-12", ["1.png"]), ("2027-01", ["2.png"])]
        assert self.names(found.ended) == [("2026-10", ["4.png"])]
        assert found.later == 1
        assert "31 December 2026 (Asia/Tokyo)" in page(client, "expiries").content.decode()

    def test_it_looks_as_far_ahead_as_is_asked(self, signed_in, people, project):
        cleared(people, project, 1, expires_at=timezone.now() + timedelta(days=5))
        cleared(people, project, 2, expires_at=timezone.now() + timedelta(days=20))
        client = signed_in("viewer")
        counts = {
            days: sum(len(month.endings) for month in page(client, "expiries", days).context["calendar"].ahead)
            for days in ("?within=7", "?within=30", "?within=90", "?within=9", "?within=x", "")
        }
        assert counts == {"?within=7": 1, "?within=30": 2, "?within=90": 2, "?within=9": 2, "?within=x": 2, "": 2}

    def test_what_is_over_anyway_is_not_in_it(self, signed_in, people, project):
        added = cleared(people, project, 1, expires_at=timezone.now() + timedelta(days=5))
        Rights.objects.filter(picture=added).update(state="withdrawn")
        assert "No licence ends soon" in page(signed_in("viewer"), "expiries").content.decode()

    def test_the_page_asks_few_questions_whatever_ends(self, signed_in, people, project):
        client, counts = signed_in("viewer"), []
        for seeds in (range(1, 4), range(4, 9)):
            for seed in seeds:
                cleared(people, project, seed, expires_at=timezone.now() + timedelta(days=seed * 9))
            with CaptureQueriesContext(connection) as queries:
                page(client, "expiries")
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 8


class TestAlerts:
    """What Home says."""

    def test_ends_and_reviews_are_counted_by_project(self, people, project):
        soon = timezone.now() + timedelta(days=3)
        for seed in (1, 2):
            cleared(people, project, seed, expires_at=soon)
        picture(people.editor, project, 3)
        alerts = alerts_of(people.reviewer, memberships_of(people.reviewer))
        assert [(each.count, each.name, each.within) for each in alerts] == [(2, "1.png", 7), (1, "3.png", None)]
        assert [each.url for each in alerts] == [url("expiries"), url("review")]
        assert [each.within for each in alerts_of(people.editor, memberships_of(people.editor))] == [7]

    def test_a_waiver_that_waits_is_announced_to_others(self, people, project):
        request_waiver(
            people.reviewer,
            project,
            action=Action.TRAIN,
            reason="Letter",
            expires_at=timezone.now() + timedelta(days=1),
        )
        assert alerts_of(people.reviewer, memberships_of(people.reviewer)) == []
        assert [each.url for each in alerts_of(people.owner, memberships_of(people.owner))] == [url("waivers")]

    def test_strangers_and_newcomers_hear_nothing(self, people, project):
        cleared(people, project, 1, expires_at=timezone.now() + timedelta(days=3))
        assert alerts_of(people.stranger, memberships_of(people.stranger)) == []

    def test_it_needs_few_queries_whatever_the_number_of_projects(self, people, project, django_assert_max_num_queries):
        for number in range(3):
            other = create_project(people.owner, slug=f"p{number}", name=f"P{number}")
            picture(people.editor, other, number + 1)
        with django_assert_max_num_queries(5):
            assert len(alerts_of(people.owner, memberships_of(people.owner))) == 3
