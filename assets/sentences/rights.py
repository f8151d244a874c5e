"""Facts of rights that cannot be read."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

RIGHTS: Sentences = {
    "time_zone_unknown": (_("There is no time zone “{time_zone}”. Choose one from the list, such as Asia/Tokyo."),),
    "release_unknown": (_("“{release}” is no kind of release. Choose none, limited or unlimited."),),
}
