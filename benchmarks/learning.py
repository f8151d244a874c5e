"""Whether training teaches the starter model what it never met, judged by a network that knows it.

    .venv/bin/python -m benchmarks.learning [--seeds 3] [--only subject style] [--quick] [--report]

Each cell trains through the real trainer on pictures that the renderer drew for it, draws with what was learnt through
the real engine (15 steps, guidance 2), and asks the concept judge. A cell's result is kept as soon as it is there, so
that a run can be broken off and goes on, and several runs may share the cells; --report prints the tables of what is
there.
"""

import argparse
import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from benchmarks.learning_cells import EXPERIMENTS, Cell, list_cells
from benchmarks.learning_report import report
from benchmarks.learning_runs import Bench

RESULTS = Path(__file__).parent / "results" / "learning.json"
FOLDER = Path("var/learning")


def read_results(path: Path) -> dict[str, dict]:
    """Return what earlier runs measured, by the cells' names."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def write_results(path: Path, results: dict[str, dict]) -> None:
    """Keep the results, a line for each cell, in the order of the cells."""
    order = {cell.key: place for place, cell in enumerate(list_cells(100))}
    known = sorted(results, key=lambda key: order.get(key, len(order)))
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(results[key])}" for key in known)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(f"{{\n{lines}\n}}\n", "utf-8")
    temporary.replace(path)


def add_result(options: argparse.Namespace, key: str, row: dict) -> None:
    """Keep one more result; other runs may add theirs at the same time."""
    options.results.parent.mkdir(exist_ok=True)
    with (options.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_results(options.results, {**read_results(options.results), key: row})


@contextmanager
def claimed(options: argparse.Namespace, key: str) -> Iterator[bool]:
    """Tell whether a cell is to be measured here: it has no result, and no other run is at it."""
    path = options.folder / "claims" / sha256(key.encode()).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield key not in read_results(options.results)


def run(options: argparse.Namespace) -> None:
    """Measure every cell that has no result yet."""
    bench = Bench(options.folder, count=options.pictures, threads=options.threads)
    for cell in list_cells(options.seeds):
        if cell.experiment in options.only:
            with claimed(options, cell.key) as is_mine:
                if is_mine:
                    measure(bench, options, cell)


def measure(bench: Bench, options: argparse.Namespace, cell: Cell) -> None:
    """Measure one cell, keep what was found, and tell it."""
    started = time.perf_counter()
    row = {"seed": cell.seed, **cell.measure(bench, cell.seed)}
    add_result(options, cell.key, row)
    told = {name: value for name, value in row.items() if name not in ("curve", "train_curve", "distances")}
    print(f"{cell.key}: {told} in {time.perf_counter() - started:.0f} s", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options, or leave with a usage message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=48, help="how many are judged for each seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=tuple(EXPERIMENTS), default=tuple(EXPERIMENTS))
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.seeds = 1 if options.quick else options.seeds
    return options


if __name__ == "__main__":
    chosen = parse_arguments()
    if not chosen.report:
        run(chosen)
    print("\n".join(report(read_results(chosen.results))))
