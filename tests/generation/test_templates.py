"""Templates: versions that never change, names that move and come back, the editor, the import."""

import copy
import json
from contextlib import contextmanager

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from generation import template_overview
from generation.models import PromptTemplate, TemplateVersion
from generation.services import templates as services
from generation.views.presets import SEAL_SALT
from ledger.models import Entry
from projects.problems import Problem
from projects.services import create_campaign
from tests.generation.pictures import made

PRODUCTION, CANDIDATE = "production", "candidate"


def next_body(template, **slots):
    """Return the newest body with other defaults."""
    body = copy.deepcopy(template.versions.order_by("-number")[0].body)
    for slot in body["slots"]:
        slot["default"] = slots.get(slot["name"], slot["default"])
    return body


def add_version(people, template, light):
    return services.save_version(people.editor, template, body=next_body(template, light=light))


def last_entry(project):
    return Entry.objects.filter(chain=project.id).latest("seq")


def alias_number(template, name=PRODUCTION):
    return template.aliases.get(name=name).version.number


@contextmanager
def refused(code):
    """Expect a Problem with this code."""
    with pytest.raises(Problem) as caught:
        yield
    assert caught.value.code == code


def url(view, *args):
    return reverse(view, args=["spring", *args])


def form_data(**changes):
    """Return what the editor's form sends when nothing but `changes` was typed."""
    data = {f"{name}_default": "" for name in ("subject", "environment", "light", "style")}
    data |= {"separator": ", ", "negative": "blurry", "negative_locked": "", "note": ""}
    for prefix in ("variables", "wildcards"):
        data |= {f"{prefix}-TOTAL_FORMS": "2", f"{prefix}-INITIAL_FORMS": "0"}
    return data | changes


def test_a_new_template_has_version_one_on_production(people, project, template):
    assert [version.number for version in template.versions.all()] == [1]
    assert alias_number(template) == 1
    assert last_entry(project).event == "generation.template.created"


def test_a_version_gets_the_next_number_and_its_hash_goes_into_the_ledger(people, project, template):
    version = add_version(people, template, "moonlight")
    assert version.number == 2
    entry = last_entry(project)
    assert entry.event == "generation.template.version_saved"
    assert entry.data["body_sha256"] == services.body_sha256(version.body)


def test_an_unchanged_body_is_refused(people, template):
    with refused("unchanged"):
        services.save_version(people.editor, template, body=next_body(template))
    assert template.versions.count() == 1


def test_the_database_refuses_to_change_a_version(template):
    with pytest.raises(DatabaseError), transaction.atomic():
        TemplateVersion.objects.filter(template=template).update(note="another")


def test_a_name_moves_and_comes_back_and_both_are_written_down(people, project, template):
    version = add_version(people, template, "moonlight")
    services.move_alias(people.editor, template, PRODUCTION, version)
    assert last_entry(project).data == {"alias": "production", "from": 1, "to": 2}
    services.undo_alias(people.editor, template, PRODUCTION)
    assert alias_number(template) == 1
    assert last_entry(project).data == {"alias": "production", "from": 2, "to": 1}


def test_undoing_an_undo_is_a_redo(people, template):
    services.move_alias(people.editor, template, PRODUCTION, add_version(people, template, "moonlight"))
    services.undo_alias(people.editor, template, PRODUCTION)
    services.undo_alias(people.editor, template, PRODUCTION)
    assert alias_number(template) == 2


def test_a_move_that_was_decided_on_an_old_page_is_refused(people, template):
    second, third = add_version(people, template, "moonlight"), add_version(people, template, "sunset")
    services.move_alias(people.editor, template, PRODUCTION, second, seen=1)
    with refused("moved_meanwhile"):
        services.move_alias(people.owner, template, PRODUCTION, third, seen=1)
    assert alias_number(template) == 2


def test_there_is_nothing_to_undo_before_the_first_move(people, template):
    with refused("nothing_to_undo"):
        services.undo_alias(people.editor, template, PRODUCTION)
    assert alias_number(template) == 1


def test_a_name_never_points_into_another_template(people, project, template):
    other = services.create_template(people.editor, project, slug="other", name="Other", body={})
    with refused("other_template"):
        services.move_alias(people.editor, template, PRODUCTION, other.versions.get())
    assert template.aliases.get(name=PRODUCTION).version.template_id == template.id


@pytest.mark.parametrize("slug", ["product-key-visual", "new", "import"])
def test_a_taken_address_is_refused(people, project, template, slug):
    with refused("slug_taken"):
        services.create_template(people.editor, project, slug=slug, name="Another", body={})
    assert list(project.templates.all()) == [template]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"slots": [{"name": "subject", "default": "{{7*7}}"}]}, "slots"),
        ({"variables": {"a": {"default": "{b}"}, "b": {"default": "{a}"}}}, "body"),
        ({"variables": {"a": {"default": "x", "choices": ["y"]}}}, "variables.a.default"),
        ({"negative": "(a"}, "negative"),
        ({"negative": "{unknown}"}, "negative"),
    ],
)
def test_a_body_that_does_not_work_is_refused_with_its_place(change, place):
    with pytest.raises(Problem) as caught:
        services.check_body(change)
    assert list(caught.value.fields) == [place]


def test_the_room_shows_names_and_leads_to_each_template(signed_in, template):
    html = signed_in("viewer").get(url("templates")).content.decode()
    assert "Production v1" in html
    assert url("template", template.slug) in html
    assert url("template_new") not in html


def test_an_empty_room_says_what_to_do(signed_in, project):
    assert "No templates yet" in signed_in("editor").get(url("templates")).content.decode()


def test_search_is_literal(signed_in, template):
    page = signed_in("viewer").get(url("templates") + "?q=%25")
    assert "No template is called that" in page.content.decode()


def test_the_page_shows_what_changed(signed_in, people, template):
    add_version(people, template, "moonlight")
    html = signed_in("viewer").get(url("template", template.slug)).content.decode()
    assert "<del>soft daylight</del><ins>moonlight</ins>" in html


def test_many_versions_come_a_page_at_a_time(signed_in, people, template, django_assert_max_num_queries):
    for number in range(14):
        add_version(people, template, f"light {number}")
    client = signed_in("editor")
    with django_assert_max_num_queries(18):
        html = client.get(url("template", template.slug)).content.decode()
    assert "Version 15" in html
    assert "Version 5<" not in html
    older = client.get(url("template", template.slug) + "?before=6", headers={"HX-Request": "true"}).content.decode()
    assert "Version 5<" in older
    assert "<html" not in older


def test_two_versions_are_compared(signed_in, people, template):
    add_version(people, template, "moonlight")
    add_version(people, template, "sunset")
    html = signed_in("viewer").get(url("template_version", template.slug, 3) + "?against=1").content.decode()
    assert "Compared with version 1" in html
    assert "<del>soft daylight</del><ins>sunset</ins>" in html
    assert signed_in("viewer").get(url("template_version", template.slug, 9)).status_code == 404


def test_one_click_moves_production_and_one_click_undoes_it(signed_in, people, template):
    add_version(people, template, "moonlight")
    client = signed_in("editor")
    move = {"alias": PRODUCTION, "version": 2, "seen": 1}
    assert client.post(url("template_alias", template.slug), move).status_code == 302
    assert alias_number(template) == 2
    assert client.post(url("template_alias", template.slug), move).status_code == 409
    assert client.post(url("template_alias_undo", template.slug), {"alias": PRODUCTION, "seen": 2}).status_code == 302
    assert alias_number(template) == 1


def test_the_page_says_who_moved_a_name_and_which_campaigns_use_a_version(
    signed_in, people, project, template, starter
):
    add_version(people, template, "moonlight")
    client = signed_in("reviewer")
    shown = client.get(url("template", template.slug))
    assert shown.context["movers"] == {}
    services.move_alias(people.owner, template, PRODUCTION, template.versions.get(number=2))
    campaign = create_campaign(project, actor=people.owner, slug="blossom", name="Blossom")
    version = template.versions.get(number=1)
    made(people.editor, project, starter, template_version=version, slots={}, campaign=campaign)
    shown = client.get(url("template", template.slug))
    assert shown.context["movers"][PRODUCTION] == people.owner
    lines = {row["line"].version.number: row["line"] for row in shown.context["lines"]}
    assert (lines[1].campaigns, lines[2].campaigns) == ([campaign], ())
    assert f"campaign=blossom&amp;template={template.slug}&amp;version=1" in shown.content.decode()


def test_viewers_move_nothing(signed_in, people, template):
    move = {"alias": PRODUCTION, "version": 1}
    assert signed_in("viewer").post(url("template_alias", template.slug), move).status_code == 403
    assert signed_in("stranger").post(url("template_alias", template.slug), move).status_code == 404


def test_an_archived_template_is_out_of_the_room_and_can_come_back(signed_in, template):
    client = signed_in("editor")
    client.post(url("template_archive", template.slug), {"archived": "1"})
    assert url("template", template.slug) not in client.get(url("templates")).content.decode()
    assert url("template", template.slug) in client.get(url("templates") + "?archived=1").content.decode()
    client.post(url("template_archive", template.slug), {"archived": "0"})
    assert PromptTemplate.objects.get(pk=template.pk).archived_at is None


def test_new_names_go_into_the_ledger_and_the_address_stays(signed_in, project, template):
    data = {"name": "Key visual", "name_ja": "キービジュアル", "description": ""}
    assert signed_in("editor").post(url("template_names", template.slug), data).status_code == 302
    template.refresh_from_db()
    assert (template.name, template.slug) == ("Key visual", "product-key-visual")
    assert last_entry(project).event == "generation.template.renamed"


def test_the_editor_saves_the_next_version(signed_in, template):
    client = signed_in("editor")
    assert 'value="1"' in client.get(url("template_edit", template.slug)).content.decode()
    data = form_data(subject_default="a {color} mug", based_on="1", note="Variables")
    data |= {"variables-0-name": "color", "variables-0-default": "red", "variables-0-choices": "red\r\nblue\r\n"}
    assert client.post(url("template_edit", template.slug), data).status_code == 302
    version = template.versions.get(number=2)
    assert version.body["variables"] == {"color": {"default": "red", "choices": ["red", "blue"], "required": False}}
    assert version.note == "Variables"


def test_the_editor_shows_what_it_was_given(signed_in, template):
    """Opened and saved without a change, a version stays the same to the letter."""
    form = signed_in("editor").get(url("template_edit", template.slug)).context["editor"]
    data = {}
    for part in (form.body, form.variables.management_form, form.wildcards.management_form, *form.variables):
        data |= {
            part.add_prefix(name): value
            for name, value in part.initial.items()
            if value is not None and value is not False
        }
    response = signed_in("editor").post(url("template_edit", template.slug), data)
    assert response.status_code == 422
    assert "Nothing has changed" in response.content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"subject_default": "a {colour} mug"}, "There is no variable called colour"),
        ({"subject_prefix": "(((a"}, "has no partner"),
        ({"light_default": "{{7*7}}"}, "Double braces"),
        ({"separator": "("}, "Between the slots stands"),
        ({"variables-0-default": "red"}, "This needs a name"),
        ({"variables-0-name": "1a", "variables-0-default": "x"}, "begins with a letter"),
        ({"variables-0-name": "a", "variables-1-name": "a"}, "This name is there already"),
        ({"variables-0-name": "a", "variables-0-default": "z", "variables-0-choices": "x\ny"}, "one of the values"),
        ({"wildcards-0-name": "season"}, "at least one line"),
        ({"subject_default": "x" * 2001}, "2001"),
    ],
)
def test_the_editor_says_what_to_mend_and_keeps_what_was_typed(signed_in, template, changes, sentence):
    data = form_data(environment_default="on a beach", **changes)
    response = signed_in("editor").post(url("template_edit", template.slug), data)
    html = response.content.decode()
    assert response.status_code == 422
    assert sentence in html
    assert "on a beach" in html
    assert template.versions.count() == 1


def test_the_preview_compiles_translates_and_writes_nothing(signed_in, template):
    data = form_data(subject_default="(red:1.2) mug", template=template.slug, based_on="1")
    response = signed_in("editor").post(url("template_preview"), data, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert "×1.2" in html
    assert "Changes from version 1" in html
    assert template.versions.count() == 1


def test_a_new_template_takes_its_address_from_its_name(signed_in, project):
    data = form_data(name="Winter poster", name_ja="", slug="", description="", subject_default="a mug")
    assert signed_in("editor").post(url("template_new"), data).status_code == 302
    assert PromptTemplate.objects.get(project=project).slug == "winter-poster"


def test_a_japanese_name_needs_an_address(signed_in, project):
    data = form_data(name="冬のポスター", name_ja="", slug="", description="")
    response = signed_in("editor").post(url("template_new"), data)
    assert response.status_code == 422
    assert "write an address" in response.content.decode()


def upload(client, data, name="styles.csv"):
    return client.post(url("template_import"), {"file": SimpleUploadedFile(name, data)})


def test_an_import_shows_rows_and_mistakes_and_writes_only_what_was_chosen(signed_in, project):
    client = signed_in("editor")
    table = (
        'name,prompt,negative_prompt\nFilm,"film still of {prompt}, grain",cartoon\nWater,"{prompt}, 水彩",\nBad,(a,\n'
    )
    shown = upload(client, table.encode())
    html = shown.content.decode()
    assert "film still of" in html
    assert "has no partner" in html
    assert not PromptTemplate.objects.filter(project=project).exists()
    done = client.post(url("template_import"), {"sealed": shown.context["sealed"], "row": ["1"]})
    assert done.status_code == 302
    made = PromptTemplate.objects.get(project=project)
    assert made.name == "Water"
    assert made.versions.get().body["slots"][3]["suffix"] == ", 水彩"


def test_styles_of_fooocus_and_invokeai_are_read(signed_in, project):
    fooocus = [{"name": "Neon", "prompt": "neon {prompt}", "negative_prompt": "dull"}]
    invoke = [
        {"name": "Ink", "type": "user", "preset_data": {"positive_prompt": "ink {prompt}", "negative_prompt": ""}}
    ]
    for data, source in ((fooocus, "Fooocus"), (invoke, "InvokeAI")):
        assert source in upload(signed_in("editor"), json.dumps(data).encode(), "a.json").content.decode()


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"", "a.csv", "empty"),
        (b"a,b\n1,2\n", "a.csv", "must name the columns"),
        (b"name,name,prompt\n", "a.csv", "twice"),
        (b"[{", "a.json", "not valid JSON"),
        (b"\xff\xfe\x00\xd8" * 3, "a.csv", "not text"),
        (b"name,prompt\n", "a.exe", "not allowed"),
        (b"name,prompt\n", "a.csv", "no preset"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_reason(signed_in, project, data, name, sentence):
    assert sentence in upload(signed_in("editor"), data, name).content.decode()


def test_a_sealed_reading_is_of_one_project_and_not_forged(signed_in, project):
    forged = signing.dumps(["0", [["a", "b", ""]]], salt=SEAL_SALT, compress=True)
    for sealed in ("nonsense", forged):
        response = signed_in("editor").post(url("template_import"), {"sealed": sealed, "row": ["0"]})
        assert response.status_code == 409
    assert not PromptTemplate.objects.filter(project=project).exists()


def test_imported_names_that_are_alike_get_addresses_of_their_own(people, project):
    body = services.TemplateBody()
    made = services.import_templates(
        people.editor, project, [("Film", body), ("film", body), ("フィルム", body), ("new", body)]
    )
    assert [template.slug for template in made] == ["film", "film-2", "template", "new-2"]


def test_a_template_shows_its_newest_pictures_and_how_many_each_version_made(
    signed_in, people, project, template, starter
):
    version = template.versions.get()
    outputs = made(people.editor, project, starter, template_version=version, slots={}, count=5)
    other = services.create_template(people.editor, project, slug="other", name="Other", body={})
    cards = {card.template: card for card in signed_in("viewer").get(url("templates")).context["cards"]}
    assert list(cards[template].pictures) == [output.id for output in reversed(outputs)][:4]
    assert not cards[other].pictures
    html = signed_in("viewer").get(url("template", template.slug)).content.decode()
    assert "5 pictures" in html
    assert str(outputs[0].id) in html


def test_a_template_that_was_used_long_ago_still_shows_its_last_picture(
    people, project, template, starter, monkeypatch
):
    old = made(people.editor, project, starter, template_version=template.versions.get(), slots={})
    made(people.editor, project, starter)
    monkeypatch.setattr(template_overview, "RECENT_PICTURES", 1)
    assert template_overview.newest_pictures(project, [template.id]) == {template.id: [old[0].id]}


def test_the_room_asks_few_questions_whatever_its_size(signed_in, people, project, django_assert_max_num_queries):
    for number in range(12):
        services.create_template(people.editor, project, slug=f"t{number}", name=f"T {number}", body={})
    client = signed_in("editor")
    with django_assert_max_num_queries(12):
        client.get(url("templates"))
