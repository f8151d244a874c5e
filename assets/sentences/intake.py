"""Model files on their way into the library."""

from django.utils.translation import gettext_lazy as _

from .files import MODELS
from .speaking import Sentences
from .uploads import UPLOADS

INTAKE: Sentences = {
    "kind_is_base": (_("This file is a whole base model. Choose “Base model” as its kind."),),
    "kind_is_vae": (_("This file is a VAE. Choose “VAE” as its kind."),),
    "kind_is_adapter": (_("This file is an adapter. Choose “Adapter” as its kind."),),
    "kind_is_upscaler": (_("This file is an upscaler. Choose “Upscaler” as its kind."),),
    "adapter_unknown": (
        _(
            "This file is no adapter that Daicho knows. Known are LoRA, LoHa, LoKr, embeddings, hypernetworks and "
            "DreamBooth."
        ),
    ),
    "adapter_base_needed": (
        _("This adapter does not say what kind of model it was made for. Choose the base model that it was made for."),
    ),
    "architecture_needed": (_("A VAE does not say what it was made for. Choose the kind of base model."),),
    "vae_channels_differ": (
        _("This VAE has {channels} latent channels and does not fit that kind of base model. Choose another."),
    ),
    "part_missing": (
        _("The file holds no {component}, so it cannot draw by itself. Ask for the whole checkpoint."),
        _("The file is not a whole checkpoint, so it cannot draw by itself. Ask for the whole one."),
    ),
    "weights_not_finite": (*MODELS["weights_not_finite"], *UPLOADS["weights_not_finite"]),
    "not_safetensors": (_("{file} is no .safetensors file. Ask for the model in that format."),),
    "model_too_many_bytes": (
        _("The file is larger than {limit_size}. Ask whoever looks after this machine to copy it to the server."),
    ),
    "model_path_unknown": (
        _("There is nothing at {path} that can be registered. Choose one of the files that are listed."),
    ),
    "model_path_outside": (_("{path} leads out of the models' folder, so it was not opened."),),
    "model_removed": (
        _("This model was in the library before and was taken out. It does not come back by being added again."),
    ),
    "model_refused": (
        _(
            "“{name}” is in the library already, and its rights were refused: {reason} Adding it again does not change "
            "that. Choose another model, or ask the reviewer who refused it."
        ),
    ),
    "model_withdrawn": (
        _(
            "“{name}” is in the library already, and its rights were withdrawn: {reason} It stays closed, however it "
            "comes in. Choose another model."
        ),
    ),
    "house_model": (
        _(
            "“{name}” is in the library already, for the whole house. Only the house’s staff may say what else it was "
            "made from: ask them, or add it without sources."
        ),
    ),
    "model_place_unclear": (_("Say where the file is by exactly one of file, location and url."),),
    "prediction_not_chosen": (_("Models of this kind leave no choice of how they predict. Let the file say it."),),
    "house_prediction": (
        _(
            "“{name}” is in the library already, for the whole house. Only the house’s staff may say how it predicts: "
            "ask them, or leave that to the file."
        ),
    ),
    "upload_gone": (_("The uploaded file is gone. Upload it again."),),
}
