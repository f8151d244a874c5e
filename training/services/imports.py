"""Number adapters that came from elsewhere as versions."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from assets.licensing import Action
from assets.models import ModelFile
from assets.services import decide_use
from projects.models import User
from projects.problems import Problem

from ..gates import require
from ..models import Adapter, AdapterVersion
from .adapters import lock_adapter
from .versions import NewVersion, add_version


@transaction.atomic
def import_version(
    user: User,
    adapter: Adapter,
    file: ModelFile,
    *,
    trigger_words: Iterable[str] = (),
    recommended_weight: float | None = None,
    note: str = "",
) -> AdapterVersion:
    """Number an adapter file of the library as a version. Raises Problem for one that does not fit or is one already.

    Its rights are what was declared of it; the generate gate must allow its use.
    """
    adapter = lock_adapter(adapter)
    is_here = file.project_id in (None, adapter.project_id) and file.removed_at is None
    if file.kind != ModelFile.Kind.ADAPTER or not is_here:
        message = _("Choose an adapter of this project's library.")
        raise Problem("file_unfit", message, fields={"file": message})
    if AdapterVersion.objects.filter(file=file).exists():
        message = _("This file is a version of an adapter already.")
        raise Problem("file_taken", message, status=409, fields={"file": message})
    if file.method != method_of_file(adapter):
        message = _("This file is a %(method)s; the adapter collects another kind.")
        said = message % {"method": file.get_method_display()}
        raise Problem("method_differs", said, fields={"file": said})
    trained_on = file.sources.exclude(dataset_version=None).select_related("dataset_version").first()
    new = NewVersion(
        file=file,
        decision=require(decide_use(adapter.project, Action.GENERATE, [file])),
        trigger_words=list(trigger_words) or file.defaults.get("trigger_words", ()),
        recommended_weight=recommended_weight,
        dataset_version=trained_on.dataset_version if trained_on else None,
        note=note,
        facts={"imported": True},
    )
    return add_version(user, adapter, new)


def method_of_file(adapter: Adapter) -> str:
    """Return the method of the files that an adapter collects: LoRA-DreamBooth leaves LoRA files."""
    return "lora" if adapter.method == "dreambooth_lora" else adapter.method
