"""How a base model learns: caches, the step, held-out loss, checkpoints. Only `values` may be read without torch."""
