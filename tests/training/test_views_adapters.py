"""The adapters' room: what its pages say, who may press what, and what happens then."""

import re
import uuid

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import translation

from assets.services import clear_rights, edit_rights, withdraw_rights
from jobs.models import Status
from ledger.models import Entry
from tests.training.saved import save, saved, with_samples
from tests.training.stage import TRIGGER, asked, frozen
from training.models import Adapter, AdapterAlias, AdapterExport, AdapterJob, Promotion
from training.services.adapters import open_adapter
from training.services.promotions import approve_promotion, ask_promotion

pytestmark = pytest.mark.django_db


@pytest.fixture
def pictures(people, project):
    return frozen(people, project)


@pytest.fixture
def version(people, project, starter, pictures):
    return saved(people, project, pictures, starter, adapter_name="Ink Fox")


@pytest.fixture
def second(people, project, starter, pictures, version):
    """Return version 2 of the same adapter."""
    return saved(people, project, pictures, starter, adapter=version.adapter, seed=7)


def url(name, *args):
    return reverse(name, args=["spring", *args])


def text(response):
    """Return a page's words with single spaces."""
    return re.sub(r"\s+", " ", response.content.decode())


def promoted(people, version):
    """Bring a version into production with four eyes."""
    return approve_promotion(ask_promotion(people.editor, version), approver=people.reviewer)


def test_an_empty_room_says_what_to_do(signed_in, project):
    assert "No adapters yet" in text(signed_in("viewer").get(url("adapters")))


def test_a_card_says_which_version_counts_and_how_to_call_it(signed_in, people, version, second):
    promoted(people, version)
    with_samples(version)
    page = text(signed_in("viewer").get(url("adapters")))
    assert "Production v1" in page
    assert "Candidate v2" in page
    assert TRIGGER in page
    assert "weight 0.8" in page
    assert reverse("training_thumbnail", args=["spring", version.run_id, 4, 0]) in page


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("q=ink", True),
        ("q=umbrel", True),
        (f"q={TRIGGER}", True),
        ("q=50%25", False),
        ("q=_", False),
        ("method=lora", True),
        ("method=hypernetwork", True),  # none there is of this kind: such a filter is no choice and is passed over
        ("alias=candidate", True),
        ("alias=production", False),
        ("alias=none", True),
        ("pictures=few", True),
        ("pictures=many", False),
        ("resolution=64", True),
        ("rank=2", True),
        ("license=CC0-1.0", True),
        ("archived=1", False),
        ("rank=2&pictures=most", False),
    ],
)
def test_filters_keep_what_fits(signed_in, version, query, is_found):
    page = signed_in("viewer").get(f"{url('adapters')}?{query}")
    assert ([each.adapter for each in page.context["cards"]] == [version.adapter]) is is_found


def test_japanese_words_are_found_too(signed_in, people, version):
    Adapter.objects.filter(pk=version.adapter_id).update(name_ja="墨の狐")
    page = signed_in("viewer").get(f"{url('adapters')}?q=墨の")
    assert len(page.context["cards"]) == 1


def test_the_list_asks_no_more_questions_for_more_adapters(
    signed_in, people, project, starter, pictures, version, django_assert_max_num_queries
):
    client = signed_in("viewer")
    client.get(url("adapters"))
    with django_assert_max_num_queries(40) as first:
        client.get(url("adapters"))
    for seed in range(2):
        saved(people, project, pictures, starter, adapter_name=f"Other {seed}", seed=seed + 20)
    with django_assert_max_num_queries(len(first.captured_queries)):
        client.get(url("adapters"))


def test_an_adapter_without_a_version_has_its_page(signed_in, people, project):
    adapter = open_adapter(people.editor, project, name="Coming", method="lora")
    assert "No version yet" in text(signed_in("viewer").get(adapter.get_absolute_url()))
    assert "No version yet" in text(signed_in("viewer").get(url("adapters")))


def test_the_adapters_page_shows_versions_newest_first(signed_in, people, version, second):
    page = signed_in("editor").get(version.adapter.get_absolute_url())
    assert [line.version.number for line in page.context["view"].lines] == [2, 1]
    assert "10.0 % better" in text(page)
    assert text(page).count('name="ids"') == 2
    assert f"?adapter={second.file_id}" in text(page)


def test_asking_approving_and_rolling_back(signed_in, people, project, version, second):
    promoted(people, version)
    editor, reviewer = signed_in("editor"), signed_in("reviewer")
    done = editor.post(url("version_promote", "ink-fox", 2), {"note": "sharper lines"}, follow=True)
    assert "waits to become production" in text(done)
    promotion = Promotion.objects.get(decided_at=None)
    for page in (url("promotions"), url("adapter", "ink-fox"), url("review"), reverse("home")):
        assert reverse("promotions", args=["spring"]) in text(reviewer.get(page)), page
    assert "sharper lines" in text(reviewer.get(url("promotions")))
    assert editor.post(url("promotion_approve", promotion.id)).status_code == 403
    done = reviewer.post(url("promotion_approve", promotion.id), {"back": "adapter"})
    assert done.url == url("adapter", "ink-fox")
    assert version.adapter.aliases.get(name="production").version == second
    page = text(reviewer.get(url("adapter", "ink-fox")))
    assert "Roll back to v1" in page
    assert "Roll back" not in text(editor.get(url("adapter", "ink-fox")))
    reviewer.post(url("adapter_roll_back", "ink-fox"), {"version": "2"})
    assert version.adapter.aliases.get(name="production").version == version
    again = reviewer.post(url("adapter_roll_back", "ink-fox"), {"version": "2"})
    assert again.status_code == 409
    assert "Somebody else has moved it meanwhile" in text(again)


def test_nobody_approves_what_they_asked_for(signed_in, people, version):
    ask_promotion(people.reviewer, version)
    promotion = Promotion.objects.get()
    client = signed_in("reviewer")
    page = text(client.get(url("promotions")))
    assert "You asked, so another reviewer decides." in page
    assert url("promotion_approve", promotion.id) not in page
    assert "waits to become production" not in text(client.get(url("review")))
    refused = client.post(url("promotion_approve", promotion.id))
    assert refused.status_code == 409
    assert "Nobody approves what they asked for" in text(refused)
    promotion.refresh_from_db()
    assert promotion.is_open


def test_refusing_asks_for_a_reason_and_taking_back_does_not(signed_in, people, version):
    promotion = ask_promotion(people.editor, version)
    reviewer, editor = signed_in("reviewer"), signed_in("editor")
    assert reviewer.post(url("promotion_refuse", promotion.id)).status_code == 400
    editor.post(url("promotion_refuse", promotion.id))
    promotion.refresh_from_db()
    assert promotion.approved is False
    other = ask_promotion(people.editor, version)
    reviewer.post(url("promotion_refuse", other.id), {"reason": "the face melts"})
    other.refresh_from_db()
    assert other.reason == "the face melts"
    assert "the face melts" in text(reviewer.get(url("promotions")))


def test_a_blocked_promotion_says_why(signed_in, people, version, pictures):
    withdraw_rights(pictures.items.first().picture, actor=people.reviewer, reason="they asked")
    refused = signed_in("editor").post(url("version_promote", "ink-fox", 1))
    assert refused.status_code == 409
    assert "withdrawn" in text(refused).lower()
    assert not Promotion.objects.exists()


def test_the_version_answers_every_question_and_shows_its_chain(signed_in, people, starter, version, pictures):
    with_samples(version)
    page = text(signed_in("viewer").get(version.get_absolute_url()))
    for question in ("Use it in the Studio", "Publish what it draws", "Give the weights away", "Offer it as a service"):
        assert question in page
    assert "Merge it with others" in page
    assert reverse("model_file", args=["spring", starter.id]) in page
    assert pictures.get_absolute_url() in page
    assert "× 6" in page
    assert "modelspec.trigger_phrase" in page
    assert version.file.sha256[:16] in page
    assert "sksumbrella, number 0" in page
    assert "Download" not in page


def test_the_page_speaks_japanese(signed_in, people, starter, project):
    made = saved(people, project, frozen(people, project, expression="CC-BY-4.0", first_seed=90, name="By"), starter)
    client = signed_in("viewer")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ja"
    people.viewer.language = "ja"
    people.viewer.save(update_fields=["language"])
    with translation.override("ja"):
        page = text(client.get(made.get_absolute_url()))
    assert "CC BY 4.0（表示）" in page
    assert "改変あり" in page
    assert "modified" in page


def test_the_version_says_when_other_licences_bind_it_today(signed_in, people, version, pictures):
    client = signed_in("viewer")
    assert "has changed since" not in text(client.get(version.get_absolute_url()))
    picture = pictures.items.first().picture
    edit_rights(picture.rights, actor=people.editor, changes={"expression": "CC-BY-4.0"})
    clear_rights(picture, reviewer=people.reviewer)
    page = text(client.get(version.get_absolute_url()))
    assert "has changed since" in page
    assert "CC BY 4.0 × 1" in page


def test_a_withdrawn_version_stays_as_a_tombstone(signed_in, people, version, second):
    promoted(people, second)
    client = signed_in("reviewer")
    assert "cannot be undone" in text(client.get(url("version_withdraw", "ink-fox", 2)))
    assert client.post(url("version_withdraw", "ink-fox", 2)).status_code == 422
    client.post(url("version_withdraw", "ink-fox", 2), {"reason": "a picture was not ours"})
    second.refresh_from_db()
    assert second.is_withdrawn
    page = text(signed_in("editor").get(url("adapter", "ink-fox")))
    assert "Taken back" in page
    assert "a picture was not ours" in page
    assert not version.adapter.aliases.filter(name="production").exists()
    tombstone = text(signed_in("editor").get(second.get_absolute_url()))
    assert "a picture was not ours" in tombstone
    assert "Ask to promote" not in tombstone
    assert url("version_export", "ink-fox", 2) not in tombstone


@pytest.mark.django_db(transaction=True)
def test_the_house_download_is_a_post_that_the_ledger_notes(signed_in, people, project, version):
    client = signed_in("editor")
    assert client.get(url("version_download", "ink-fox", 1)).status_code == 405
    sent = client.post(url("version_download", "ink-fox", 1))
    assert b"".join(sent.streaming_content) == version.file.file.read_bytes()
    assert sent["Content-Disposition"] == 'attachment; filename="ink-fox-v1-internal.safetensors"'
    assert sent["Cache-Control"] == "private, no-store"
    assert Entry.objects.filter(chain=project.id, event="training.version.downloaded").count() == 1
    assert signed_in("viewer").post(url("version_download", "ink-fox", 1)).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_preparing_and_taking_out_a_package(signed_in, people, project, version):
    from training.tasks_exports import export

    client = signed_in("reviewer")
    page = client.get(version.get_absolute_url())
    form = {"layout": "package", "scope": "public", "territory": "WW", "outbound": "CC-BY-4.0"}
    form["idempotency_key"] = str(uuid.uuid4())
    assert "To pass on, with its papers" in text(page)
    asked_for = client.post(url("version_export", "ink-fox", 1), form)
    job = AdapterExport.objects.get()
    assert asked_for.url == job.get_absolute_url()
    assert client.post(url("version_export", "ink-fox", 1), form).url == asked_for.url
    assert "Waiting for a worker" in text(client.get(asked_for.url))
    export(str(job.id))
    assert "Download" in text(client.get(asked_for.url, headers={"HX-Request": "true"}))
    sent = client.post(url("adapter_export_download", job.id))
    assert sent["Content-Disposition"] == 'attachment; filename="ink-fox-v1-package.zip"'
    assert b"".join(sent.streaming_content)[:2] == b"PK"
    assert "Version 1 of Ink Fox downloaded as package (to pass on)" in text(client.get(url("ledger")))
    assert client.get(url("version_by_id", version.id)).url == version.get_absolute_url()
    assert signed_in("editor").post(url("adapter_export_download", job.id)).status_code == 403


def test_a_closed_gate_answers_with_every_reason(signed_in, people, project, starter):
    verbatim = frozen(people, project, expression="CC-BY-ND-4.0", first_seed=110, name="Verbatim")
    made = saved(people, project, verbatim, starter, adapter_name="Verbatim")
    form = {"layout": "kohya", "scope": "public", "territory": "WW", "outbound": "", "idempotency_key": "k"}
    refused = signed_in("reviewer").post(url("version_export", "verbatim", 1), form)
    assert refused.status_code == 409
    assert "Nothing was changed." in text(refused)
    assert "CC BY-ND 4.0" in text(refused)
    assert not AdapterExport.objects.exists()
    assert signed_in("editor").post(url("version_export", "verbatim", 1), form).status_code == 422
    assert made.file.file.is_file()


def test_waiting_downloads_can_be_cancelled(signed_in, people, project, version):
    client = signed_in("editor")
    form = {"layout": "peft", "scope": "internal", "idempotency_key": "k"}
    client.post(url("version_export", "ink-fox", 1), form)
    job = AdapterExport.objects.get()
    client.post(url("adapter_export_cancel", job.id))
    job.refresh_from_db()
    assert job.status == Status.CANCELED


def test_names_change_and_addresses_stay(signed_in, people, version):
    client = signed_in("editor")
    form = {"name": "Ink Wolf", "name_ja": "墨の狼", "description": "Soft brush."}
    done = client.post(url("adapter_edit", "ink-fox"), form, follow=True)
    assert "Ink Wolf" in text(done)
    assert done.redirect_chain[-1][0] == url("adapter", "ink-fox")
    assert client.post(url("adapter_edit", "ink-fox"), {**form, "name": "\u200b "}).status_code == 422


def test_what_people_write_is_never_markup(signed_in, people, version):
    evil = "<script>alert(1)</script>"
    Adapter.objects.filter(pk=version.adapter_id).update(name=evil[:120], description=evil)
    for page in (url("adapters"), url("adapter", "ink-fox"), url("adapter_version", "ink-fox", 1)):
        assert "<script>alert" not in signed_in("viewer").get(page).content.decode()


def test_the_archive_takes_an_adapter_out_of_the_list_and_back(signed_in, version):
    client = signed_in("editor")
    client.post(url("adapter_archive", "ink-fox"), {"archived": "1"})
    assert not client.get(url("adapters")).context["cards"]
    assert client.get(f"{url('adapters')}?archived=1").context["cards"]
    client.post(url("adapter_archive", "ink-fox"), {"archived": "0"})
    assert client.get(url("adapters")).context["cards"]


def test_merging_asks_for_a_job_once_and_names_its_mistakes(signed_in, people, project, version, second):
    client = signed_in("editor")
    page = client.get(url("adapter_rework", "ink-fox", "merge"))
    assert page.context["form"]["version_1"].value() == str(second.id)
    form = {"version_1": str(version.id), "weight_1": "0.6", "idempotency_key": "once", "adapter_name": "Both"}
    refused = client.post(url("adapter_rework", "ink-fox", "merge"), form)
    assert refused.status_code == 422
    assert "two to eight versions" in text(refused)
    form |= {"version_2": str(second.id), "weight_2": "0.4"}
    done = client.post(url("adapter_rework", "ink-fox", "merge"), form)
    assert client.post(url("adapter_rework", "ink-fox", "merge"), form).url == done.url
    job = AdapterJob.objects.get()
    assert [row.weight for row in job.inputs.all()] == [0.6, 0.4]
    assert "Waiting for a worker" in text(client.get(done.url))
    client.post(url("adapter_job_cancel", job.id))
    job.refresh_from_db()
    assert job.status == Status.CANCELED


def test_a_merge_of_many_unfolds_its_other_rows_when_they_count(signed_in, version, second):
    client = signed_in("editor")
    page = client.get(url("adapter_rework", "ink-fox", "merge"))
    assert "<details>" in page.content.decode()
    assert 'name="weight_8"' in page.content.decode()
    form = {"version_1": str(version.id), "version_6": str(second.id), "weight_6": "9", "idempotency_key": "many"}
    refused = client.post(url("adapter_rework", "ink-fox", "merge"), {**form, "adapter_name": "Many"})
    assert refused.status_code == 422
    assert "<details open>" in refused.content.decode()
    client.post(url("adapter_rework", "ink-fox", "merge"), {**form, "adapter_name": "Many", "weight_6": "0.3"})
    assert [row.weight for row in AdapterJob.objects.get().inputs.all()] == [1.0, 0.3]


@pytest.mark.slow
def test_a_merged_version_keeps_both_lineages(signed_in, people, project, version, second):
    from training.tasks import rework

    client = signed_in("editor")
    form = {
        "version_1": str(version.id), "weight_1": "0.6", "version_2": str(second.id), "weight_2": "0.4",
        "idempotency_key": "once", "adapter_name": "Both",
    }  # fmt: skip
    client.post(url("adapter_rework", "ink-fox", "merge"), form)
    job = AdapterJob.objects.get()
    rework(str(job.id))
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED, (job.error, job.detail)
    made = job.version
    assert made.get_absolute_url() in text(client.get(url("adapter_job", job.id)))
    page = text(client.get(made.get_absolute_url()))
    assert "Ink Fox v1 × 0.6" in page
    assert "Ink Fox v2 × 0.4" in page
    assert "merged" in page
    resize = {"version_1": str(made.id), "rank": "2", "idempotency_key": "twice", "target": str(made.adapter_id)}
    client.post(url("adapter_rework", made.adapter.slug, "resize"), resize)
    smaller = AdapterJob.objects.exclude(id=job.id).get()
    rework(str(smaller.id))
    smaller.refresh_from_db()
    assert smaller.version.number == 2
    assert "resized" in text(client.get(smaller.version.get_absolute_url()))


def test_a_file_of_the_library_becomes_a_version(signed_in, people, project, starter, tmp_path):
    from assets.models import ModelFile
    from assets.services import Declaration, register_adapter
    from tests.engine.adapter_material import STARTER, write_layers

    root = settings.MODELS_ROOT
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{uuid.uuid4().hex}.safetensors"
    write_layers(path, "lora", **STARTER) if not path.exists() else None
    declared = Declaration(expression="CC-BY-4.0", creator="Ana", source_url="https://example.com/lora")
    file = register_adapter(
        path, name="Foreign", declaration=declared, actor=people.editor, project=project, bases=[starter]
    )
    client = signed_in("editor")
    assert "Number a file" in text(client.get(url("adapters")))
    form = {"file": str(file.id), "trigger_words": "inkline, ink、inkline", "recommended_weight": "0.7"}
    refused = client.post(url("adapter_import"), form)
    assert refused.status_code == 422
    assert not Adapter.objects.exists()
    clear_rights(ModelFile.objects.get(pk=file.pk), reviewer=people.reviewer)
    done = client.post(url("adapter_import"), form)
    made = Adapter.objects.get().versions.get()
    assert done.url == made.get_absolute_url()
    assert (made.trigger_words, made.recommended_weight) == (["inkline", "ink"], 0.7)
    page = text(client.get(made.get_absolute_url()))
    assert "brought in from elsewhere" in page
    assert made.get_absolute_url() in text(client.get(reverse("model_file", args=["spring", file.id])))
    assert "No file is left" in text(client.get(url("adapter_import")))


def test_the_studio_opens_with_the_version_at_its_weight(signed_in, people, project, version):
    page = text(signed_in("editor").get(f"{reverse('studio', args=['spring'])}?adapter={version.file_id}"))
    assert f'name="adapter-{version.file_id}"' in page
    assert re.search(rf'name="adapter-{version.file_id}"[^>]*value="0.8"', page)
    assert TRIGGER in page
    assert signed_in("editor").get(f"{reverse('studio', args=['spring'])}?adapter={uuid.uuid4()}").status_code == 404


def test_another_projects_adapters_are_not_there(signed_in, people, version):
    client = signed_in("stranger")
    for name, args in (("adapter", ["ink-fox"]), ("adapter_version", ["ink-fox", 1]), ("promotions", [])):
        assert client.get(url(name, *args)).status_code == 404
    assert signed_in("viewer").get(url("adapter_version", "ink-fox", 99)).status_code == 404
    assert signed_in("viewer").get(url("adapter_rework", "ink-fox", "merge")).status_code == 403


def test_the_library_names_what_was_made_here(signed_in, people, version):
    page = text(signed_in("viewer").get(reverse("library", args=["spring"])))
    assert version.file.name in page
    assert "unknown licence" not in page
    assert url("adapters") in page


def test_a_run_that_saves_twice_numbers_on(people, project, starter, pictures, version):
    run = asked(people, project, pictures, starter, adapter=version.adapter, seed=9)
    assert run.claim()
    assert save(run).number == 2
    assert AdapterAlias.objects.get(adapter=version.adapter, name="candidate").version.number == 2
