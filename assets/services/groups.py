"""Name groups of pictures in a dataset, so that what belongs together stays together when it is parted."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from projects.models import User
from projects.names import clean_name
from projects.problems import Problem

from ..models import Dataset, DatasetItem
from .datasets import lock, write

MAX_CHARS = DatasetItem._meta.get_field("group").max_length


@transaction.atomic
def set_group(user: User, dataset: Dataset, items: QuerySet[DatasetItem], group: str) -> int:
    """Put pictures of a dataset into a group, or into none for an empty name. Return how many that changed.

    A person's group counts before the near duplicates that a worker has found. Raises Problem for a long name.
    """
    lock(dataset)
    name = clean_name(group)
    if len(name) > MAX_CHARS:
        message = _("A group’s name has at most %(limit)d characters.") % {"limit": MAX_CHARS}
        raise Problem("group_too_long", message, fields={"group": message})
    rows = list(items.filter(dataset=dataset).exclude(group=name).select_related("picture"))
    if rows:
        DatasetItem.objects.filter(pk__in=[row.pk for row in rows]).update(group=name)
        pictures = [row.picture.pixels_sha256 for row in rows]
        write(dataset, "assets.dataset.grouped", user, {"group": name, "pictures": pictures, "count": len(rows)})
    return len(rows)
