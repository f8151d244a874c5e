"""Keep a few processes running: start them, start the ones that die again, stop them together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

RESTART_SECONDS = 2.0
STOP_SECONDS = 20.0


class Supervisor:
    """Start commands by name, with their output in one log file each."""

    def __init__(self, commands: Mapping[str, Sequence[str]], logs: Path, env: Mapping[str, str] | None = None) -> None:
        self.commands = commands
        self.logs = logs
        self.env = {**os.environ, **(env or {})}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = 0
        self.stopping = threading.Event()

    def __enter__(self) -> "Supervisor":
        self.logs.mkdir(parents=True, exist_ok=True)
        for name in self.commands:
            self.start(name)
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stopping.set()
        self.watcher.join()
        for process in self.processes.values():
            signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                signal_group(process, signal.SIGKILL)
                process.wait()

    def start(self, name: str) -> None:
        """Start one command in a session of its own, so that a terminal's Ctrl-C reaches us first."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.commands[name],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.env,
                start_new_session=True,
            )

    def watch(self) -> None:
        """Start every process again that ended by itself."""
        while not self.stopping.wait(RESTART_SECONDS):
            for name, process in list(self.processes.items()):
                if process.poll() is not None:
                    self.restarts += 1
                    signal_group(process, signal.SIGKILL)
                    self.start(name)


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process; SIGKILL goes to its children too, which would otherwise stay."""
    try:
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        return


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    return [sys.executable, "manage.py", *arguments]
