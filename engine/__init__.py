"""The torch wall: everything that draws or learns. Knows nothing of Django."""

import os

# Hugging Face's libraries read these once, when they are imported; Daicho never downloads anything.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# cuBLAS is deterministic only with this workspace, and reads it when the GPU is first touched.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
