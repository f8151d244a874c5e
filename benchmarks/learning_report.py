"""The learning benchmark's results as Markdown tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.learning_figures import Interval, mean_of_many, say_effect, share

Results = Mapping[str, Mapping[str, Any]]
# Rules that people go by, as steps at batch 4 on four pictures.
FIXED = {
    "50 steps": 50,
    "100 steps (kohya's 10 repeats × 10 epochs)": 100,
    "200 steps": 200,
    "400 steps (diffusers' DreamBooth example)": 400,
}


def rows_of(results: Results, experiment: str, arm: str) -> list[Mapping[str, Any]]:
    """Return an arm's results, one a seed."""
    return [row for key, row in results.items() if key.startswith(f"{experiment}/{arm}/")]


def arms_of(results: Results, experiment: str) -> list[str]:
    """Return the arms of an experiment that have results, in order."""
    return list(dict.fromkeys(key.split("/")[1] for key in results if key.startswith(f"{experiment}/")))


def pool(rows: Sequence[Mapping[str, Any]], hits: str = "hits", count: str = "count") -> Interval:
    """Return the share of hits over all pictures of all seeds."""
    return share(sum(row[hits] for row in rows), sum(row[count] for row in rows))


def format_table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in cells)


def report_concept(results: Results, experiment: str, base: str) -> str:
    """Return the shares of pictures that show the concept, arm by arm, beside the base model's."""
    before = pool(rows_of(results, base, "base"))
    lines = []
    for arm in arms_of(results, experiment):
        rows = rows_of(results, experiment, arm)
        now = pool(rows)
        each = ", ".join(f"{row['hits'] / row['count']:.2f}" for row in rows)
        certainty = np.mean([row["certainty"] for row in rows])
        steps = "–" if arm == "base" else ", ".join(str(row["step"]) for row in rows)
        verdict = "–" if arm == "base" else "no gain" if now.low <= before.high else "**learnt**"
        lines.append([arm, now, each, f"{certainty:.3f}", steps, verdict])
    return format_table(["arm", "share (95 %)", "by seed", "certainty", "steps", "beside the base"], lines)


def report_prior(results: Results) -> str:
    """Return what prior preservation keeps, and what it costs."""
    without = {row["seed"]: np.array(row["distances"]) for row in rows_of(results, "prior", "off")}
    lines = []
    for arm in arms_of(results, "prior"):
        rows = rows_of(results, "prior", arm)
        kept, others = pool(rows, "class_hits", "half"), pool(rows, "other_hits", "half")
        leaked = f"{sum(row['leaked'] for row in rows)} of {sum(2 * row['half'] for row in rows)}"
        apart = {row["seed"]: np.array(row["distances"]) for row in rows}
        # The same seeds draw the same prompts from the same noise, so that pictures are compared one by one.
        paired = [apart[seed] - without[seed] for seed in sorted(apart.keys() & without.keys())]
        is_compared = arm not in ("base", "off") and paired
        beside = f"{mean_of_many(np.concatenate(paired))}" if is_compared else "–"
        by_seed = ", ".join(f"{each.mean():+.1f}" for each in paired) if is_compared else "–"
        distance = f"{np.mean(np.concatenate(list(apart.values()))):.1f}"
        lines.append([arm, pool(rows), kept, others, leaked, distance, beside, by_seed])
    head = ["prior", "concept", "class kept", "others kept", "leaked", "distance to the base's pictures"]
    return format_table([*head, "beside off, picture by picture", "by seed"], lines)


def report_overfit(results: Results) -> str:
    """Return each rule's regret: how much better the oracle's best step is on pictures that nobody else sees."""
    oracles = {
        row["seed"]: {step: loss for step, loss, *_ in row["curve"]} for row in rows_of(results, "overfit", "oracle")
    }
    chosen: dict[str, dict[int, int]] = {
        "stopper": {row["seed"]: row["step"] for row in rows_of(results, "overfit", "stopper")},
        **{name: dict.fromkeys(oracles, step) for name, step in FIXED.items()},
    }
    lines = []
    for name, steps in chosen.items():
        seeds = sorted(steps.keys() & oracles.keys())
        regrets = [oracles[seed][steps[seed]] - min(oracles[seed].values()) for seed in seeds]
        if seeds:
            lines.append(
                [name, ", ".join(str(steps[seed]) for seed in seeds), f"{np.mean(regrets):.3f}", f"{max(regrets):.3f}"]
            )
    best = ", ".join(f"{min(curve, key=curve.__getitem__)} ({min(curve.values()):+.3f})" for curve in oracles.values())
    last = ", ".join(f"{curve[max(curve)]:+.3f}" for curve in oracles.values())
    table = format_table(["rule", "steps by seed", "mean regret", "worst"], lines)
    return f"{table}\n\nOracle's best step and its change: {best}. At the last step: {last}."


def report_levers(results: Results) -> str:
    """Return each lever's effect on the held-out loss at the end, against the same training without it."""
    plain = {row["seed"]: row["curve"][-1][1] for row in rows_of(results, "levers", "as it is")}
    lines = []
    for arm in arms_of(results, "levers"):
        ends = {row["seed"]: row["curve"][-1][1] for row in rows_of(results, "levers", arm)}
        differences = [end - plain[seed] for seed, end in ends.items() if seed in plain]
        effect = "–" if arm == "as it is" else say_effect(differences)
        lines.append([arm, f"{np.mean(list(ends.values())):+.3f}", effect])
    return format_table(["lever", "held-out change", "effect on it"], lines)


def report_zero(results: Results) -> str:
    """Say whether every adapter of strength 0 drew the base model's very pictures."""
    told = [row["strength_0_is_base"] for row in results.values() if "strength_0_is_base" in row]
    return f"Strength 0 drew the base model's pictures to the last bit in {sum(told)} of {len(told)} trainings."


def report(results: Results) -> Iterator[str]:
    """Yield the sections that there are results for."""
    sections = {
        "A new subject": ("subject", lambda: report_concept(results, "subject", "subject")),
        "A new style": ("style", lambda: report_concept(results, "style", "style")),
        "Rate 0, subject": ("subject, rate 0", lambda: report_concept(results, "subject, rate 0", "subject")),
        "Rate 0, style": ("style, rate 0", lambda: report_concept(results, "style, rate 0", "style")),
        "Captions": ("captions", lambda: report_concept(results, "captions", "subject")),
        "Strength 0": ("subject", lambda: report_zero(results)),
        "Prior preservation": ("prior", lambda: report_prior(results)),
        "Four pictures, too long": ("overfit", lambda: report_overfit(results)),
        "Levers": ("levers", lambda: report_levers(results)),
    }
    for title, (experiment, write) in sections.items():
        if arms_of(results, experiment):
            yield f"### {title}\n\n{write()}\n"
