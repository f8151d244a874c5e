"""What the gpu workers train with, known without torch: a worker writes it down when it starts, pages read it.

The web process may run on another machine than the worker; both see TRAINING_ROOT.
"""

import json
import os
import subprocess
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from jobs.queue import GPU, cluster_name

from .recipes import Machine

FILE = "machine.json"
ASK_SECONDS = 10
MIB = 1024**2


def report_machine() -> None:
    """Write down what this process's machine is, if it is a gpu worker."""
    if cluster_name() != GPU:
        return
    path = Path(settings.TRAINING_ROOT, FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f".{FILE}.{os.getpid()}")
    whole.write_text(json.dumps(asdict(detect_machine())))
    whole.replace(path)


def known_machine() -> Machine:
    """Return what the gpu workers said that they are; before one has started, what this machine is."""
    try:
        return Machine(**json.loads(Path(settings.TRAINING_ROOT, FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return detect_machine()


def detect_machine() -> Machine:
    """Return this machine's first GPU, or its CPU where there is none or the settings say so."""
    if settings.ENGINE_DEVICE in ("", "cuda"):
        found = ask_driver()
        if found is not None:
            return found
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(kind="cpu", name="CPU", memory_bytes=memory, threads=settings.ENGINE_THREADS or os.cpu_count() or 1)


def ask_driver() -> Machine | None:
    """Return what NVIDIA's driver says of the first GPU, None where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=True).stdout
        name, memory = said.splitlines()[0].rsplit(",", 1)
        return Machine(kind="cuda", name=name.strip(), memory_bytes=int(memory) * MIB)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
