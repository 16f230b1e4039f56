"""The adapter's README: a model card that says what it is and how it turned out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard, hf_hub_download

from diffbench.compare import (
    BIOGRAPHY_ROWS,
    BiographyComparison,
    BiographyDelta,
    Comparison,
    Delta,
)
from diffbench.errors import printable
from diffbench.models.spec import ModelSpec
from diffbench.results.files import write_atomic
from diffbench.tuning.evaluation import Evaluated
from diffbench.tuning.record import RetentionVerdict, TuneRecord

__all__ = ["base_licence", "write_card"]

_DEMO_LICENCE = "apache-2.0"
_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    RuntimeError,
    yaml.YAMLError,
)
_COLUMNS = (
    ("overlap", "overlap"),
    ("overlap_valid", "overlap, valid replies"),
    ("valid_mass", "valid mass"),
    ("entropy_ratio", "entropy ÷ target's"),
    ("coverage_100", "coverage in 100"),
)


def base_licence(spec: ModelSpec, revision: str | None) -> str | None:
    """Return the licence that the base model's own card states, if one does."""
    if spec.kind == "demo":
        return _DEMO_LICENCE
    try:
        path = Path(spec.source) / "README.md"
        if spec.kind == "hub":
            path = Path(hf_hub_download(spec.source, "README.md", revision=revision))
        stated: Any = ModelCard.load(path).data.license
    # Cards are written by hand; one that cannot be read states nothing.
    except _UNREADABLE:
        return None
    return printable(stated, 60) if isinstance(stated, str) else None


def write_card(folder: Path, record: TuneRecord, evaluated: Evaluated | None) -> None:
    """Write README.md into an adapter's folder, with what changed where that is known."""
    head = yaml.safe_dump(_metadata(record), sort_keys=False, allow_unicode=True)
    text = "\n".join([f"---\n{head}---", *_body(record, evaluated)])
    write_atomic(folder / "README.md", f"{text}\n".encode())


def _metadata(record: TuneRecord) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "base_model": printable(record.base.id),
        "library_name": "peft",
        "tags": ["diffbench", "lora"],
    }
    if record.base.licence is not None:
        metadata["license"] = record.base.licence
    return metadata


def _body(record: TuneRecord, evaluated: Evaluated | None) -> Iterator[str]:
    base, recipe = _code(record.base.id), _code(record.recipe_name)
    yield f"\n# {_plain(record.base.id)}, tuned to draw as asked\n"
    yield (
        f"A LoRA adapter for {base}, made by DiffBench {record.diffbench} with its recipe "
        f"{recipe} ({_plain(record.recipe.title)}): asked for something random, the model "
        "is to draw from the distribution that it was asked for. The method is that of "
        "Zhang et al., *Forcing Diffuse Distributions out of Language Models* (COLM 2024, "
        "arXiv 2404.10859)."
    )
    if record.base.synthetic:
        yield "\nThe base model is synthetic: a made-up specimen, and so are its numbers."
    yield "\n## Use\n"
    yield _USE.format(load=_load(record))
    yield "\n## Training\n"
    yield from _training(record)
    if evaluated is not None and evaluated.comparison.tasks:
        yield "\n## Before and after\n"
        yield from _before_after(evaluated.comparison)
    if evaluated is not None and evaluated.biographies.tasks:
        yield "\n## Made-up people, before and after\n"
        yield from _people(evaluated.biographies)
    if record.retention:
        yield "\n## What should not change\n"
        yield from _retention(record.retention)
    yield "\n## Licence\n"
    yield _licence(record)


_USE = """\
```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained({load})
model = PeftModel.from_pretrained(model, "this folder")
```

Sample at temperature 1 without top-p or top-k, and use the base model's chat template."""


def _load(record: TuneRecord) -> str:
    return (
        '"the base model\'s folder"' if "/" not in record.base.id else repr(record.base.id)
    )


def _training(record: TuneRecord) -> Iterator[str]:
    lora, optimiser = record.recipe.lora, record.recipe.optimiser
    targets = lora.targets if isinstance(lora.targets, str) else ", ".join(lora.targets)
    tasks = list(dict.fromkeys(prompt.task for prompt in record.prompts))
    ended = {
        None: "all passes made",
        "gamma": "stopped early: the loss was within the recipe's gamma of its optimum",
        "held_out": "stopped early: the held-out loss no longer fell",
    }[record.stopped]
    last = len(record.curve) - 1
    kept = last if record.best_pass is None else record.best_pass
    if record.best_pass is not None:
        ended += f"; pass {kept + 1} is kept, the best on held-out prompts"
    settings = (
        ("prompts", f"{len(record.prompts)} of {len(tasks)} tasks"),
        ("adapter", f"rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g}"),
        ("on layers", _plain(targets)),
        (
            "optimiser",
            f"AdamW, learning rate {record.learning_rate:.3g} ({optimiser.schedule}), "
            f"epsilon {optimiser.epsilon:g}, weight decay {optimiser.weight_decay:g}, "
            f"gradient norm at most {optimiser.clip:g}",
        ),
        ("passes", f"{len(record.curve)} of {record.recipe.passes} ({ended})"),
        ("steps", f"{record.steps}, {record.recipe.prompts_per_step} prompts each"),
        ("loss of that pass", f"{record.curve[kept].loss:.3f} nats a prompt"),
        ("least possible loss", f"{record.optimum:.3f} nats a prompt"),
        ("seed", str(record.seed)),
        ("data", f"sha256 {record.data_sha256[:16]}…"),
    )
    yield from _table(("setting", "value"), settings)
    yield "\nTrained tasks: " + ", ".join(_code(task) for task in tasks) + "."
    yield "\n`tune.json` has every setting, version and hash, and the loss curve."


def _before_after(comparison: Comparison) -> Iterator[str]:
    headings = {"train": "trained wordings", "held_out": "held-out wordings and ranges"}
    for means in comparison.means:
        rows = [
            (_plain(task.title), *_pairs(task.metrics))
            for task in comparison.tasks
            if task.split == means.split
        ]
        rows.append(("**mean of families**", *_pairs(means.metrics)))
        header = (headings[means.split], *(label for _, label in _COLUMNS))
        yield from _table(header, rows)
        yield ""


def _pairs(metrics: Any) -> list[str]:
    return [_pair(metrics[name]) for name, _ in _COLUMNS]


def _pair(delta: Delta) -> str:
    return f"{_number(delta.before)} → {_number(delta.after)}"


def _number(value: float | None, digits: int = 3) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def _people(found: BiographyComparison) -> Iterator[str]:
    tasks = found.tasks
    rows = [
        (title, *(_entries(task, name, digits) for task in tasks))
        for name, title, digits in BIOGRAPHY_ROWS
    ]
    yield from _table(("value", *(_code(task.name) for task in tasks)), rows)
    yield "\nHow diverse made-up people should be is not known, so no value is a score."


def _entries(task: BiographyDelta, name: str, digits: int) -> str:
    return " → ".join(_number(entry.value, digits) for entry in task.metrics[name])


def _retention(verdicts: Sequence[RetentionVerdict]) -> Iterator[str]:
    rows = [
        (
            _plain(one.name),
            f"{one.before:.3f}",
            f"{one.after:.3f}",
            f"{one.band_lo:.3f} … {one.band_hi:.3f}",
            one.verdict,
        )
        for one in verdicts
    ]
    yield from _table(("probe", "before", "after", "band fixed before", "verdict"), rows)


def _licence(record: TuneRecord) -> str:
    if record.base.licence is None:
        return "The base model's terms apply; its card was not at hand here."
    return f"The base model's card says `{_plain(record.base.licence)}`; its terms apply."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _plain(text: str) -> str:
    """Make hostile text harmless in Markdown and in the HTML made of it."""
    shown = printable(text)
    for character in "\\`*_[]<>|&":
        shown = shown.replace(character, f"\\{character}")
    return shown


def _code(text: str) -> str:
    return f"`{printable(text).replace('`', chr(39)).replace('|', '/')}`"
