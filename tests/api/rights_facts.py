"""Rights cases as rows of the database, so that the API can be asked what the algebra is asked."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from assets.licensing import RightsFacts
from assets.models import ModelFile, Picture, Rights, Waiver
from generation.models import Generation, Output
from generation.services.lineages import lineage_for
from tests.assets.rights_rows import Case, Thing

KINDS = {"base_model": "base", "vae": "vae", "adapter": "adapter", "upscaler": "upscaler"}
USES = {("input_picture", None): "input", ("input_picture", "itself"): "itself", ("training_picture", None): "lesson"}


def rights_row(facts: RightsFacts) -> Rights:
    """Return rights with these facts, as a reviewer would have left them."""
    return Rights(
        expression=facts.expression,
        branch=facts.branch,
        state=facts.state,
        creator=facts.creator,
        title=facts.title,
        source_url=facts.source_url,
        valid_from=facts.valid_from,
        expires_at=facts.expires_at,
        time_zone=facts.time_zone,
        territories=None if facts.territory is None else list(facts.territory),
        media=None if facts.media is None else list(facts.media),
        purposes=None if facts.purposes is None else list(facts.purposes),
        caps=dict(facts.caps),
        releases=dict(facts.releases),
        data_mining=facts.data_mining,
        parameters=dict(facts.parameters),
    )


def add_pictures(user: Any, project: Any, things: Iterable[Thing]) -> list[Picture]:
    """Add a picture for each thing, without pixels."""
    said = [(each.item, rights_row(RightsFacts(**each.facts))) for each in things]
    Rights.objects.bulk_create([rights for _name, rights in said])
    size = {"width": 1, "height": 1, "size_bytes": 1, "format": "PNG"}
    rows = [
        Picture(project=project, name=name, rights=rights, pixels_sha256=uuid.uuid4().hex * 2, added_by=user, **size)
        for name, rights in said
    ]
    return Picture.objects.bulk_create(rows)


def add_model(project: Any, thing: Thing) -> ModelFile:
    """Add a model file for a thing, without weights."""
    rights = rights_row(RightsFacts(**thing.facts))
    rights.save()
    return ModelFile.objects.create(
        project=project,
        kind=KINDS[thing.facts["kind"]],
        name=thing.item,
        architecture="sd1",
        layout="single",
        path="nowhere",
        sha256=uuid.uuid4().hex * 2,
        size_bytes=1,
        rights=rights,
    )


def add_output(user: Any, project: Any, model: ModelFile) -> Output:
    """Add a picture that was made with a model, without pixels."""
    lineage = lineage_for(project, [model])
    job = Generation.objects.create(
        project=project, requested_by=user, base_model=model, lineage=lineage, spec={}, idempotency_key=uuid.uuid4().hex
    )
    return Output.objects.create(
        project=project, generation=job, lineage=lineage, index=0, spec={}, seed=0, size_bytes=1, width=1, height=1,
        environment={}, ledger_seq=1,
    )  # fmt: skip


def question_of(people: Any, project: Any, case: Case) -> dict[str, Any]:
    """Write a case's things down, and return the question that the API is asked. Raises KeyError where it has none."""
    models = [each for each in case.inputs if each.facts["kind"] in KINDS and each.edge is None]
    made = [each for each in case.inputs if each.edge == "output_to_dataset"]
    pictures = [each for each in case.inputs if each.facts["kind"] not in KINDS]
    uses = {USES[each.facts["kind"], each.edge] for each in pictures}
    if len(uses) > 1 or len(models) + len(made) + len(pictures) < len(case.inputs):
        raise KeyError(case.name)
    outputs = [add_output(people.editor, project, add_model(project, each)) for each in made]
    question = {
        "project": project.slug,
        "action": case.action,
        "models": [str(add_model(project, each).id) for each in models],
        "outputs": [str(each.id) for each in outputs],
        "pictures": [str(each.id) for each in add_pictures(people.editor, project, pictures)],
        **({"pictures_as": next(iter(uses))} if uses else {}),
    }
    return question | circumstances_of(people, project, case)


def circumstances_of(people: Any, project: Any, case: Case) -> dict[str, Any]:
    """Return a case's circumstances as a question says them; the policy and its exception are the project's."""
    context = case.context()
    project.policy = context.policy
    project.save(update_fields=["policy"])
    Waiver.objects.filter(project=project).delete()
    if context.exception:
        now = timezone.now()
        Waiver.objects.create(
            project=project, action=case.action, reason="as agreed", expires_at=now + timedelta(days=9000),
            requested_by=people.editor, approved_by=people.reviewer, approved_at=context.at - timedelta(days=1),
        )  # fmt: skip
    said = {
        "at": context.at.isoformat(),
        "purpose": context.aim.value,
        "territory": list(context.territory or ()),
        "revenue": None if context.revenue is None else str(context.revenue),
    }
    optional = {
        "media": context.media and list(context.media),
        "outbound_license": context.outbound_license,
        "quantities": dict(context.quantities),
    }
    return said | {name: value for name, value in optional.items() if value}
