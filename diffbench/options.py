"""What a run is asked to do: one value that the command line and the API both build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, get_args

from diffbench.answers import AnswerRule
from diffbench.errors import SettingsError

__all__ = [
    "DEFAULT_SKETCHES",
    "DEFAULT_SKETCH_TOKENS",
    "Estimator",
    "NoProgress",
    "Progress",
    "RunOptions",
    "check_temperatures",
]

Estimator = Literal["auto", "exact", "exact-canonical", "sample", "expand"]
DrawProtocol = Literal["independent", "list"]
Backend = Literal["engine", "api", "vllm"]

DEFAULT_SKETCHES = 200
"""Replies to a prompt for a biography."""

DEFAULT_SKETCH_TOKENS = 256
"""Longest of them."""

_REPLIES = {"engine": 1000, "vllm": 1000, "api": 100}
_LISTS = 100
_TOKENS = {"independent": 64, "list": 32}
_MOST_DRAWS = 50
_CONCURRENCY = 8
_FROM_LOGITS = ("exact", "exact-canonical", "expand")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of `diffbench run`.

    Attributes:
        model: A `--model` value: `demo`, `hf:<folder, repository or alias>`,
            `vllm:<the same>`, `api:<model>@<base url>`.
        tasks: Task or group names, task files, prompt files or folders.
        estimator: `auto` measures each task the way its name says, and always from
            replies where the model is behind an API or in vLLM.
        epsilon: Undecided mass at which `expand` stops, above 0, below 1.
        protocol: `independent` asks for one answer in each reply, `list` for several.
        draws_per_reply: How many answers a reply of `list` is asked for, 2 to 50; by
            default 10.
        samples: Replies a prompt where replies are drawn, at least 1; by default 1000,
            100 from an API or of lists, and 200 biographies.
        max_new_tokens: Longest reply in tokens, at least 1; by default 64, 32 a draw of
            lists, and 256 for biographies.
        seed: Seed of all sampling, 0 or more.
        temperature: Divides the logits, above 0, exact values included.
        top_p: Keep the likeliest tokens that reach this probability, in (0, 1].
        top_k: Keep the k likeliest tokens; 0 keeps all.
        min_p: Keep tokens this share as likely as the likeliest, in [0, 1).
        limit: Measure only the first prompts of each task.
        answer_rule: Where in a reply the answer may stand.
        batch_size: Rows of a batch.
        concurrency: Calls to an API at one time; by default 8.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …; `spread` lays the layers over all GPUs.
        dtype: `auto` is float32 on a CPU and the model's own type elsewhere.
        adapter: Folder of a PEFT adapter.
        revision: Branch, tag or commit of a hub repository.
        output: Folder for the results; by default a new one below `runs/`.
        resume: Go on with an interrupted run in `output`.
        trust_remote_code: Run Python code that comes with the model.
        verbose: Let the libraries' own messages through.
    """

    model: str
    tasks: tuple[str, ...] = ("diffbench_core",)
    estimator: Estimator = "auto"
    epsilon: float = 1e-3
    protocol: DrawProtocol = "independent"
    draws_per_reply: int | None = None
    samples: int | None = None
    max_new_tokens: int | None = None
    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    limit: int | None = None
    answer_rule: AnswerRule = "first"
    batch_size: int = 32
    concurrency: int | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    adapter: Path | None = None
    revision: str | None = None
    output: Path | None = None
    resume: bool = False
    trust_remote_code: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        """Refuse values outside their range and options that exclude one another."""
        _one_of("estimator", self.estimator, get_args(Estimator))
        _one_of("answer_rule", self.answer_rule, get_args(AnswerRule))
        _check_protocol(self)
        _in_range("samples", self.replies, 1, 10_000_000)
        _in_range("max_new_tokens", self.longest_reply, 1, 1_000_000)
        _in_range("batch_size", self.batch_size, 1, 1_000_000)
        _in_range("concurrency", self.calls_at_once, 1, 1000)
        _in_range("seed", self.seed, 0, 2**63 - 1)
        _in_range("top_k", self.top_k, 0, 10_000_000)
        _check_decoding(self)
        if not 0 < self.epsilon < 1:
            raise SettingsError(f"epsilon is {self.epsilon}; it must be above 0, below 1")
        if self.limit is not None:
            _in_range("limit", self.limit, 1, 1_000_000)
        if isinstance(self.tasks, str):
            raise SettingsError(
                f"tasks is the text {self.tasks!r}; write a tuple of names, such as "
                f"({self.tasks!r},)"
            )
        if not self.tasks:
            raise SettingsError("tasks is empty; name at least one task or group")
        if self.resume and self.output is None:
            raise SettingsError("--resume needs --output, the folder of the run to go on")
        reads_replies = self.samples_only or self.estimator == "expand"
        if self.answer_rule == "anywhere" and not reads_replies:
            raise SettingsError(
                "--answer-rule anywhere needs replies to read; add --estimator sample or "
                "--estimator expand"
            )
        _check_backend(self)

    @property
    def backend(self) -> Backend:
        """What runs the model."""
        kind = self.model.partition(":")[0]
        return "api" if kind == "api" else "vllm" if kind == "vllm" else "engine"

    @property
    def replies(self) -> int:
        """Replies a prompt where replies are drawn: those asked for, or the default."""
        if self.samples is not None:
            return self.samples
        return _LISTS if self.protocol == "list" else _REPLIES[self.backend]

    @property
    def draws(self) -> int:
        """Answers that a reply is asked for."""
        if self.protocol == "independent":
            return 1
        return 10 if self.draws_per_reply is None else self.draws_per_reply

    @property
    def longest_reply(self) -> int:
        """Most tokens of a reply: those asked for, or the default."""
        if self.max_new_tokens is not None:
            return self.max_new_tokens
        return _TOKENS[self.protocol] * self.draws

    @property
    def sketches(self) -> int:
        """Replies to a prompt for a biography."""
        return DEFAULT_SKETCHES if self.samples is None else self.samples

    @property
    def sketch_tokens(self) -> int:
        """Longest reply to a prompt for a biography, in tokens."""
        given = self.max_new_tokens
        return DEFAULT_SKETCH_TOKENS if given is None else given

    @property
    def calls_at_once(self) -> int:
        """Calls to an API at one time."""
        return _CONCURRENCY if self.concurrency is None else self.concurrency

    @property
    def samples_only(self) -> bool:
        """Whether every task is measured from replies."""
        no_exact = self.backend != "engine" and self.estimator == "auto"
        return no_exact or self.estimator == "sample" or self.protocol == "list"


class Progress(Protocol):
    """Hears what a run is doing."""

    def loading(self, model: str) -> None:
        """The model is being loaded."""

    def started(self, n_tasks: int, n_done: int, output: Path) -> None:
        """The model is ready; `n_done` tasks were finished by an interrupted run."""

    def task(self, name: str) -> None:
        """A task begins."""

    def finished(self, name: str) -> None:
        """A task is finished and stored."""

    def calls(self, n_calls: int, n_kept: int, n_probes: int) -> None:
        """So many calls to an API will be made; `n_kept` replies are there already.

        `n_probes` more calls, at most three times as many, test the server first.
        """

    def reply(self) -> None:
        """A reply from an API has been kept."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A call is made again after some seconds."""

    def doubt(self, sentence: str) -> None:
        """Something does not stop the run, but its reader has to know it."""


class NoProgress:
    """Says nothing."""

    def loading(self, model: str) -> None:
        """Say nothing."""

    def started(self, n_tasks: int, n_done: int, output: Path) -> None:
        """Say nothing."""

    def task(self, name: str) -> None:
        """Say nothing."""

    def finished(self, name: str) -> None:
        """Say nothing."""

    def calls(self, n_calls: int, n_kept: int, n_probes: int) -> None:
        """Say nothing."""

    def reply(self) -> None:
        """Say nothing."""

    def waiting(self, seconds: float, reason: str) -> None:
        """Say nothing."""

    def doubt(self, sentence: str) -> None:
        """Say nothing."""


def check_temperatures(options: RunOptions, temperatures: Sequence[float]) -> None:
    """Refuse a list of temperatures that is empty, repeats one, or holds a wrong one.

    Raises:
        SettingsError: If so.
    """
    if not temperatures:
        raise SettingsError("no temperature is given; write one, or several such as 0.7,1")
    for temperature in temperatures:
        replace(options, temperature=temperature)
    if len(set(temperatures)) < len(temperatures):
        listed = ", ".join(f"{temperature:g}" for temperature in temperatures)
        raise SettingsError(f"temperatures are {listed}; write each of them once")


def _check_decoding(options: RunOptions) -> None:
    for name, value, sound, wanted in (
        (
            "temperature",
            options.temperature,
            0 < options.temperature <= 100,
            "above 0, up to 100",
        ),
        ("top_p", options.top_p, 0 < options.top_p <= 1, "above 0, up to 1"),
        ("min_p", options.min_p, 0 <= options.min_p < 1, "0 or more, below 1"),
    ):
        if not sound:
            raise SettingsError(f"{name} is {value}; it must be {wanted}")
    neutral = (options.temperature, options.top_p, options.top_k, options.min_p)
    if options.estimator == "exact-canonical" and neutral != (1.0, 1.0, 0, 0.0):
        raise SettingsError(
            "--estimator exact-canonical knows the model's own distribution only; leave "
            "temperature, top-p, top-k and min-p as they are, or use --estimator exact"
        )


def _check_protocol(options: RunOptions) -> None:
    _one_of("protocol", options.protocol, get_args(DrawProtocol))
    if options.protocol == "independent":
        if options.draws_per_reply is not None:
            raise SettingsError(
                "--draws-per-reply is for replies that hold several draws; add --protocol "
                "list"
            )
        return
    _in_range("draws_per_reply", options.draws, 2, _MOST_DRAWS)
    if options.estimator not in ("auto", "sample"):
        raise SettingsError(
            f"--protocol list reads replies, so --estimator {options.estimator} is not for "
            "it; use --estimator sample"
        )


def _check_backend(options: RunOptions) -> None:
    if options.backend == "engine":
        if options.concurrency is not None:
            raise SettingsError(
                "--concurrency is for models behind an API (--model api:…); leave it out"
            )
        return
    if options.backend == "api" and options.estimator in _FROM_LOGITS:
        raise SettingsError(
            f"--estimator {options.estimator} needs log-probabilities, and a chat API "
            "gives replies only; use --estimator sample"
        )
    if options.estimator in ("exact", "expand"):
        raise SettingsError(
            f"--estimator {options.estimator} reads the model's logits, which vLLM does "
            "not give; use --estimator sample or exact-canonical, or load the model as hf:…"
        )
    _refuse_local_options(options)


def _refuse_local_options(options: RunOptions) -> None:
    given = {
        "--adapter": options.adapter is not None,
        "--device": options.device != "auto",
        "--concurrency": options.backend == "vllm" and options.concurrency is not None,
    }
    if options.backend == "api":
        given |= {
            "--revision": options.revision is not None,
            "--dtype": options.dtype != "auto",
            "--batch-size": options.batch_size != 32,
            "--trust-remote-code": options.trust_remote_code,
        }
    wrong = [name for name, is_given in given.items() if is_given]
    if wrong:
        place = "behind an API" if options.backend == "api" else "in vLLM"
        raise SettingsError(
            f"{', '.join(wrong)}: not for a model {place}; leave that out"
            + ("" if wrong[0] == "--concurrency" else ", or load the model as hf:…")
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingsError(f"{name} is {value!r}; write {', '.join(known)}")


def _in_range(name: str, value: int, least: int, most: int) -> None:
    if value < least:
        raise SettingsError(f"{name} is {value}; it must be at least {least}")
    if value > most:
        raise SettingsError(f"{name} is {value}; it must be at most {most}")
