"""What a version says of licences and credits counts now, or it stays in the house; changed terms are shown again."""

import csv
import io
import json
import uuid
import zipfile
from datetime import date

import mlcroissant
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from assets.exports import FORMATS, ExportDescription, ExportItem, KohyaOptions, write_export
from assets.licensing import OWN_PREFIX, read_own
from assets.models import Picture, PictureSource
from assets.services import clear_rights, edit_rights
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.exports import export_version, manifest_in
from ledger.models import Entry
from projects.problems import Problem

from .material import cleared
from .own_licenses import NAME, agreed, contract
from .test_exports import export_items

pytestmark = pytest.mark.django_db
URL = "https://daicho.example/p/spring/datasets/foxes/versions/1/"


@pytest.fixture
def dataset(people, project):
    return create_dataset(people.editor, project, name="Foxes", trigger="sksfox")


def filled(people, project, dataset, *expressions, **facts):
    """Put a cleared picture for each licence into the dataset, and freeze it."""
    pictures = [cleared(people, project, seed, each, **facts) for seed, each in enumerate(expressions, start=1)]
    add_items(people.editor, dataset, pictures)
    return freeze_version(people.editor, dataset), pictures


def edited(people, picture, **changes):
    """Change what is declared, and clear it again."""
    edit_rights(picture.rights, actor=people.editor, changes=changes)
    picture.rights.refresh_from_db()
    clear_rights(picture, reviewer=people.reviewer)


def exported(people, version, format="folder"):
    kohya = KohyaOptions(trigger="sksfox") if format == "kohya" else None
    file = export_version(people.editor, version, format=format, url=URL, language="en", kohya=kohya).file
    return zipfile.ZipFile(io.BytesIO(file.read()))


def refused(people, version):
    with pytest.raises(Problem) as caught:
        exported(people, version)
    return caught.value


def table_in(archive) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read("LICENSES.csv").decode("utf-8-sig"), newline="")))


def page(client, number=None):
    name, more = ("dataset_version", [number]) if number else ("dataset_versions", [])
    return client.get(reverse(name, args=["spring", "foxes", *more]))


# Papers that would be wrong


def test_a_licence_that_changed_after_freezing_does_not_leave_with_the_old_papers(people, project, dataset):
    version, [shown] = filled(people, project, dataset, "CC0-1.0")
    edited(people, shown, expression="CC-BY-4.0")
    problem = refused(people, version)
    assert (problem.code, problem.status) == ("export_outdated", 409)
    assert "1.png" in str(problem)
    assert "freeze a new version" in str(problem)
    assert not Entry.objects.filter(event="assets.dataset.exported").exists()
    [row] = table_in(exported(people, freeze_version(people.editor, dataset)))
    assert row["license"] == "CC-BY-4.0"
    assert "Ana" in row["attribution"]
    assert "CC BY 4.0" in row["attribution"]


@pytest.mark.parametrize(
    "changes",
    [{"creator": "Ben"}, {"title": "Another"}, {"source_url": "https://example.com/b"}, {"branch": "CC0-1.0"}],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_the_papers_say_has_to_be_what_counts(people, project, dataset, changes):
    version, [shown] = filled(people, project, dataset, "CC0-1.0 OR CC-BY-4.0", branch="CC-BY-4.0")
    edited(people, shown, **changes)
    assert refused(people, version).code == "export_outdated"


def test_what_the_papers_do_not_say_may_change(people, project, dataset):
    version, [shown] = filled(people, project, dataset, "CC-BY-4.0")
    edited(people, shown, note="A letter came.", creator_reading="アナ")
    assert exported(people, version).testzip() is None


def test_up_to_three_pictures_are_named(people, project, dataset):
    version, pictures = filled(people, project, dataset, *["CC0-1.0"] * 5)
    for each in pictures:
        edited(people, each, creator="Ben")
    problem = refused(people, version)
    assert "1.png, 2.png, 3.png and 2 more" in str(problem)
    assert problem.details["pictures"] == [1, 2, 3, 4, 5]


def test_a_credit_that_only_the_licence_changed_counts_too(people, project, dataset):
    agreed(people, project)
    version, _pictures = filled(people, project, dataset, NAME)
    assert exported(people, version).testzip() is None
    agreed(people, project, obligations=[])
    assert refused(people, version).code == "export_outdated"


def test_a_basis_without_a_licence_goes_by_its_name(people, project, dataset):
    version, _pictures = filled(people, project, dataset, "", basis="own_work")
    [row] = table_in(exported(people, version))
    assert row["license"] == "LicenseRef-Daicho-OwnWork"


def test_the_page_and_the_api_say_so_before_anybody_exports(signed_in, people, project, dataset):
    version, [shown] = filled(people, project, dataset, "CC0-1.0")
    client = signed_in("editor")
    address = reverse("api-dataset-version", args=[dataset.id, version.number])
    assert page(client, 1).context["outdated"] == ""
    assert client.get(address).json()["outdated"] == []
    edited(people, shown, expression="CC-BY-4.0")
    response = page(client, 1)
    assert "1.png" in response.context["outdated"]
    assert response.context["outdated"] in response.content.decode()
    assert client.get(address).json()["outdated"] == [1]


# A team's own licences


@pytest.fixture
def own_version(people, project, dataset):
    agreed(people, project)
    return filled(people, project, dataset, f"CC-BY-4.0 AND {NAME}", NAME)[0]


@pytest.mark.parametrize("format", FORMATS)
def test_papers_name_own_licences_and_lead_to_their_pages(people, own_version, format):
    archive = exported(people, own_version, format)
    both, alone = table_in(archive)
    assert both["license"] == f"CC-BY-4.0 AND {NAME}"
    assert both["license_url"] == "https://creativecommons.org/licenses/by/4.0/ https://example.com/contract"
    assert (alone["license_name"], alone["license_url"]) == ("Tanaka frame contract", "https://example.com/contract")
    credits = archive.read("CREDITS.txt").decode()
    assert f"License: {NAME} (Tanaka frame contract) https://example.com/contract\n" in credits


@pytest.mark.parametrize(("format", "name"), [("folder", "metadata.jsonl"), ("imagefolder", "train/metadata.jsonl")])
def test_records_name_own_licences(people, own_version, format, name):
    records = [json.loads(line) for line in exported(people, own_version, format).read(name).decode().splitlines()]
    assert [each["license_url"] for each in records] == [
        "https://creativecommons.org/licenses/by/4.0/ https://example.com/contract", "https://example.com/contract",
    ]  # fmt: skip
    assert records[1]["license_name"] == "Tanaka frame contract"


def test_croissant_and_the_card_name_own_licences(people, own_version):
    content = json.loads(exported(people, own_version, "croissant").read("croissant.json"))
    assert content["license"] == [
        "https://creativecommons.org/licenses/by/4.0/", "https://example.com/contract",
    ]  # fmt: skip
    card = exported(people, own_version, "imagefolder").read("README.md").decode()
    assert 'license_name: "each-picture-has-its-own"' in card


def own_papers(format: str) -> zipfile.ZipFile:
    """Export pictures under an own licence without a page."""
    profile = read_own(json.dumps({**contract(license_url=""), "version": "1", "spdx": False}, sort_keys=True))
    description = ExportDescription(
        name="Foxes", version=1, description="", url=URL, creators=("Spring",), published_on=date(2026, 1, 1),
        own={profile.id: profile},
    )  # fmt: skip
    items = [ExportItem(item=each.item, source=each.source) for each in export_items()[:1]]
    for each in items:
        object.__setattr__(each.item, "license", NAME)
    file = io.BytesIO()
    write_export(format, file, description, items)
    return zipfile.ZipFile(file)


def test_an_own_licence_without_a_page_is_called_by_its_name(tmp_path):
    own_papers("croissant").extractall(tmp_path)
    content = json.loads((tmp_path / "croissant.json").read_text())
    assert content["license"] == [{"@type": "sc:CreativeWork", "name": f"Tanaka frame contract ({NAME})"}]
    assert mlcroissant.Dataset(jsonld=content).metadata.ctx.issues.errors == set()
    card = own_papers("imagefolder").read("README.md").decode()
    assert 'license_name: "Tanaka frame contract"' in card


# Terms shown again


def judged(client):
    judgement = page(client, 1).context["judgement"]
    return judgement.is_changed, {str(each.what): (each.gone, each.come) for each in judgement.changes}


def test_a_new_credit_duty_is_a_changed_term(signed_in, people, project, dataset):
    version, [shown] = filled(people, project, dataset, "CC0-1.0")
    client = signed_in("viewer")
    assert judged(client) == (False, {})
    edited(people, shown, expression="CC-BY-4.0")
    is_changed, said = judged(client)
    assert is_changed
    assert said["Effective licence"] == (["CC0 1.0"], ["CC BY 4.0"])
    assert "Ana" in said["Duties"][1][0]
    assert "Answer" not in said
    html = page(client, 1).content.decode()
    assert "The terms have changed" in html
    assert f"<ins>{said['Duties'][1][0]}</ins>" in html.replace("&#x27;", "'").replace("&quot;", '"')
    address = reverse("api-dataset-version", args=[dataset.id, version.number])
    assert client.get(address).json()["is_changed"] is True


def test_a_new_version_of_an_own_licence_is_a_changed_term(signed_in, people, project, dataset):
    agreed(people, project)
    filled(people, project, dataset, NAME)
    assert judged(signed_in("viewer")) == (False, {})
    agreed(people, project)
    is_changed, said = judged(signed_in("viewer"))
    assert is_changed
    assert said == {
        "Licences": (["Tanaka frame contract, version 1"], ["Tanaka frame contract, version 2"]),
    }  # fmt: skip


def test_a_new_limit_is_said_in_words(signed_in, people, project, dataset):
    _version, [shown] = filled(people, project, dataset, "CC0-1.0")
    edited(people, shown, purposes=["commercial", "editorial"], releases={"Hanako": "unlimited"})
    is_changed, said = judged(signed_in("viewer"))
    assert is_changed
    assert said["releases"] == ([], ["Hanako: released"])
    assert said["purpose"] == ([], ["commercial use", "editorial use"])


def test_the_list_says_what_every_version_is_worth_now(signed_in, people, project, dataset):
    _version, [shown] = filled(people, project, dataset, "CC0-1.0")
    add_items(people.editor, dataset, [cleared(people, project, 9, "CC-BY-NC-4.0")])
    freeze_version(people.editor, dataset)
    client = signed_in("viewer")
    standings = [standing for _row, standing in page(client).context["versions"]]
    assert [(each.verdict.mark, each.license) for each in standings] == [("stop", "CC BY-NC 4.0"), ("ok", "CC0 1.0")]
    edited(people, shown, expression="CC-BY-4.0")
    listed = client.get(reverse("api-dataset-versions", args=[dataset.id])).json()
    assert [(each["verdict"], each["verdict_now"], each["effective_license"]) for each in listed] == [
        ("block", "block", "CC-BY-4.0 AND CC-BY-NC-4.0"), ("allow", "allow", "CC-BY-4.0"),
    ]  # fmt: skip
    assert "CC BY 4.0" in page(client).content.decode()


@pytest.mark.parametrize("license_id", ["CC0-1.0", NAME])
def test_the_list_asks_few_questions_however_many_versions_there_are(
    signed_in, people, project, dataset, license_id, django_assert_max_num_queries
):
    if license_id.startswith(OWN_PREFIX):
        agreed(people, project)
    for seed in range(1, 7):
        add_items(people.editor, dataset, [cleared(people, project, seed, license_id)])
        freeze_version(people.editor, dataset)
    client = signed_in("viewer")
    with django_assert_max_num_queries(11):
        page(client)
    with django_assert_max_num_queries(13):
        page(client, 6)


def test_freezing_reads_own_licences_once(people, project, dataset, django_assert_max_num_queries):
    agreed(people, project)
    version, _pictures = filled(people, project, dataset, *[NAME] * 3)
    add_items(people.editor, dataset, [cleared(people, project, seed, NAME) for seed in range(10, 22)])
    with django_assert_max_num_queries(25):
        version = freeze_version(people.editor, dataset)
    assert len(manifest_in(version).items) == 15


def made_by(model, picture):
    """Say that a model has made a picture, as bringing an output in does."""
    Picture.objects.filter(pk=picture.pk).update(output_id=uuid.uuid4())
    PictureSource.objects.create(picture=picture, file=model, sha256=model.sha256, basis=PictureSource.Basis.PIXELS)


def test_models_behind_pictures_are_read_once_for_a_whole_version(signed_in, people, project, dataset, starter):
    asked, client = [], signed_in("viewer")
    for seeds in (range(1, 3), range(3, 12)):
        for seed in seeds:
            shown = cleared(people, project, seed)
            made_by(starter, shown)
            add_items(people.editor, dataset, [shown])
        version = freeze_version(people.editor, dataset)
        with CaptureQueriesContext(connection) as queries:
            assert page(client, version.number).context["outdated"] == ""
        asked.append(len(queries))
    assert asked[0] == asked[1]
    [newest, first] = [standing for _row, standing in page(client).context["versions"]]
    assert newest.decision.inputs != first.decision.inputs
    assert sum(each.item == starter.name for each in newest.decision.inputs) == 1
