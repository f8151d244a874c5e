"""Model files, pictures, and files that are kept."""

from django.utils.translation import gettext_lazy as _

from .speaking import Sentences

MODELS: Sentences = {
    "unsafe_format": (
        _("{file} can run programs when it is opened. Daicho reads .safetensors only. Ask for that format."),
    ),
    "pickle_content": (
        _("This is a pickle or zip file with a .safetensors name. It can run programs and will not be opened."),
    ),
    "file_unreadable": (_("{file} cannot be read."),),
    "file_too_short": (_("The file is too short to be a model."),),
    "file_truncated": (_("The model file ends too early: part of it is missing. Copy it again."),),
    "header_over_file": (_("The model's header claims to be longer than the file."),),
    "header_too_long": (_("The model's header is too long."),),
    "header_not_json": (_("The model's header is damaged."),),
    "header_duplicate_key": (_("The model's header names the same thing twice."),),
    "too_many_tensors": (_("The model file lists too many tensors: {count}."),),
    "metadata_invalid": (_("The model's metadata is damaged."),),
    "metadata_too_large": (_("The model's metadata is too large."),),
    "tensor_invalid": (_("The entry {tensor} of the model file is not a tensor."),),
    "tensor_dtype_unknown": (_("{tensor} in the model file has an unknown number type."),),
    "tensor_shape_invalid": (_("{tensor} in the model file has an impossible shape."),),
    "tensor_offsets_invalid": (_("{tensor} in the model file has impossible offsets."),),
    "tensor_size_mismatch": (_("{tensor} in the model file does not fit its bytes."),),
    "tensors_hole": (_("There are bytes in the model file that belong to no tensor."),),
    "tensors_overlap": (_("Two tensors of the model file share the same bytes."),),
    "component_missing": (_("The model folder has no {component}."),),
    "component_broken": (_("The {component} of this model cannot be loaded. Copy the model again."),),
    "weights_missing": (
        _(
            "Weights are missing in the {component} of this model: {tensors}. "
            "Copy it again, or ask for the whole model."
        ),
    ),
    "weights_mismatched": (
        _(
            "Weights in the {component} of this model have another size than its configuration says: {tensors}. "
            "Copy it again, or ask for the whole model."
        ),
    ),
    "json_invalid": (_("{file} in the model folder is not valid JSON."),),
    "architecture_unsupported": (
        _("Daicho cannot draw with these weights. Stable Diffusion 1, 2, XL and 3, and FLUX.1 are possible."),
    ),
    "architecture_mismatch": (_("The recipe is for {wanted}, but the model file is {found}."),),
    "model_purpose_unsupported": (_("This model edits pictures. Choose one that makes them from words."),),
    "model_missing": (_("The file {file} is gone. Ask whoever looks after the models to put it back."),),
    "model_changed": (_("{file} has changed since it was registered, so it was not used. Register it again."),),
    "model_too_large": (_("This model needs {needed_size} of memory; {limit_size} are allowed here."),),
    "vae_mismatch": (_("This VAE does not fit the base model ({vae} and {base_model} channels). Choose another."),),
    "vae_unsupported": (_("Only AutoencoderKL and AutoencoderTiny can be used as VAE."),),
    "adapter_broken": (_("The adapter {file} is damaged. Copy it again."), _("The adapter is damaged. Copy it again.")),
    "adapter_mismatch": (
        _("The adapter {file} was made for another kind of model. Choose one that fits."),
        _("The adapter was made for another kind of model. Choose one that fits."),
    ),
    "adapter_incomplete": (
        _("The adapter is not whole: what belongs to {tensors} is missing. Copy it again, or ask for the whole one."),
    ),
    "adapter_changed": (_("The adapter's weights are not those that its header names. Copy it again."),),
    "adapter_empty": (_("The adapter holds no weights, so there is nothing to write."),),
    "adapter_not_finite": (_("The adapter holds values that are no numbers, so it cannot be written again."),),
    "adapter_name_unknown": (_("A layer of this adapter has no name in the format that was asked for."),),
    "adapter_lycoris": (_("A LoHa or LoKr must be turned into a LoRA first."),),
    "adapter_dora_unsupported": (_("A DoRA must be turned into a LoRA first."),),
    "header_incomplete": (_("The adapter's header lacks something that readers need."),),
    "adapter_token_taken": (_("The base model already knows the word {token}, so this embedding cannot be used."),),
    "embedding_several": (_("This embedding holds more than one word. Ask for a file with one word only."),),
    "hypernetwork_invalid": (
        _("This hypernetwork's layers are not those that its header describes. Copy it again, or convert it again."),
    ),
    "single_file_unsupported": (_("This kind of model is read as a diffusers folder only, not as a single file."),),
    "translator_unsupported": (_("This translation model cannot be used."),),
    "translation_too_long": (_("The text is too long for the translation model. Shorten it."),),
    "weights_not_finite": (_("The {component} of this model holds values that are not numbers."),),
    "tokenizer_missing": (
        _(
            "A model in a single file brings no vocabulary, and none is installed on this machine. Ask whoever looks "
            "after it to copy the tokenizer folder of any Stable Diffusion model to TOKENIZERS_ROOT/clip."
        ),
    ),
}

PICTURES: Sentences = {
    "empty": (_("The file is empty."),),
    "too_many_bytes": (_("The file has {size_size}; at most {limit_size} are accepted."),),
    "not_a_picture": (_("The file is not a PNG, JPEG or WebP picture."),),
    "format_refused": (_("The file is {format}; only PNG, JPEG and WebP pictures are accepted."),),
    "too_many_pixels": (_("The picture is {width} × {height} pixels; at most {limit} pixels are accepted."),),
    "side_too_long": (_("The picture is {width} × {height} pixels; no side may be longer than {limit}."),),
    "animated": (_("The picture is animated ({frames} frames); only still pictures are accepted."),),
    "metadata_bomb": (_("The text inside the picture unpacks to more than {limit_size}. It was not opened."),),
    "too_many_pieces": (_("The file is cut into more than {limit} pieces. It was not opened."),),
    "truncated": (_("The picture ends too early: part of the file is missing. Copy it again."),),
    "broken": (_("The picture is damaged ({reason})."), _("The picture is damaged.")),
}

FILES: Sentences = {
    "disk_full": (_("The disk is full. Nothing was changed. Free some room and try again."),),
    "write_failed": (_("The file could not be written: {reason}. Nothing was changed."),),
    "path_invalid": (_("This is not the path of a stored file."),),
    "file_missing": (_("The stored file is gone. The ledger still knows how to make it again: press Replay."),),
    "file_changed": (_("The stored file has changed on disk. The ledger still knows how to make it again."),),
}

PICTURE_NOTICES: Sentences = {
    "texts_left_out": (_("Some of the picture's text is too long and was not read."),),
    "text_unreadable": (_("Some of the picture's text is damaged and was not read."),),
    "xmp_left_out": (_("The picture's XMP was not read."),),
    "trailing_data_left_out": (_("There is other data behind the picture. It was not read."),),
    "orientation_unknown": (_("The picture's orientation is not one that exists; it is shown as it lies."),),
    "color_profile_left_out": (_("The picture's colour profile is damaged and was not used."),),
}
