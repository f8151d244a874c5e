"""Precision and recall of curation on a generated suite, beside ImageHash and cleanvision's rules, in one run.

    .venv/bin/python -m benchmarks.curation [--pictures 2000] [--seed 2] [--scale 5000]

Of every seven pictures one is a source, three are its duplicates, two carry one defect each, and one is a hard
negative: the source's layout with other content. Thresholds were tuned on seed 1. Duplicates are judged over all
pairs of sources, duplicates and hard negatives; defects over clean pictures and those with a defect. Soft pictures
are not asked whether they are upscaled, nor upscaled ones whether they are blurry: both are true.
cleanvision's rules are its documented definitions and default thresholds, written here from their description.
--scale also times the search over that many fingerprints.
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import imagehash
import numpy as np
from PIL import Image, ImageFilter, ImageStat

from assets.curation.duplicates import Fingerprint, find_pairs, fingerprint
from assets.curation.quality import flags, measure
from benchmarks.corruptions import DEFECTS, DUPLICATES
from benchmarks.curation_pictures import PAINTERS, draw_noise, draw_picture

GROUP = 7
HAMMING = 10
HASHES: dict[str, Callable[[Image.Image], imagehash.ImageHash]] = {
    "pHash": imagehash.phash,
    "dHash": imagehash.dhash,
    "aHash": imagehash.average_hash,
    "wHash": imagehash.whash,
}
UNASKED = {"blurry": "upscaled", "upscaled": "blurry"}
Link = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Hold one picture of the suite: what it shows (`origin`), what was done to it, and the label that it earned."""

    origin: str
    made_by: str
    label: str
    image: Image.Image


@dataclass(slots=True, kw_only=True)
class Seen:
    """Collect what is kept of the pictures, which are drawn and forgotten one by one."""

    origins: list[str] = field(default_factory=list)
    made_by: list[str] = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    hashes: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    verdicts: list[tuple[str, frozenset[str], frozenset[str]]] = field(default_factory=list)
    seconds: Counter = field(default_factory=Counter)
    megapixels: float = 0.0


def draw_suite(pictures: int, seed: int) -> Iterator[Item]:
    """Yield the pictures, group by group."""
    rng, kinds, copies, defects = random.Random(seed), list(PAINTERS), list(DUPLICATES), list(DEFECTS)
    for number in range(-(-pictures // GROUP)):
        kind, layout = kinds[number % len(kinds)], rng.randrange(1 << 30)
        source, other = (draw_picture(kind, layout, rng.randrange(1 << 30)) for _ in range(2))
        yield Item(origin=f"{number}", made_by="source", label="", image=source)
        yield Item(origin=f"{number} hard", made_by="hard", label="", image=other)
        for step in range(3):
            name = copies[(number * 3 + step + number // len(copies)) % len(copies)]
            yield Item(origin=f"{number}", made_by=name, label="", image=DUPLICATES[name](source, rng))
        for step in range(2):
            name = defects[(number * 2 + step + number // len(defects)) % len(defects)]
            label, spoil = DEFECTS[name]
            yield Item(origin="", made_by=name, label=label, image=spoil(source, rng))


def rules_of_cleanvision(image: Image.Image) -> frozenset[str]:
    """Return the labels that cleanvision's definitions and default thresholds give."""
    levels = np.asarray(image, np.float64)
    bright = np.sqrt(levels**2 @ (0.241, 0.691, 0.068)) / 255
    found = {
        "dark": np.percentile(bright, 99) < 0.32,
        "bright": 1 - np.percentile(bright, 5) < 0.05,
        "odd_aspect": min(image.width / image.height, image.height / image.width) < 0.35,
        "low_contrast": min(1.0, image.entropy() / 10) < 0.3,
        "gray": bool((levels == levels[..., :1]).all()),
        "blurry": score_blur(image) < 0.29,
    }
    return frozenset(name for name, is_found in found.items() if is_found)


def score_blur(image: Image.Image) -> float:
    """Return cleanvision's sharpness of a copy of 64 pixels, helped by a spread histogram."""
    ratio = max(image.size) / 64
    gray = image.convert("L").resize((max(1, int(image.width / ratio)), max(1, int(image.height / ratio))))
    edges = ImageStat.Stat(gray.filter(ImageFilter.FIND_EDGES)).stddev[0]
    spread = 1 - np.exp(-0.01 * float(np.std(gray.histogram())))
    return min(1.0, 1 - np.exp(-0.01 * edges) + (0.0 if spread <= 0.18 else spread))


def look(suite: Iterator[Item]) -> Seen:
    """Fingerprint, hash and measure every picture that the question is for."""
    seen = Seen()
    for item in suite:
        if item.origin:
            seen.origins.append(item.origin)
            seen.made_by.append(item.made_by)
            seen.prints.append(timed(seen, "fingerprint", fingerprint, item.image))
            for name, hashed in HASHES.items():
                seen.hashes[name].append(timed(seen, name, hashed, item.image).hash.ravel())
        if item.made_by in ("source", "hard") or item.label:
            seen.megapixels += item.image.width * item.image.height / 1e6
            ours = frozenset(flags(timed(seen, "measure", measure, item.image))) - {"small"}
            seen.verdicts.append((item.label, ours, timed(seen, "cleanvision", rules_of_cleanvision, item.image)))
    return seen


def timed(seen: Seen, name, work, image):
    """Do the work and add up the processor's seconds."""
    start = time.process_time()
    result = work(image)
    seen.seconds[name] += time.process_time() - start
    return result


def pair_by_hash(hashes: list[np.ndarray], radius: int) -> set[Link]:
    """Return the pairs whose hashes differ in at most so many bits."""
    bits = np.array(hashes, np.float32)
    ones = bits.sum(1)
    distance = ones[:, None] + ones[None] - 2 * bits @ bits.T
    return {(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(distance <= radius, 1)), strict=True)}


def pair_ours(prints: list[Fingerprint]) -> set[Link]:
    pairs = find_pairs({f"{number:06d}": each for number, each in enumerate(prints)})
    return {(int(pair.first), int(pair.second)) for pair in pairs}


def report_duplicates(seen: Seen) -> None:
    """Print precision, and recall from the source for every way of copying."""
    start = time.process_time()
    methods = {"Daicho": pair_ours(seen.prints)}
    spent = time.process_time() - start
    for name, hashes in seen.hashes.items():
        methods[f"{name}≤{HAMMING}"] = pair_by_hash(hashes, HAMMING)
    methods["pHash=0 (cv)"] = pair_by_hash(seen.hashes["pHash"], 0)
    print(f"\nDuplicates: {len(seen.prints)} pictures, pairs found in {spent:.1f} s of processor time\n")
    print_row("", list(methods))
    print_row("precision", [f"{precision(seen, found):.3f}" for found in methods.values()])
    print_row("wrong pairs", [str(sum(not same(seen, pair) for pair in found)) for found in methods.values()])
    print_row("recall", [f"{recall(seen, found, ''):.3f}" for found in methods.values()])
    for name in DUPLICATES:
        print_row(f"  {name}", [f"{recall(seen, found, name):.3f}" for found in methods.values()])


def same(seen: Seen, pair: Link) -> bool:
    return seen.origins[pair[0]] == seen.origins[pair[1]]


def precision(seen: Seen, found: set[Link]) -> float:
    return sum(same(seen, pair) for pair in found) / max(1, len(found))


def recall(seen: Seen, found: set[Link], made_by: str) -> float:
    """Return the share of copies that were paired with their source, of one way of copying or of all."""
    source = {origin: n for n, origin in enumerate(seen.origins) if seen.made_by[n] == "source"}
    copies = [n for n, name in enumerate(seen.made_by) if name in DUPLICATES and made_by in ("", name)]
    return float(np.mean([(source[seen.origins[n]], n) in found for n in copies]))


def report_defects(seen: Seen) -> None:
    """Print precision and recall per detector; cleanvision has no rule where its columns are empty."""
    print(f"\nDefects: {len(seen.verdicts)} pictures, {sum(not label for label, *_ in seen.verdicts)} of them clean\n")
    print_row("", ["pictures", "precision", "recall", "cv precision", "cv recall"])
    for label in dict.fromkeys(label for label, _ in DEFECTS.values()):
        asked = [verdict for verdict in seen.verdicts if verdict[0] != UNASKED.get(label)]
        count = sum(truth == label for truth, *_ in asked)
        ours = rate(label, [(truth, found) for truth, found, _ in asked])
        theirs = rate(label, [(truth, found) for truth, _, found in asked])
        print_row(label, [str(count), *ours, *theirs])
    clean = [(ours, theirs) for label, ours, theirs in seen.verdicts if not label]
    shares = [f"{np.mean([bool(pair[side]) for pair in clean]):.3f}" for side in range(2)]
    print_row("clean, flagged", [str(len(clean)), shares[0], "", shares[1], ""])


def rate(label: str, verdicts: list[tuple[str, frozenset[str]]]) -> list[str]:
    """Return precision and recall of one label as text."""
    found = [truth == label for truth, labels in verdicts if label in labels]
    hits, wanted = sum(found), sum(truth == label for truth, _ in verdicts)
    return [f"{hits / len(found):.3f}" if found else "–", f"{hits / max(1, wanted):.3f}"]


def print_row(name: str, cells: list[str]) -> None:
    print(f"{name:<16}" + "".join(f"{cell:>14}" for cell in cells))


def report_scale(count: int) -> None:
    """Print how long the search takes over fingerprints of that many unlike pictures with a natural spectrum."""
    prints = []
    for number in range(count):
        rng = np.random.default_rng(number)
        view = (255 * draw_noise((64, 64), rng, 1.2)).astype(np.uint8).tobytes()
        prints.append(Fingerprint(pixels=number.to_bytes(32, "big"), views=(view,)))
    wall, cpu = time.perf_counter(), time.process_time()
    found = pair_ours(prints)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"\nSearch over {count} unlike pictures: {wall:.1f} s wall, {cpu:.1f} s cpu, {len(found)} pairs")


def main() -> None:
    """Draw the suite, look at it, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--scale", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    seen = look(draw_suite(options.pictures, options.seed))
    report_duplicates(seen)
    report_defects(seen)
    print(
        f"\nmeasure: {seen.seconds['measure'] * 1000 / seen.megapixels:.0f} ms cpu per megapixel; milliseconds a picture:"
    )
    spent = {name: seconds * 1000 / len(seen.prints) for name, seconds in seen.seconds.items() if name in HASHES}
    spent["fingerprint"] = seen.seconds["fingerprint"] * 1000 / len(seen.prints)
    spent["measure"] = seen.seconds["measure"] * 1000 / len(seen.verdicts)
    spent["cleanvision"] = seen.seconds["cleanvision"] * 1000 / len(seen.verdicts)
    print("  " + ", ".join(f"{name} {each:.1f}" for name, each in spent.items()))
    print(f"  whole run {time.perf_counter() - start:.0f} s")
    if options.scale:
        report_scale(options.scale)


if __name__ == "__main__":
    main()
