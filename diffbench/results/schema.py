"""The results file, as read from outside: every key, type and range.

One run writes one `results.json`. The targets travel with it, so that every number can
be computed again from the file alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from diffbench.results.base import (
    Count,
    Finite,
    Interval,
    MetricEntry,
    Probability,
    Record,
    Sha256,
    TargetRecord,
)
from diffbench.results.biographies import BiographyResult
from diffbench.results.compact import Compact

__all__ = [
    "SCHEMA_VERSION",
    "AdapterInfo",
    "Aggregate",
    "CommonReply",
    "Count",
    "EstimatorLabel",
    "Exploration",
    "ExploredReply",
    "Finite",
    "FitResult",
    "GitInfo",
    "Independence",
    "Interval",
    "ListedDraws",
    "MetricEntry",
    "ModelInfo",
    "PeerTest",
    "Probability",
    "PromptResult",
    "Record",
    "ReplyProbe",
    "RunInfo",
    "RunResult",
    "RunSettings",
    "Sha256",
    "TargetRecord",
    "TaskResult",
]

SCHEMA_VERSION = "1"

EstimatorLabel = Literal["exact", "exact-canonical", "sampled", "expanded"]


class PeerTest(Record):
    """KS@100 as another benchmark defines it, and how lenient it is."""

    passes: Probability
    """Share of subsets of 100 valid replies that pass."""
    lenient: Probability
    """Share of samples that pass from a model that moves a fifth of the mass onto the
    median outcome."""
    lenient_overlap: Probability
    """That model's overlap with the target."""


class FitResult(Record):
    """p-values of the hypothesis that the replies are draws from the target."""

    all_replies: Probability
    """Multinomial test; 0 where a reply is one that the target never gives."""
    valid_replies: Probability | None
    ks: Probability | None
    """Kolmogorov-Smirnov on the outcomes' order; null where they have none."""
    wasserstein: Probability | None
    peer_ks: PeerTest | None = None


class CommonReply(Record):
    """An invalid reply and how often it was drawn."""

    reply: str
    count: Count


class ReplyProbe(Record):
    """Replies drawn beside an exact value whose valid mass is low."""

    n: Count
    valid_first: Count
    """Replies that are valid under the answer rule `first`."""
    valid_anywhere: Count
    """Replies that would be valid if the first braces anywhere were read."""
    commonest_invalid: list[CommonReply]


class ExploredReply(Record):
    """An invalid reply that expansion found."""

    reply: str
    """What it says; where `is_open`, how it begins."""
    probability: Probability
    is_open: bool


class Exploration(Record):
    """How far expansion went beyond the probabilities that it found."""

    reachable: Annotated[list[Probability], Compact("float64")]
    """Unexplored mass that could still become each outcome."""
    undecided: Probability
    """Unexplored mass that could still become any outcome."""
    passes: Count
    """Beginnings of replies that the model was asked about."""
    invalid_replies: list[ExploredReply]


class ListedDraws(Record):
    """What replies hold that were asked for several answers each."""

    per_reply: Annotated[int, Field(ge=2)]
    draws: Annotated[list[Count], Compact("int64")]
    """One reply after another: the outcome's position, or K where a draw is invalid."""
    equal_within: Probability | None
    """How often two valid draws of one reply are equal."""
    equal_between: Probability | None
    """How often two of different replies are; what independent draws would show in one."""


class PromptResult(Record):
    """What one prompt measured."""

    id: str
    text: str
    prefix: str = ""
    """How the reply was already begun."""
    prompt_sha256: Sha256
    """Hash of text and prefix."""
    listed: list[str] | None = None
    """Outcomes in the order in which the text lists them; null where it lists none."""
    rendered_sha256: Sha256
    """Hash of the prompt as the chat template rendered it."""
    support_size: Annotated[int, Field(ge=1)]
    target_sha256: Sha256
    probabilities: Annotated[list[Probability], Compact("float64")] | None
    counts: Annotated[list[Count], Compact("int64")] | None
    invalid: dict[str, Finite]
    """`any`: mass (exact, expanded); or the number of replies of each kind (sampled)."""
    metrics: dict[str, MetricEntry]
    probe: ReplyProbe | None = None
    exploration: Exploration | None = None
    fit: FitResult | None = None
    """Of sampled prompts; where a reply holds several draws, of one draw a reply."""
    lists: ListedDraws | None = None
    """Of replies that hold several draws; `counts` and `invalid` are then of all draws."""
    equal_neighbours: Count | None = None
    """Replies of the same outcome, or the same invalid kind, as the one before; null
    where replies come in no order of their own."""
    commonest_invalid: list[CommonReply] | None = None
    """Of sampled prompts: what was said instead of an answer most often."""


class TaskResult(Record):
    """One task: mean over its prompts."""

    name: str
    title: str
    family: str
    split: Literal["train", "held_out"]
    reference: Literal["uniform", "natural", "human", "theoretical"]
    version: str
    estimator: EstimatorLabel
    target: TargetRecord
    metrics: dict[str, MetricEntry]
    first_option_preference: Finite | None = None
    """How much likelier an option is where it is listed first than where it is last."""
    prompts: Annotated[list[PromptResult], Field(min_length=1)]


class Aggregate(Record):
    """A family, or everything: mean over tasks or families, equal weight."""

    name: str
    members: list[str]
    metrics: dict[str, MetricEntry]


class AdapterInfo(Record):
    """The adapter on the model; what it was tuned by, where its folder says so."""

    sha256: Sha256
    name: str
    rank: Count | None = None
    alpha: Finite | None = None
    recipe: str | None = None
    steps: Count | None = None
    seed: int | None = None


class ModelInfo(Record):
    """Which model was measured."""

    spec: str
    id: str
    revision: str | None
    role: Literal["base", "tuned"]
    parent: str | None
    adapter: AdapterInfo | None
    parameters: Count | None
    """Null, like the next fields, where a server keeps it to itself."""
    dtype: str | None
    architecture: str | None
    weights_fingerprint: Sha256 | None
    tokenizer_sha256: Sha256 | None
    chat_template_sha256: Sha256 | None
    """Null where the model has no chat template and gets the plain prompt, too."""
    synthetic: bool
    """Known to be a made-up specimen."""


class RunSettings(Record):
    """Everything that decides the numbers besides model and tasks."""

    estimator: Literal["auto", "exact", "exact-canonical", "sample", "expand"]
    samples: Count
    epsilon: Finite | None = None
    """Undecided mass at which expansion stops; null where nothing was expanded."""
    temperature: Finite
    top_p: Finite
    top_k: Count
    min_p: Finite = 0.0
    max_new_tokens: Count
    seed: int
    limit: Count | None
    protocol: Literal["independent", "list"]
    draws_per_reply: Annotated[int, Field(ge=1)] = 1
    """Answers that each reply was asked for."""
    answer_rule: Literal["first", "anywhere"]
    thinking: Literal["off", "unknown"]
    """`unknown`: as the server has it."""


class GitInfo(Record):
    """The checkout that ran, if it was one."""

    commit: str
    dirty: bool


class Independence(Record):
    """Why a run's replies may be taken for independent draws, or that this is unknown."""

    verdict: Literal["by_construction", "shown", "unproven"]
    """`shown`: a server sent different replies to a prompt for something random."""
    seeds: Literal["one_stream", "one_a_call", "none_sent"]
    probe_calls: Count = 0
    probe_copies: Count = 0
    """Probe replies that were equal to another one."""
    repeated_ids: Count = 0
    """Replies that came under the id of an earlier one."""
    equal_neighbours: Count | None = None
    """Over all prompts; null where replies come in no order of their own."""
    expected_neighbours: Finite | None = None
    """What chance would make of it, given how often each reply came."""
    repeats_p: Probability | None = None
    """How likely chance makes so many equal neighbours."""


class RunInfo(Record):
    """When, where and with what the run was made."""

    id: str
    created: str
    command: str
    diffbench: str
    git: GitInfo | None
    packages: dict[str, str]
    hardware: str
    duration_s: Finite
    scoring_path: str | None
    scoring_check_nats: Finite | None
    """Largest difference between the packed and the plain path when they were compared."""
    independence: Independence | None = None


class RunResult(Record):
    """All of `results.json`."""

    schema_version: Literal["1"]
    run: RunInfo
    model: ModelInfo
    settings: RunSettings
    tasks: list[TaskResult]
    families: list[Aggregate]
    overall: Aggregate
    """Over the closed tasks; without metrics where there are none."""
    biographies: tuple[BiographyResult, ...] = ()
    """Open-ended tasks; the key is absent where there are none."""
    content_sha256: Sha256

    @model_validator(mode="after")
    def _measured_something(self) -> RunResult:
        if not self.tasks and not self.biographies:
            raise PydanticCustomError("no_task", "tasks: the file holds none")
        return self

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if not self.biographies:
            # As files were before there were biographies, so that their hash holds.
            del content["biographies"]
        return content
