"""A form that opens with an adapter: at the weight that is recommended for it, on a model that it fits."""

from django.http import Http404

from assets.models import ModelFile

from . import adapter_choice, starting
from .fitting import fits


def with_adapter(values: starting.Values, shelf: starting.Shelf, adapter_id: str) -> starting.Values:
    """Return the form with an adapter and a model that it fits. Raises Http404 when the project has no such adapter.

    Its trigger words need no field: they are added to the prompt wherever it is used.
    """
    adapter = shelf.find_adapters([adapter_id]).get(adapter_id)
    if adapter is None:
        raise Http404
    values = {**values, **adapter_choice.values_of([(adapter.id, adapter_choice.usual_weight(adapter))])}
    model = shelf.find_model(values["base_model"])
    fitting = fitting_model(shelf, adapter) if model is None or not fits(adapter, model) else None
    if fitting is not None:
        values |= starting.model_values(fitting, values["quality"]) | {"base_model": str(fitting.id)}
    return starting.with_marks(values)


def fitting_model(shelf: starting.Shelf, adapter: ModelFile) -> ModelFile | None:
    """Return the first model that an adapter fits."""
    return next((model for model in shelf.models if fits(adapter, model)), None)
