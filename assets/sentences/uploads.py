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
    "adapter_kind_unsupported": (
        _("Adapters of the kind {kind} cannot be used here. Ask for the same as LoRA, LoHa or LoKr."),
    ),
    "adapter_hash_differs": (
        _(
            "The weights in this file are not those that its header was written for. Somebody changed it, or it was "
            "damaged on the way. Ask for the original."
        ),
    ),
    "pickle_refused": (
        _("{file} was not opened: it is damaged, or it wants to run a program. Ask for a .safetensors file."),
    ),
    "pickle_unknown": (_("{file} is neither a hypernetwork nor an embedding as A1111 writes them."),),
    "pickle_target": (_("{file} must end in .safetensors, and must not be there yet. Choose another name."),),
    "adapter_layer_incomplete": (_("The layer {layer} of this adapter lacks one of its parts. Copy the file again."),),
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
        _("This adapter was made for {found} models, not for {wanted}. Choose a base model that fits."),
    ),
    "adapter_width_differs": (
        _(
            "This adapter expects texts of width {found}, but the base model has {wanted}. Choose a base model that "
            "fits."
        ),
    ),
    "tagger_missing": (
        _("There is no tagging model in {folder}: its config.json is missing. Copy the whole model folder again."),
    ),
    "tagger_needs_safetensors": (
        _(
            "A tagging model needs its weights in model.safetensors and may hold no file that can run "
            "programs. The problem is {file}: add or remove it, or choose another model."
        ),
    ),
    "tagger_runs_code": (
        _(
            "This tagging model wants to run its own code ({file}). Daicho does not run code from models. "
            "Choose a model that works without it."
        ),
    ),
    "tagger_unknown_architecture": (
        _("{architecture} cannot tag pictures. Choose an image classifier with at least two labels, or a CLIP model."),
    ),
    "tagger_unreadable": (
        _(
            "The tagging model {folder} cannot be loaded: its files are damaged or do not fit together. Copy "
            "the model again, or choose another one."
        ),
    ),
    "tagger_vocabulary_empty": (_("A CLIP model needs words to choose from. Give at least one group of labels."),),
    "tagger_group_too_small": (
        _(
            "The group {group} has fewer than two different labels, so there is nothing to choose between. "
            "Add another label."
        ),
    ),
    "tagger_label_too_long": (
        _('"{prompt}" is too long for this model: it has {length} tokens, and {limit} can be read. Shorten the label.'),
    ),
    "tagger_template_invalid": (
        _("Every prompt template must contain {placeholder}, where the label goes. Correct the templates."),
    ),
}
