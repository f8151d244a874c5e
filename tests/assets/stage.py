"""One of everything that the library keeps beside models, for tests that walk through every address."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from assets.licensing import Action
from assets.models import Curation, ImportBatch, PictureTag, Tagging
from assets.services.datasets import add_items, create_dataset, freeze_version, rename_in_captions, set_caption
from assets.services.pictures import add_evidence
from assets.services.waivers import request_waiver
from tests.assets.material import picture


def material_stage(people: Any, project: Any) -> dict[str, Any]:
    """Return the arguments of addresses about pictures, datasets, imports and rights; the editor made all of it."""
    editor = people.editor
    kept = picture(editor, project)
    tag = PictureTag.objects.create(picture=kept, text="umbrella")
    dataset = create_dataset(editor, project, name="Umbrellas")
    add_items(editor, dataset, [kept])
    set_caption(dataset.items.get(), language="en", text="red umbrella, rain")
    freeze_version(editor, dataset)
    edit = rename_in_captions(editor, dataset, language="en", old="rain", new="rainy day")
    batch = ImportBatch.objects.create(project=project, step="ready", name="a.zip", made_by=editor)
    curation = Curation.objects.create(project=project, requested_by=editor)
    tagging = Tagging.objects.create(project=project, requested_by=editor)
    evidence = add_evidence(editor, project, b"%PDF-1.7 a letter", name="letter.pdf")
    waiver = request_waiver(
        editor,
        project,
        action=Action.TRAIN,
        reason="A letter allows it",
        expires_at=timezone.now() + timedelta(days=1),
        rights=kept.rights,
    )
    things = {
        "picture": kept, "dataset": dataset, "import": batch, "curation": curation, "tagging": tagging,
        "evidence": evidence, "review": kept.rights, "withdrawal": kept.rights, "waiver": waiver,
    }  # fmt: skip
    return {
        **{f"api-{name}": thing.pk for name, thing in things.items()},
        "picture": kept.id,
        "edit": edit.id,
        "tag": tag.id,
        "dataset_slug": dataset.slug,
        "picture_id": kept.id,
        "edit_id": edit.id,
        "tag_id": tag.id,
        "place": 1,
        "batch_id": batch.id,
        "evidence_id": evidence.id,
        "rights_id": kept.rights_id,
        "waiver_id": waiver.id,
        "format": "json",
    }
