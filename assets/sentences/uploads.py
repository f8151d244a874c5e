"""Model files that are uploaded."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

UPLOADS: Sentences = {
    "weights_not_finite": (
        _(
            "The tensor {tensor} holds values that are no numbers (NaN or infinity). The training probably "
            "failed; ask for another version."
        ),
    ),
    "adapter_kind_unsupported": (_("Adapters of the kind {kind} cannot be used yet. Upload a plain LoRA."),),
    "adapter_layer_incomplete": (
        _("The layer {layer} of this LoRA lacks one of its two matrices. Copy the file again."),
    ),
    "adapter_rank_zero": (
        _("The layer {layer} of this LoRA has rank 0, so it changes nothing. Ask for another version."),
    ),
    "adapter_rank_differs": (
        _("The two matrices of the layer {layer} have different ranks. The file is damaged; copy it again."),
    ),
    "adapter_alpha_invalid": (
        _("The layer {layer} of this LoRA must have exactly one alpha. Ask for another version."),
    ),
    "adapter_architecture_differs": (
        _("This LoRA was made for {found} models, not for {wanted}. Choose a base model that fits."),
    ),
    "adapter_width_differs": (
        _("This LoRA expects texts of width {found}, but the base model has {wanted}. Choose a base model that fits."),
    ),
}
