"""The results file, as read from outside: every key, type and range.

One run writes one `results.json`. The targets travel with it, so that every number can
be computed again from the file alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from diffbench.results.compact import Compact

__all__ = [
    "SCHEMA_VERSION",
    "AdapterInfo",
    "Aggregate",
    "CommonReply",
    "EstimatorLabel",
    "Exploration",
    "ExploredReply",
    "GitInfo",
    "Independence",
    "Interval",
    "MetricEntry",
    "ModelInfo",
    "PromptResult",
    "ReplyProbe",
    "RunInfo",
    "RunResult",
    "RunSettings",
    "TargetRecord",
    "TaskResult",
]

SCHEMA_VERSION = "1"

EstimatorLabel = Literal["exact", "exact-canonical", "sampled", "expanded"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1 + 1e-6, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(_Record):
    """A confidence interval and how it was made."""

    lo: Finite
    hi: Finite
    level: Probability
    method: str


class MetricEntry(_Record):
    """One value, or the reason why there is none."""

    value: Finite | None
    """Of the model itself: exact, or estimated so that it compares with exact values."""
    reason: str | None = None
    interval: Interval | None = None
    raw: Finite | None = None
    """Plug-in value of the replies' counts; null for exact values."""
    bias: Finite | None = None
    """Remaining bias of `value`, simulated at the estimate."""
    perfect: Finite | None = None
    """What `raw` would be, on average, for a perfect sampler at the same replies."""
    excess: Finite | None = None
    """`raw` minus `perfect`; shown, never ranked."""
    n: Count | None = None
    """Replies that the value rests on; null for exact values."""


class CommonReply(_Record):
    """An invalid reply and how often it was drawn."""

    reply: str
    count: Count


class ReplyProbe(_Record):
    """Replies drawn beside an exact value whose valid mass is low."""

    n: Count
    valid_first: Count
    """Replies that are valid under the answer rule `first`."""
    valid_anywhere: Count
    """Replies that would be valid if the first braces anywhere were read."""
    commonest_invalid: list[CommonReply]


class ExploredReply(_Record):
    """An invalid reply that expansion found."""

    reply: str
    """What it says; where `is_open`, how it begins."""
    probability: Probability
    is_open: bool


class Exploration(_Record):
    """How far expansion went beyond the probabilities that it found."""

    reachable: Annotated[list[Probability], Compact("float64")]
    """Unexplored mass that could still become each outcome."""
    undecided: Probability
    """Unexplored mass that could still become any outcome."""
    passes: Count
    """Beginnings of replies that the model was asked about."""
    invalid_replies: list[ExploredReply]


class PromptResult(_Record):
    """What one prompt measured."""

    id: str
    text: str
    prefix: str = ""
    """How the reply was already begun."""
    prompt_sha256: Sha256
    """Hash of text and prefix."""
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


class TargetRecord(_Record):
    """The target distribution that a task's prompts share."""

    outcomes: list[str]
    probabilities: Annotated[list[Probability], Compact("float64")]
    aliases: Annotated[list[list[str]], Compact("json")]
    values: Annotated[list[Finite], Compact("float64")] | None
    listed_mass: Probability
    sha256: Sha256


class TaskResult(_Record):
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
    prompts: Annotated[list[PromptResult], Field(min_length=1)]


class Aggregate(_Record):
    """A family, or everything: mean over tasks or families, equal weight."""

    name: str
    members: list[str]
    metrics: dict[str, MetricEntry]


class AdapterInfo(_Record):
    """The adapter on the model; what it was tuned by, where its folder says so."""

    sha256: Sha256
    name: str
    rank: Count | None = None
    alpha: Finite | None = None
    recipe: str | None = None
    steps: Count | None = None
    seed: int | None = None


class ModelInfo(_Record):
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


class RunSettings(_Record):
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
    protocol: Literal["independent"]
    answer_rule: Literal["first", "anywhere"]
    thinking: Literal["off", "unknown"]
    """`unknown`: as the server has it."""


class GitInfo(_Record):
    """The checkout that ran, if it was one."""

    commit: str
    dirty: bool


class Independence(_Record):
    """Why a run's replies may be taken for independent draws, or that this is unknown."""

    verdict: Literal["by_construction", "shown", "unproven"]
    """`shown`: a server sent different replies to a prompt for something random."""
    seeds: Literal["one_stream", "one_a_call", "none_sent"]
    probe_calls: Count = 0
    probe_copies: Count = 0
    """Probe replies that were equal to another one."""


class RunInfo(_Record):
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


class RunResult(_Record):
    """All of `results.json`."""

    schema_version: Literal["1"]
    run: RunInfo
    model: ModelInfo
    settings: RunSettings
    tasks: Annotated[list[TaskResult], Field(min_length=1)]
    families: list[Aggregate]
    overall: Aggregate
    content_sha256: Sha256
