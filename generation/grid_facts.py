"""What a grid keeps of what was asked for, and the way back: to the order, and to the form that makes another one."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from assets.models import ModelFile
from projects.access import find_one, usable_in
from projects.models import Project
from projects.problems import Problem

from . import adapter_choice, starting
from .composing import Adapter, PictureRequest
from .grid_plans import FILES, Order
from .grids import ADAPTER, Key
from .models import Grid, TemplateVersion

PLAIN = ("width", "height", "num_inference_steps", "guidance_scale", "scheduler", "clip_skip", "seed", "quality")


def facts_of(request: PictureRequest) -> dict[str, Any]:
    """Return the request that the cells of a grid start from, as JSON-ready values."""
    rows = {"template_version": request.template_version, "campaign": request.campaign, "vae": request.vae}
    return {
        **{name: getattr(request, name) for name in PLAIN},
        **{name: str(row.id) if row else "" for name, row in rows.items()},
        "base_model": str(request.base_model.id),
        "slots": dict(request.slots),
        "negative": request.negative,
        "variables": dict(request.variables),
        "adapters": [{"file": str(each.file.id), "weight": each.weight} for each in request.adapters],
    }


def order_of(project: Project, grid: Grid) -> Order:
    """Return what a grid was asked for. Raises Problem when a file or a template of it is not here any more."""
    facts, axes = grid.request, grid.read_axes
    named = [value.key for axis in axes if axis.kind in (*FILES, ADAPTER) for value in axis.values if value.key]
    chosen = [each["file"] for each in facts["adapters"]]
    files = files_of(project, [facts["base_model"], *filter(None, [facts["vae"]]), *chosen, *named])
    request = PictureRequest(
        **{name: facts[name] for name in (*PLAIN, "slots", "negative", "variables")},
        base_model=files[facts["base_model"]],
        vae=files.get(facts["vae"]),
        template_version=version_of(project, facts["template_version"]),
        campaign=project.campaigns.filter(id=facts["campaign"]).first() if facts["campaign"] else None,
        adapters=tuple(Adapter(file=files[each["file"]], weight=each["weight"]) for each in facts["adapters"]),
    )
    return Order(request=request, axes=axes, files={key: files[key] for key in named}, varied=grid.varied)


def files_of(project: Project, keys: list[Any]) -> dict[Key, ModelFile]:
    """Return the files of these ids, with their rights. Raises Problem when one is not to be used here."""
    rows = usable_in(project, ModelFile.objects.filter(removed_at=None, id__in=set(keys)))
    rows = rows.select_related("rights__evidence", "adapter_version")
    found: dict[Key, ModelFile] = {str(file.id): file for file in rows}
    if set(keys) - found.keys():
        raise Problem("grid_file_gone", _("A file of this grid is not in the library any more."), status=409)
    return found


def version_of(project: Project, version_id: str) -> TemplateVersion | None:
    """Return the template's version that a grid was asked for with, even if the template is archived meanwhile."""
    rows = TemplateVersion.objects.filter(template__project=project).select_related("template")
    return find_one(rows.filter(id=UUID(version_id))) if version_id else None


def values_of(grid: Grid, shelf: starting.Shelf) -> starting.Values:
    """Return the Studio's form that a grid was asked for with."""
    facts, version = grid.request, shelf.find_version(grid.request["template_version"])
    values = {
        **starting.opening_values(shelf, version, facts["quality"]),
        **starting.template_values(version),
        **facts["slots"],
        **({} if facts["negative"] is None else {"negative": facts["negative"]}),
        **{starting.VARIABLE_PREFIX + name: value for name, value in facts["variables"].items()},
        **{name: facts[name] for name in (*PLAIN, "base_model", "vae", "campaign")},
        **adapter_choice.values_of((each["file"], each["weight"]) for each in facts["adapters"]),
    }
    return starting.with_marks({name: "" if value is None else value for name, value in values.items()})
