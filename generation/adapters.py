"""What pictures say of the adapters that they were made with."""

from assets.services.short_hashes import keep_short_hash, kept_short_hash

from .models import Generation
from .parameters import AdapterName


def adapter_names(generation: Generation, *, keep: bool = False) -> list[AdapterName]:
    """Return a job's adapters as A1111 names them, in their order.

    A hash that is not kept with its model yet is computed where a worker may `keep` it, else left out.
    """
    return [
        AdapterName(
            sha256=each.file.sha256,
            name=each.file.name,
            short_hash=(keep_short_hash(each.file) if keep else kept_short_hash(each.file)) or None,
        )
        for each in generation.chosen_adapters
    ]
