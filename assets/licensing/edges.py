"""What of a thing's terms travels along which edge, for which action.

Source: the edge table of the house's rights policy (docs/rights.md).
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import StrEnum

from .terms import TOP, LicensingError, Terms


class Action(StrEnum):
    """The gates: each is asked at the time of the action."""

    INGEST = "ingest"
    TRAIN = "train"
    MERGE = "merge"
    GENERATE = "generate"
    PUBLISH = "publish"
    WEIGHTS = "weights"
    HOST = "host"


class Edge(StrEnum):
    """How a thing is in what is made from it; `itself` is the unchanged thing."""

    ITSELF = "itself"
    MODEL_TO_MODEL = "model_to_model"
    TRAINING_TO_MODEL = "training_to_model"
    MODEL_TO_OUTPUT = "model_to_output"
    TRAINING_TO_OUTPUT = "training_to_output"
    INPUT_TO_OUTPUT = "input_to_output"
    OUTPUT_TO_DATASET = "output_to_dataset"


class Policy(StrEnum):
    """How much of a training picture's licence is taken to reach what is made from it."""

    STRICT = "strict"
    STANDARD = "standard"
    EXCEPTION = "exception"


PICTURES = ("training_picture", "input_picture")
MAKES_OUTPUT = (Action.GENERATE, Action.PUBLISH)
OUTWARD = (Action.PUBLISH, Action.WEIGHTS, Action.HOST)
GRANTS_LICENSE = (Action.PUBLISH, Action.WEIGHTS)
PRODUCTS: Mapping[Action, frozenset[str]] = {
    Action.GENERATE: frozenset({"output"}),
    Action.PUBLISH: frozenset({"output"}),
    Action.TRAIN: frozenset({"weights", "host"}),
    Action.MERGE: frozenset({"weights", "host"}),
    Action.WEIGHTS: frozenset({"weights"}),
    Action.HOST: frozenset({"host"}),
    Action.INGEST: frozenset(),
}

NEEDS: Mapping[tuple[Edge, Action], frozenset[str]] = {
    (edge, action): frozenset(("basis", *dimensions.split()))
    for edge, action, dimensions in (
        (Edge.ITSELF, Action.PUBLISH, "share commercial"),
        (Edge.ITSELF, Action.WEIGHTS, "weights_share commercial"),
        (Edge.ITSELF, Action.HOST, "host commercial"),
        (Edge.MODEL_TO_MODEL, Action.TRAIN, "weights_derive commercial"),
        (Edge.MODEL_TO_MODEL, Action.MERGE, "weights_derive commercial"),
        (Edge.MODEL_TO_MODEL, Action.WEIGHTS, "weights_derive weights_share commercial added_terms"),
        (Edge.MODEL_TO_MODEL, Action.HOST, "host commercial"),
        (Edge.TRAINING_TO_MODEL, Action.TRAIN, "train commercial"),
        (Edge.TRAINING_TO_MODEL, Action.MERGE, "train commercial"),
        (Edge.TRAINING_TO_MODEL, Action.WEIGHTS, "train commercial share_adapted added_terms"),
        (Edge.TRAINING_TO_MODEL, Action.HOST, "train commercial"),
        (Edge.MODEL_TO_OUTPUT, Action.GENERATE, "run commercial"),
        (Edge.MODEL_TO_OUTPUT, Action.PUBLISH, "out_commercial"),
        (Edge.TRAINING_TO_OUTPUT, Action.GENERATE, "train commercial"),
        (Edge.TRAINING_TO_OUTPUT, Action.PUBLISH, "train commercial share_adapted added_terms"),
        (Edge.INPUT_TO_OUTPUT, Action.GENERATE, "adapt commercial"),
        (Edge.INPUT_TO_OUTPUT, Action.PUBLISH, "adapt commercial share_adapted added_terms"),
        (Edge.OUTPUT_TO_DATASET, Action.TRAIN, "out_train"),
        (Edge.OUTPUT_TO_DATASET, Action.MERGE, "out_train"),
        (Edge.OUTPUT_TO_DATASET, Action.WEIGHTS, "out_train"),
        (Edge.OUTPUT_TO_DATASET, Action.HOST, "out_train"),
        (Edge.OUTPUT_TO_DATASET, Action.GENERATE, "out_train"),
        (Edge.OUTPUT_TO_DATASET, Action.PUBLISH, "out_train out_commercial"),
    )
} | {(edge, Action.INGEST): frozenset(("basis",)) for edge in Edge}

TERM = frozenset(("valid_from", "expires_at"))
SCOPE = TERM | {"territory", "media", "purposes", "caps"}
SHARE_ALIKE = frozenset(("share_adapted", "outbound", "added_terms"))
ALWAYS = frozenset(("obligations", "restrictions", "evidence", "releases", "ceilings"))
DIMENSIONS = tuple(each.name for each in fields(Terms) if each.name != "reasons")


def edge_for(kind: str, action: Action) -> Edge:
    """Return the edge that a kind of thing travels when nobody says otherwise."""
    if action is Action.INGEST:
        return Edge.ITSELF
    if kind == "input_picture":
        return Edge.INPUT_TO_OUTPUT
    if kind == "training_picture":
        return Edge.TRAINING_TO_OUTPUT if action in MAKES_OUTPUT else Edge.TRAINING_TO_MODEL
    return Edge.MODEL_TO_OUTPUT if action in MAKES_OUTPUT else Edge.MODEL_TO_MODEL


def fits(kind: str, edge: Edge) -> bool:
    """Say whether a kind of thing can travel an edge: a picture never passes for a model, nor a model for a picture."""
    if edge in (Edge.ITSELF, Edge.INPUT_TO_OUTPUT):
        return edge is Edge.ITSELF or kind in PICTURES
    learned = edge in (Edge.TRAINING_TO_MODEL, Edge.TRAINING_TO_OUTPUT)
    return kind == "training_picture" if learned else kind not in PICTURES


def travel(terms: Terms, *, kind: str, edge: Edge, action: Action, policy: Policy) -> Terms:
    """Return what of the terms of a licence of this kind reaches the product; travelling keeps meets.

    Raises LicensingError where the edge has no such action.
    """
    if (edge, action) not in NEEDS:
        raise LicensingError("edge_not_for_action", f"Nothing goes {edge} to {action}.", edge=edge, action=action)
    learned = edge in (Edge.TRAINING_TO_MODEL, Edge.TRAINING_TO_OUTPUT) and kind == "public_license"
    if learned and policy is Policy.EXCEPTION:
        return Terms(evidence=terms.evidence)
    return _mark(_keep(terms, _kept(edge, action, loosened=learned and policy is Policy.STANDARD)), edge, action)


def _kept(edge: Edge, action: Action, *, loosened: bool) -> frozenset[str]:
    needed = NEEDS[edge, action]
    if action is Action.INGEST:
        return needed | {"evidence"}
    kept = needed | ALWAYS | _scope(edge, action)
    if action in GRANTS_LICENSE and edge not in (Edge.MODEL_TO_OUTPUT, Edge.OUTPUT_TO_DATASET):
        kept |= {"outbound"}
    if loosened:
        kept -= SHARE_ALIKE | (SCOPE | {"commercial"} if edge is Edge.TRAINING_TO_OUTPUT else frozenset())
    return kept


def _scope(edge: Edge, action: Action) -> frozenset[str]:
    """Return the limits that count: a model's where it runs, a picture's where something leaves the house."""
    if edge is Edge.OUTPUT_TO_DATASET or (edge, action) == (Edge.MODEL_TO_OUTPUT, Action.PUBLISH):
        return frozenset()
    if action in OUTWARD:
        return SCOPE
    if edge in (Edge.MODEL_TO_MODEL, Edge.MODEL_TO_OUTPUT):
        return TERM | {"territory", "purposes"}
    return TERM | {"purposes"} if edge is Edge.TRAINING_TO_MODEL else TERM


def _keep(terms: Terms, kept: frozenset[str]) -> Terms:
    lost = {name: getattr(TOP, name) for name in DIMENSIONS if name not in kept}
    return replace(terms, **lost, reasons=frozenset(each for each in terms.reasons if each.dimension in kept))


def _mark(terms: Terms, edge: Edge, action: Action) -> Terms:
    products = PRODUCTS[action]
    owed = frozenset(
        replace(each, modified=edge is not Edge.ITSELF) if each.kind == "attribution" else each
        for each in terms.obligations
        if not products.isdisjoint(each.on)
    )
    bound = frozenset(each for each in terms.restrictions if not products.isdisjoint(each.on))
    return replace(terms, obligations=owed, restrictions=bound)


def leaves_something(terms: Terms) -> bool:
    """Say whether anything binds the product: a duty, a rule, a limit or an answer other than yes."""
    binding = (name for name in DIMENSIONS if name != "evidence")
    return any(getattr(terms, name) != getattr(TOP, name) for name in binding)
