"""Measure how long the rights of 10,000 pictures take: reading, meeting, deciding, hashing and explaining.

Run: python -m benchmarks.rights_meet [--inputs 10000]
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from assets.licensing import Context, Input, RightsFacts, decide, explain, meet, obligations_text, terms_of

T = TypeVar("T")
MODEL = Input(
    item="Stable Diffusion 1.5",
    facts=RightsFacts(expression="LicenseRef-scancode-stable-diffusion-2022-08-22", kind="base_model", state="cleared"),
)


def pictures(count: int, expression: str) -> list[Input]:
    """Return that many training pictures by a hundred creators."""
    return [
        Input(item=f"picture {number}", ref=str(number), facts=facts_of(number, expression)) for number in range(count)
    ]


def facts_of(number: int, expression: str) -> RightsFacts:
    """Return the facts of one picture."""
    return RightsFacts(
        expression=expression,
        kind="training_picture",
        state="cleared",
        creator=f"creator {number % 100}",
        title=f"picture {number}",
        source_url=f"https://example.org/{number}",
    )


def timed(name: str, work: Callable[[], T]) -> T:
    """Do the work once and print how long it took: on the wall, and of the processor (other work may share it)."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"  {name:<28}{wall * 1000:>9.1f} ms wall {cpu * 1000:>9.1f} ms cpu")
    return result


def measure(count: int, expression: str) -> None:
    """Print the times for one licence."""
    print(f"{count} inputs, {expression or 'no licence'}")
    inputs = [MODEL, *pictures(count, expression)]
    context = Context(at=datetime(2026, 11, 20, tzinfo=UTC), territory="JP", revenue=Decimal(500_000))
    terms = timed("facts to terms", lambda: [terms_of(each.facts, each.item, each.ref) for each in inputs])
    timed("meet", lambda: meet(*terms))
    decision = timed("decide (all of the above)", lambda: decide("publish", inputs, context))
    timed("sha256", decision.sha256)
    timed("explain", lambda: explain(decision, "ja"))
    timed("obligations_text", lambda: obligations_text(decision, "ja"))
    print(f"  → {decision.verdict}, {len(decision.reasons)} reasons, {len(decision.obligations)} obligations")


def main() -> None:
    """Read the options and measure three licences: nothing owed, credits owed, nothing known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    count = parser.parse_args().inputs
    for expression in ("CC0-1.0", "CC-BY-4.0", ""):
        measure(count, expression)


if __name__ == "__main__":
    main()
