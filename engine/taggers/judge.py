"""Tag with the judge of the starter world, which is always there."""

from collections.abc import Sequence

import torch
from PIL import Image

from engine.headers import hash_model
from engine.starter import WEIGHTS
from engine.starter.judge import ANSWERS, FILE, load_judge, to_pixels
from engine.starter.vae import to_tensor
from engine.taggers.tags import BATCH, Tag, pick_tags, split_batches

# On 200 fresh renders 1 of 980 words over it was wrong, and noise and plain colors got none; with a subject, place or
# style that the judge never learnt, some words are still wrong (style 36 %, subject 18 %, others 4 to 18 %).
THRESHOLD = 0.75


class JudgeTagger:
    """Name the color, subject, place, light and style of pictures of the starter world, each where it is sure.

    A judge of five closed questions answers some of them surely even before noise. A word's softmax share is therefore
    multiplied by the geometric mean of the five winners' shares: what puzzles one question makes all answers less
    sure. Pictures are squeezed to 128 × 128 pixels. Style was learnt at that size: larger pixel art reads as flat.
    """

    name = "starter_judge"

    def __init__(self, *, device: str = "cpu", threshold: float = THRESHOLD, batch_size: int = BATCH) -> None:
        self.version = hash_model(WEIGHTS / FILE)
        self.device = torch.device(device)
        self.threshold, self.batch_size = threshold, batch_size
        self.judge = load_judge().to(self.device)

    def tag(self, images: Sequence[Image.Image]) -> list[list[Tag]]:
        """Return the tags of every picture, at most one a question."""
        return [
            pick_tags(answers, threshold=self.threshold)
            for batch in split_batches(images, self.batch_size)
            for answers in self.answer(batch)
        ]

    @torch.inference_mode()
    def answer(self, images: Sequence[Image.Image]) -> list[list[tuple[str, float]]]:
        """Return the likeliest word of each question for every picture, with its confidence."""
        scores = self.judge(to_tensor(to_pixels(images)).to(self.device))
        shares, winners = zip(*(scores[slot].float().softmax(1).max(1) for slot in ANSWERS), strict=True)
        familiarity = torch.stack(shares).log().mean(0).exp()
        confidences = (torch.stack(shares, 1) * familiarity[:, None]).tolist()
        indices = torch.stack(winners, 1).tolist()
        return [
            [(words[index], share) for words, index, share in zip(ANSWERS.values(), *row, strict=True)]
            for row in zip(indices, confidences, strict=True)
        ]
