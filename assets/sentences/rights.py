"""Facts of rights that cannot be read."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

RIGHTS: Sentences = {
    "time_zone_unknown": (_("There is no time zone “{time_zone}”. Choose one from the list, such as Asia/Tokyo."),),
    "profile_unreadable": (
        _("The profile {id} has faults: {faults}. Every narrow answer, duty and rule needs a clause with both quotes."),
        _("The profile {id} is not whole."),
    ),
    "own_id_unreadable": (
        _("“{id}” names no own licence. Write LicenseRef-Own- and up to 65 letters, digits, dots or hyphens after it."),
    ),
    "own_kind_unknown": (_("“{kind}” is no kind of licence. Choose public_license or contract."),),
    "own_parameter_unknown": (_("No form asks for “{parameter}”, so a licence cannot depend on it."),),
    "permission_unknown": (_("“{word}” is no answer. Choose allow, review, unknown or deny."),),
    "release_unknown": (_("“{release}” is no kind of release. Choose none, limited or unlimited."),),
}
