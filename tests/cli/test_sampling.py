from __future__ import annotations

from diffbench.cli.sampling import doubts, sampling_notes
from diffbench.results import Independence
from tests.results.factory import make_run_of, sampled_task

COPIES = Independence(
    verdict="unproven", seeds="one_a_call", probe_calls=36, probe_copies=4
)


def test_each_doubt_is_named_and_no_other() -> None:
    assert doubts(COPIES) == [
        "4 of 36 replies to requests for something random were copies"
    ]
    order = {"equal_neighbours": 300, "expected_neighbours": 200.2, "repeats_p": 2e-9}
    found = COPIES.model_copy(update={"probe_copies": 0, "repeated_ids": 2, **order})
    assert doubts(found) == [
        "2 replies came again under the id of another",
        "300 replies equal the one before, where chance makes it 200 (p = 2e-09)",
    ]
    assert len(doubts(COPIES.model_copy(update={**order, "repeats_p": 0.4}))) == 1


def test_the_verdict_is_always_said() -> None:
    run = make_run_of(sampled_task(["{heads}", "{tails}"] * 50))
    for verdict, words in (
        ("by_construction", "independent by construction"),
        ("shown", "was tested before the run"),
        ("unproven", "not shown"),
    ):
        found = COPIES.model_copy(update={"verdict": verdict})
        info = run.run.model_copy(update={"independence": found})
        notes = " ".join(sampling_notes(run.model_copy(update={"run": info})))
        assert words in notes


def test_other_numbers_of_replies_are_a_range() -> None:
    tasks = sampled_task(["{heads}"] * 60), sampled_task(["{tails}"] * 80, name="b")
    assert sampling_notes(make_run_of(*tasks))[0].startswith("60 to 80 replies a prompt.")
