"""The torch wall: everything that draws or learns. Knows nothing of Django."""

import os

# Hugging Face's libraries read these once, when they are imported; Daicho never downloads anything.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# cuBLAS is deterministic only with this workspace, and reads it when the GPU is first touched.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# Waiting threads must sleep, not spin: beside a web server on the same cores, spinning made pictures 20 times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
