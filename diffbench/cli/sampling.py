"""What a person has to know of values that rest on replies."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from diffbench.results import Independence, PromptResult, RunResult
from diffbench.results.independence import LEAST_CHANCE

__all__ = ["doubts", "sampling_notes"]


def sampling_notes(result: RunResult) -> list[str]:
    """Return sentences on N, correction, intervals, fit and independence."""
    prompts = [
        prompt
        for task in result.tasks
        if task.estimator == "sampled"
        for prompt in task.prompts
    ]
    replies = [prompt.metrics["overlap"].n or 0 for prompt in prompts]
    bias = result.overall.metrics["overlap"].bias
    # Adding 0 takes the sign of a rounded zero away.
    left = "" if bias is None else f" (left of it, simulated: {round(bias, 3) + 0.0:.3f})"
    notes = [
        f"{_range(replies)} replies a prompt. Overlap and entropy are corrected for the "
        f"bias of counting{left}; raw overlap is not, and even a perfect sampler's is "
        "below 1. An interval of several tasks is for other tasks and wordings too."
    ]
    notes += _lists(result, prompts)
    fits = [prompt.fit for prompt in prompts if prompt.fit is not None]
    if fits:
        refused = sum(fit.all_replies < 0.05 for fit in fits)
        notes.append(
            f"The replies to {refused} of {len(fits)} prompts could hardly come from the "
            "target (multinomial test, p < 0.05)."
        )
    peers = [fit.peer_ks for fit in fits if fit.peer_ks is not None]
    if peers:
        passed = sum(peer.passes >= 0.5 for peer in peers)
        lenient = sum(peer.lenient for peer in peers) / len(peers)
        notes.append(
            f"UnpredictaBench's KS@100 would pass {passed} of {len(peers)} ordered "
            f"prompts; it also passes {lenient:.0%} of samples from models that move a "
            "fifth of the mass onto one outcome."
        )
    if result.run.independence is not None:
        notes.append(_independence(result.run.independence))
    return notes


def _lists(result: RunResult, prompts: Sequence[PromptResult]) -> list[str]:
    """Say what a reply of several draws is worth."""
    if result.settings.protocol != "list":
        return []
    said = (
        f"Each reply was asked for {result.settings.draws_per_reply} draws, which are not "
        "independent of one another: values and intervals are those of one draw a reply, "
        "averaged over which."
    )
    lists = [prompt.lists for prompt in prompts if prompt.lists is not None]
    within = [one.equal_within for one in lists if one.equal_within is not None]
    between = [one.equal_between for one in lists if one.equal_between is not None]
    if not within or not between:
        return [said]
    return [
        f"{said} Two draws of one reply are equal {fmean(within):.1%} of the time, of two "
        f"replies {fmean(between):.1%}."
    ]


def doubts(found: Independence) -> list[str]:
    """Return why replies may be no independent draws, one clause each."""
    said = []
    if found.probe_copies:
        said.append(
            f"{found.probe_copies} of {found.probe_calls} replies to requests for "
            "something random were copies"
        )
    if found.repeated_ids:
        said.append(f"{found.repeated_ids} replies came again under the id of another")
    chance, expected = found.repeats_p, found.expected_neighbours
    if expected is not None and chance is not None and chance < LEAST_CHANCE:
        said.append(
            f"{found.equal_neighbours} replies equal the one before, where chance makes "
            f"it {expected:.0f} (p = {chance:.1g})"
        )
    return said


def _independence(found: Independence) -> str:
    if found.verdict == "unproven":
        return "Independence of the replies: not shown."
    if found.verdict == "by_construction":
        return "Replies are independent by construction."
    order = "" if found.repeats_p is None else f"; their order: p = {found.repeats_p:.2g}"
    return f"Independence of the replies was tested before the run{order}."


def _range(replies: Sequence[int]) -> str:
    least, most = min(replies), max(replies)
    return f"{least}" if least == most else f"{least} to {most}"
