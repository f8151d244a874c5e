"""The torch wall: everything that draws or learns. Knows nothing of Django."""
