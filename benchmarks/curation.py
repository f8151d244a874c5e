"""Precision and recall of curation on a generated suite, beside ImageHash and cleanvision's rules, in one run.

    .venv/bin/python -m benchmarks.curation [--pictures 2000] [--seed 4] [--scale 5000]

Of every seven pictures one is a source, three are its duplicates, two carry one defect each, and one is a hard
negative: the source's layout with other content. Thresholds were tuned on seeds 1 to 3 and 11.
Duplicates are judged over all pairs of sources, duplicates and hard negatives; defects over clean pictures and those
with a defect. A defect often brings another along, and then both are true and neither detector is asked: soft pictures
whether they are upscaled and upscaled ones whether they are blurry, darkened and overexposed ones whether their
contrast is low, overexposed and faded ones whether they are gray. Sources that are dim by nature (moonlight) are not
asked whether they are dark: that is a matter of taste. cleanvision's rules are its definitions and default thresholds
as we know them, written here from their description. "At theirs" is our recall where our threshold is moved until our
precision is at least that of cleanvision as it stands, and "cv at ours" the other way round.
--scale also times the search over that many fingerprints.
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import imagehash
import numpy as np
from PIL import Image, ImageFilter, ImageStat

from assets.curation.duplicates import Fingerprint, find_pairs, fingerprint
from assets.curation.quality import Measures, flags, measure
from benchmarks.corruptions import DEFECTS, DUPLICATES
from benchmarks.curation_pictures import PAINTERS, draw_noise, draw_picture

GROUP = 7
HAMMING = 10
MEASURED = ("measure", "cleanvision")
HASHES: dict[str, Callable[[Image.Image], imagehash.ImageHash]] = {
    "pHash": imagehash.phash,
    "dHash": imagehash.dhash,
    "aHash": imagehash.average_hash,
    "wHash": imagehash.whash,
}
UNASKED = {
    "blurry": ("upscaled",),
    "upscaled": ("blurry",),
    "low_contrast": ("dark", "bright"),
    "gray": ("bright", "low_contrast"),
}
DIM = 85
Link = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Hold one picture of the suite: what it shows (`origin`), what was done to it, and the label that it earned.

    `dim` says that its source is dim by nature.
    """

    origin: str
    made_by: str
    label: str
    image: Image.Image
    dim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Hold a picture's true label, and what each side calls it and how strongly."""

    label: str
    dim: bool
    ours: frozenset[str]
    theirs: frozenset[str]
    our_scores: Mapping[str, float]
    their_scores: Mapping[str, float]

    def is_asked(self, label: str) -> bool:
        """Tell whether the picture has or lacks a defect beyond doubt."""
        return self.label not in UNASKED.get(label, ()) and (label != "dark" or self.label == label or not self.dim)


@dataclass(slots=True, kw_only=True)
class Seen:
    """Collect what is kept of the pictures, which are drawn and forgotten one by one."""

    origins: list[str] = field(default_factory=list)
    made_by: list[str] = field(default_factory=list)
    prints: list[Fingerprint] = field(default_factory=list)
    hashes: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    verdicts: list[Verdict] = field(default_factory=list)
    seconds: Counter = field(default_factory=Counter)
    megapixels: float = 0.0


def draw_suite(pictures: int, seed: int) -> Iterator[Item]:
    """Yield the pictures, group by group."""
    rng, kinds, copies, defects = random.Random(seed), list(PAINTERS), list(DUPLICATES), list(DEFECTS)
    for number in range(-(-pictures // GROUP)):
        kind, layout = kinds[number % len(kinds)], rng.randrange(1 << 30)
        source, other = (draw_picture(kind, layout, rng.randrange(1 << 30)) for _ in range(2))
        dim = is_dim(source)
        yield Item(origin=f"{number}", made_by="source", label="", image=source, dim=dim)
        yield Item(origin=f"{number} hard", made_by="hard", label="", image=other, dim=is_dim(other))
        for step in range(3):
            name = copies[(number * 3 + step + number // len(copies)) % len(copies)]
            yield Item(origin=f"{number}", made_by=name, label="", image=DUPLICATES[name](source, rng))
        for step in range(2):
            name = defects[(number * 2 + step + number // len(defects)) % len(defects)]
            label, spoil = DEFECTS[name]
            yield Item(origin="", made_by=name, label=label, image=spoil(source, rng), dim=dim)


def is_dim(image: Image.Image) -> bool:
    """Tell whether 99 of 100 pixels have less than a third of full light."""
    return bool(np.percentile(np.asarray(image.convert("L")), 99) < DIM)


def score_ours(measures: Measures) -> dict[str, float]:
    """Return the measure behind each label that cleanvision has too; more is worse."""
    return {
        "dark": -measures.lightest,
        "bright": measures.clipped,
        "odd_aspect": max(measures.width / measures.height, measures.height / measures.width),
        "low_contrast": -measures.contrast,
        "gray": -measures.color,
        "blurry": -measures.edges,
    }


def score_cleanvision(image: Image.Image) -> dict[str, float]:
    """Return cleanvision's scores by their definitions, turned so that more is worse and 0 is its default threshold."""
    levels = np.asarray(image, np.float64)
    bright = np.sqrt(levels**2 @ (0.241, 0.691, 0.068)) / 255
    return {
        "dark": 0.32 - float(np.percentile(bright, 99)),
        "bright": 0.05 - (1 - float(np.percentile(bright, 5))),
        "odd_aspect": 0.35 - min(image.width / image.height, image.height / image.width),
        "low_contrast": 0.3 - min(1.0, image.entropy() / 10),
        "gray": 1.0 if (levels == levels[..., :1]).all() else -1.0,
        "blurry": 0.29 - score_blur(image),
    }


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
            seen.verdicts.append(judge(seen, item))
    return seen


def judge(seen: Seen, item: Item) -> Verdict:
    """Measure a picture both ways."""
    measures = timed(seen, "measure", measure, item.image)
    theirs = timed(seen, "cleanvision", score_cleanvision, item.image)
    return Verdict(
        label=item.label,
        dim=item.dim,
        ours=frozenset(flags(measures)) - {"small"},
        theirs=frozenset(label for label, score in theirs.items() if score > 0),
        our_scores=score_ours(measures),
        their_scores=theirs,
    )


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
    """Print precision, recall and F1 per detector; cleanvision has no rule where its columns are empty."""
    clean = [verdict for verdict in seen.verdicts if not verdict.label]
    print(f"\nDefects: {len(seen.verdicts)} pictures, {len(clean)} of them clean\n")
    names = ("precision", "recall", "F1", "cv precision", "cv recall", "cv F1", "at theirs", "cv at ours")
    print_row("", ["pictures", *names])
    for label in dict.fromkeys(label for label, _ in DEFECTS.values()):
        asked = [verdict for verdict in seen.verdicts if verdict.is_asked(label)]
        count = sum(verdict.label == label for verdict in asked)
        print_row(label, [str(count), *(f"{cell:.3f}" for cell in compare(label, asked))])
    shares = [np.mean([bool(verdict.ours) for verdict in clean]), np.mean([bool(verdict.theirs) for verdict in clean])]
    print(f"clean pictures with a flag: {shares[0]:.3f}, cleanvision {shares[1]:.3f}")


def compare(label: str, asked: Sequence[Verdict]) -> list[float]:
    """Return a label's cells: our three rates and, where cleanvision has a rule, its three and both recalls moved."""
    truth = np.array([verdict.label == label for verdict in asked])
    ours = rate(truth, np.array([label in verdict.ours for verdict in asked]))
    if label not in asked[0].their_scores:
        return ours
    theirs = rate(truth, np.array([label in verdict.theirs for verdict in asked]))
    moved = recall_at(truth, np.array([verdict.our_scores[label] for verdict in asked]), theirs[0])
    their_moved = recall_at(truth, np.array([verdict.their_scores[label] for verdict in asked]), ours[0])
    return [*ours, *theirs, moved, their_moved]


def rate(truth: np.ndarray, found: np.ndarray) -> list[float]:
    """Return precision, recall and F1; a rule that finds nothing has a precision of 0."""
    hits = int((truth & found).sum())
    return [hits / max(1, found.sum()), hits / max(1, truth.sum()), 2 * hits / max(1, found.sum() + truth.sum())]


def recall_at(truth: np.ndarray, scores: np.ndarray, precision: float) -> float:
    """Return the best recall of any threshold whose precision is at least so high."""
    rates = [rate(truth, scores >= limit) for limit in np.unique(scores[truth])]
    return max((recall for exact, recall, _ in rates if exact >= precision), default=0.0)


def print_row(name: str, cells: list[str]) -> None:
    print(f"{name:<16}" + "".join(f"{cell:>13}" for cell in cells))


def report_speed(seen: Seen) -> None:
    """Print the processor's milliseconds for each picture, and for a megapixel of measuring."""
    counts = dict.fromkeys((*HASHES, "fingerprint"), len(seen.prints)) | dict.fromkeys(MEASURED, len(seen.verdicts))
    cells = [f"{name} {seen.seconds[name] * 1000 / count:.1f}" for name, count in counts.items()]
    print("\nMilliseconds of processor time for a picture: " + ", ".join(cells))
    print(f"measure: {seen.seconds['measure'] * 1000 / seen.megapixels:.0f} ms for a megapixel")


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
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--scale", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    seen = look(draw_suite(options.pictures, options.seed))
    report_duplicates(seen)
    report_defects(seen)
    report_speed(seen)
    print(f"whole run {time.perf_counter() - start:.0f} s")
    if options.scale:
        report_scale(options.scale)


if __name__ == "__main__":
    main()
