"""Train with several processes, one for each GPU: the accumulated batches of a step are spread over them.

What comes of it is the same recipe's result whatever the number of GPUs: a step is still made of the same batches, and
their gradients are added up. Communication is accelerate's.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from queue import Empty
from threading import Thread
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from engine.errors import EngineError
from engine.training.values import Event, OnEvent, Trained

GO_ON, END, ABANDON = 0, 1, 2
WAIT_SECONDS = 0.5
ENOUGH_SECONDS = 30.0


class Team(Protocol):
    """The processes that train together; the one of rank 0 looks, draws, keeps and tells."""

    rank: int
    size: int

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Add up each tensor over all processes, in place."""

    def decide(self, choice: int) -> int:
        """Return what the first process has chosen."""


@dataclass(frozen=True, slots=True)
class Alone:
    """One process that needs nobody."""

    rank: int = 0
    size: int = 1

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Leave the tensors as they are."""

    def decide(self, choice: int) -> int:
        """Return the choice."""
        return choice


class Together:
    """Processes that were started by `train_together`."""

    def __init__(self, device: str) -> None:
        self.accelerator = Accelerator(cpu=device == "cpu")
        self.rank, self.size = self.accelerator.process_index, self.accelerator.num_processes

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Add up each tensor over all processes, in one message."""
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        total, start = self.accelerator.reduce(flat, reduction="sum"), 0
        for tensor in tensors:
            tensor.copy_(total[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()

    def decide(self, choice: int) -> int:
        """Return what the first process has chosen."""
        return int(broadcast(torch.tensor([choice], device=self.accelerator.device)))


class Stopped(Exception):
    """Stop: whoever started the processes does not want them to go on."""


def count_processes(accumulated: int, wanted: int) -> int:
    """Return how many processes have something to do in every step."""
    return max(1, min(accumulated, wanted))


def train_together(
    work: Callable[..., Trained], options: Mapping[str, Any], *, size: int, on_event: OnEvent
) -> Trained:
    """Run `work(**options, on_event=…, team=…)` in several processes, and return what the first one does.

    Events are told here; what `on_event` raises stops all processes and passes through. Raises EngineError as `work`
    does, and `training_process_died` when a process is gone.
    """
    context = get_context("spawn")
    told, stop, port = context.Queue(), context.Event(), free_port()
    places = [{"rank": rank, "size": size, "port": port} for rank in range(size)]
    processes = [
        context.Process(target=take_part, args=(work, dict(options), place, told, stop), daemon=True)
        for place in places
    ]
    for process in processes:
        process.start()
    try:
        return listen(told, processes, on_event)
    finally:
        stop.set()
        for process in processes:
            process.join(ENOUGH_SECONDS)
            process.kill()


def listen(told: Any, processes: Sequence[Any], on_event: OnEvent) -> Trained:
    """Pass events on until the first process is done."""
    while True:
        try:
            kind, value = told.get(timeout=WAIT_SECONDS)
        except Empty:
            if any(process.exitcode not in (None, 0) for process in processes):
                raise EngineError("training_process_died", "A process of this training has died.") from None
            continue
        if kind == "event":
            on_event(value)
        elif kind == "error":
            raise EngineError(value["code"], value["message"], **value["params"])
        else:
            return replace(value, weights={name: torch.from_numpy(each) for name, each in value.weights.items()})


def take_part(
    work: Callable[..., Trained], options: dict[str, Any], place: Mapping[str, int], told: Any, stop: Any
) -> None:
    """Be one of the processes."""
    os.environ |= {
        "RANK": str(place["rank"]),
        "LOCAL_RANK": str(place["rank"]),
        "WORLD_SIZE": str(place["size"]),
        "LOCAL_WORLD_SIZE": str(place["size"]),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(place["port"]),
    }
    end_with_parent()
    if options["device"] == "cuda":
        options["device"] = f"cuda:{place['rank']}"
        torch.cuda.set_device(place["rank"])
    is_first = place["rank"] == 0

    def on_event(event: Event) -> None:
        if stop.is_set():
            raise Stopped
        if is_first:
            told.put(("event", event))

    try:
        trained = work(**options, on_event=on_event, team=Together(options["device"]))
    except EngineError as error:
        told.put(("error", {"code": error.code, "message": str(error), "params": error.params}))
        return
    except Stopped:
        return
    if is_first:
        # As bytes: tensors would stay in this process, which ends.
        told.put(("done", replace(trained, weights={name: each.numpy() for name, each in trained.weights.items()})))


def end_with_parent() -> None:
    """Let this process end when the one that started it is killed: it would keep its GPU, and write beside the next."""

    def wait_for_it() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait_for_it, daemon=True).start()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
