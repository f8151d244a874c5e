"""What a picture's page says when a model has made the picture: which output it is, by which models, what follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from projects.models import Project

from .library import STATE_MARKS, Answer, answer_of
from .licensing import Action
from .models import MadePicture, Picture, PictureSource, Rights
from .rights_facts import license_label
from .services import decide_about
from .services.decisions import inputs_behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """One model behind a picture; `url` is empty where this project has no page of it."""

    name: str
    url: str
    license: str
    state: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Makers:
    """The models behind a picture, and whether it may be learned from as far as they go.

    `is_claim` where nothing but the file says so; `is_here` where the output is in this project's gallery.
    """

    models: Sequence[Maker]
    is_claim: bool
    is_here: bool
    answer: Answer


def makers_of(project: Project, picture: Picture) -> Makers | None:
    """Return what is known of the models behind a picture; None where no model is known to have made it."""
    if picture.output_id is None:
        return None
    rows = list(picture.made_with.select_related("file__rights"))
    decision = decide_about(project, Action.TRAIN, inputs_behind([picture], is_lesson=True))
    return Makers(
        models=[maker_of(project, row) for row in rows],
        is_claim=any(row.basis == PictureSource.Basis.CLAIM for row in rows),
        is_here=MadePicture.objects.filter(output_id=picture.output_id, project=project).exists(),
        answer=answer_of(_("Learn from it, as far as the models allow"), decision),
    )


def maker_of(project: Project, row: PictureSource) -> Maker:
    """Return a model as the page names it; one that belongs to another project is not named."""
    file: Any = row.file
    if file is None:
        name = _("a model that nobody here knows (%(hash)s…)") % {"hash": row.sha256[:12]}
        return Maker(name=name, url="", license=_("unknown licence"), state="", mark="stop")
    is_ours = file.project_id in (None, project.id)
    return Maker(
        name=file.name if is_ours else _("a model of another project"),
        url=reverse("model_file", args=[project.slug, file.id]) if is_ours else "",
        license=license_label(file.rights),
        state=file.rights.get_state_display(),
        mark=STATE_MARKS[Rights.State(file.rights.state)],
    )
