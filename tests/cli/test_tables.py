from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from diffbench.cli.bars import print_worst_task
from diffbench.cli.output import percent
from diffbench.cli.tables import print_results
from diffbench.errors import printable
from diffbench.results import RunResult, TaskResult
from diffbench.targets import Outcome, make_target
from tests.results.factory import COLOURS, exact_task, make_run, make_run_of, sampled_task

Print = Callable[[Console, RunResult], None]

HOSTILE = {
    "markup": "[bold]x[/]",
    "closing": "[/]",
    "link": "[link=http://evil]here[/link]",
    "colour": "\x1b[31mred\x1b[0m",
    "terminal": "\x1b]0;title\x07",
    "lines": "two\nlines\r\n\tand a tab",
    "long": "long " * 100,
    "wide": "漢字かな交じり文" * 20,
    "combining": "e\u0301" * 60,
    "joined": "👩\u200d👩\u200d👧" * 20,
    "turned": "\u202eright to left",
    "emoji": ":smile: :100:",
    "backslash": "ends in \\",
    "backslashes": "ends in \\\\\\",
}
hostile = pytest.mark.parametrize("text", list(HOSTILE.values()), ids=list(HOSTILE))
widths = pytest.mark.parametrize("width", [80, 120])
LISTED = make_target([Outcome(text="Ann"), Outcome(text="Bo")], listed_mass=0.4)
NUMBERS = make_target([Outcome(text=str(n)) for n in range(1, 13)])


def printed(show: Print, run: RunResult, width: int = 80) -> str:
    """What a person reads; a terminal is pretended, so that escapes would come out."""
    file = StringIO()
    console = Console(
        file=file, width=width, force_terminal=True, color_system=None, highlight=False
    )
    show(console, run)
    text = file.getvalue()
    for line in text.split("\n"):
        assert cell_len(line) <= width
        assert all(c.isprintable() for c in line), "a control character came through"
    return text


def table(*tasks: TaskResult, width: int = 80) -> str:
    return printed(print_results, make_run_of(*tasks), width)


def bars(*tasks: TaskResult, width: int = 80) -> str:
    return printed(print_worst_task, make_run_of(*tasks), width)


def row(text: str, start: str) -> str:
    (line,) = [line for line in text.split("\n") if line.startswith(start)]
    return line


def numbers(text: str, start: str) -> list[str]:
    """The numeric cells of the row that begins so."""
    return row(text, start).removeprefix(start).split()


def with_outcomes(task: TaskResult, outcomes: Sequence[str]) -> TaskResult:
    """Rename outcomes as a foreign results file may; a task file may not."""
    target = task.target.model_copy(update={"outcomes": list(outcomes)})
    return task.model_copy(update={"target": target})


# The table


@widths
def test_every_task_and_mean_has_its_row_of_numbers(width: int) -> None:
    text = printed(print_results, make_run(), width)
    # Target (1/2, 1/4, 1/4), model (1/4, 1/2, 1/8), invalid 1/8; entropies over the valid.
    words = "0.625 0.679 0.875 0.96/1.04 0.347 1.000 ×2.0 green".split()
    assert numbers(text, " A colour") == words
    assert len(numbers(text, " mean of 2 tasks")) == 6
    assert len(numbers(text, "mean of 2 families")) == 6
    assert "\ncoins" in text and "\nwords" in text


def test_means_are_those_of_the_run() -> None:
    run = make_run()
    text = printed(print_results, run)
    for start, holder in (
        (" mean of 2 tasks", run.families[0]),
        ("mean of 2 families", run.overall),
    ):
        shown = [holder.metrics[name].value for name in ("overlap", "overlap_valid")]
        assert numbers(text, start)[:2] == [f"{value:.3f}" for value in shown]


def test_the_mean_entropy_weighs_families_alike() -> None:
    # Families of two coins (ln 2 = 0.69) and one twelve-sided die (ln 12 = 2.48).
    text = table(
        exact_task((0.5, 0.5), name="a"),
        exact_task((0.5, 0.5), name="b"),
        exact_task([1 / 12] * 12, target=NUMBERS, name="c", family="dice"),
    )
    assert numbers(text, " mean of 2 tasks")[3] == "0.69/0.69"
    assert numbers(text, "mean of 2 families")[3] == "1.59/1.59"


@widths
def test_a_title_is_whole_or_ends_in_an_ellipsis(width: int) -> None:
    titles = [f"{'Some animal of the sea'[:n]}{n}" for n in range(1, 23)]
    tasks = [exact_task((0.5, 0.4), name=title, title=title) for title in titles]
    text = table(*tasks, width=width)
    name_width = text.split("\n")[0].index(" over-")
    whole = [title for title in titles if f"\n {title} " in text]
    for title in set(titles) - set(whole):
        assert f"\n{f' {title}'[: name_width - 1]}… " in text
    assert (len(whole) < len(titles)) == (width == 80)


def test_one_family_of_one_task_has_no_means() -> None:
    assert "mean of" not in table(exact_task((0.5, 0.4)))


@widths
@hostile
def test_hostile_titles_stay_in_their_column(text: str, width: int) -> None:
    plain = table(exact_task((0.5, 0.4), title="Plain"), width=width)
    expected = plain.split("\n")
    shown = table(exact_task((0.5, 0.4), title=text), width=width).split("\n")
    at = expected.index(row(plain, " Plain"))
    after = expected[0].index(" over-")
    line, plain_line = shown.pop(at), expected.pop(at)
    assert line.startswith(f" {printable(text)[:5]}")
    assert line.endswith(plain_line[after:])
    assert cell_len(line) == cell_len(plain_line)
    assert shown == expected


@hostile
def test_hostile_outcomes_stay_in_their_column(text: str) -> None:
    task = exact_task((0.8, 0.2))
    plain = row(table(task), " A fair coin")
    line = row(table(with_outcomes(task, [text, "tails"])), " A fair coin")
    before, _ = plain.split("heads")
    assert line.startswith(before + printable(text)[:4])
    assert cell_len(line) == cell_len(plain)


@hostile
def test_hostile_families_names_and_reasons_are_harmless(text: str) -> None:
    task = exact_task((0.0, 0.3), target=LISTED, name=text, family=text)
    kl = task.prompts[0].metrics["kl"].model_copy(update={"reason": text})
    metrics = {**task.prompts[0].metrics, "kl": kl}
    prompt = task.prompts[0].model_copy(update={"metrics": metrics})
    shown = table(task.model_copy(update={"prompts": [prompt]})).replace("\n", "")
    start = printable(text.replace("_", " "))[:5]
    assert shown.count(start.strip()) >= 3
    assert f"— means no value: {start}" in shown


def test_no_value_is_a_dash_with_its_reason_below() -> None:
    text = table(exact_task((0.0, 0.8)), exact_task((0.0, 0.0), name="b", title="None"))
    assert numbers(text, " A fair coin")[3:5] == ["0.00/0.69", "—"]
    assert numbers(text, " None") == "0.000 — 0.000 —/0.69 — 0.000 —".split()
    assert numbers(text, " mean of 2 tasks") == "0.250 — 0.400 —/0.69 — 0.250".split()
    reasons = (
        "— means no value: outcome 0 has probability 0; outcome 0 has probability 0 "
        "(2 such outcomes); and 1 more"
    )
    assert reasons in " ".join(text.split())


def test_without_a_null_there_is_no_note_of_one() -> None:
    assert "no value" not in table(exact_task((0.5, 0.4)))


@widths
def test_only_sampled_values_carry_the_note_on_samples(width: int) -> None:
    exact, sampled = exact_task((0.5, 0.4)), sampled_task(["{heads}"] * 200, name="s")
    assert "plug-in" not in table(exact, width=width)
    for tasks in ([sampled], [exact, sampled]):
        assert "Sampled values are plug-in estimates" in table(*tasks, width=width)
    assert "Estimator: exact." in table(exact)
    assert "Estimator: exact, sampled." in table(exact, sampled)


def test_a_partly_listed_target_is_noted_with_its_mass() -> None:
    task = exact_task((0.2, 0.1), target=LISTED, name="diffbench_names")
    note = " ".join(table(task, exact_task((0.5, 0.4))).split())
    assert note.count("the target lists") == 1
    assert "the target lists of the true probability: diffbench_names 40.0%. An un" in note


@pytest.mark.parametrize(
    ("share", "shown"), [(0.4, "40.0%"), (0.9971, "99.7%"), (0.999995, "over 99.9%")]
)
def test_a_share_below_one_is_never_shown_as_all(share: float, shown: str) -> None:
    assert percent(share) == shown


# The bars


def test_the_worst_task_is_that_of_lowest_overlap() -> None:
    tasks = [
        exact_task((0.5, 0.3), name="a", title="Better"),
        exact_task((0.5, 0.0), name="b", title="Worst"),
        exact_task((0.4, 0.4), name="c", title="Good"),
    ]
    for order in (tasks, tasks[::-1]):
        text = bars(*order)
        assert "Farthest from its target: Worst (overlap 0.500)" in text
        assert "Better" not in text and "Good" not in text


def test_bars_show_model_and_target_side_by_side() -> None:
    text = bars(exact_task((0.25, 0.5, 0.125), target=COLOURS))
    labels = [line.split()[0] for line in text.split("\n") if " asked " in line]
    assert labels == ["green", "red", "blue", "invalid"]
    assert row(text, "  red").endswith("25.0%  asked  50.0%")
    assert row(text, "  invalid").endswith("12.5%  asked   0.0%")
    # The highest share fills all 30 cells; half of it fills 15, the target's mark apart.
    green, red = row(text, "  green"), row(text, "  red")
    assert green.count("█") == 29 and green.count("│") == 1
    assert red.count("█") == 15 and red.index("│") == red.index("█") + 29


def test_what_does_not_fit_is_summed_up() -> None:
    q = [0.3, *[0.05] * 11]
    text = bars(exact_task(q, target=NUMBERS))
    assert row(text, "  4 others").endswith("20.0%  asked  33.3%")
    assert len([line for line in text.split("\n") if " asked " in line]) == 10


def test_the_unlisted_tail_is_no_error() -> None:
    text = bars(exact_task((0.3, 0.1), target=LISTED))
    assert row(text, "  Ann").endswith("30.0%  asked  20.0%")
    assert row(text, "  not listed, or invalid").endswith("60.0%  asked  60.0%")


def test_a_model_that_never_answers_is_all_invalid() -> None:
    text = bars(sampled_task(["no"] * 10))
    assert row(text, "  invalid").endswith("100.0%  asked   0.0%")


@widths
@hostile
def test_hostile_outcomes_do_not_shift_the_bars(text: str, width: int) -> None:
    task = exact_task((0.8, 0.1))
    plain = bars(task, width=width)
    expected = plain.split("\n")
    shown = bars(with_outcomes(task, [text, "tails"]), width=width).split("\n")
    at = expected.index(row(plain, "  heads"))
    line, plain_line = shown.pop(at), expected.pop(at)
    assert line.startswith(f"  {printable(text)[:4]}")
    assert line.endswith(plain_line.removeprefix("  heads").strip())
    assert cell_len(line) == cell_len(plain_line)
    assert shown == expected


def test_wide_letters_count_twice_where_a_label_is_cut() -> None:
    text = bars(with_outcomes(exact_task((0.8, 0.1)), ["漢" * 11, "字" * 12]))
    assert f"  {'漢' * 11} █" in text
    assert f"  {'字' * 10}…  █" in text


@hostile
def test_a_hostile_title_is_printed_as_it_is(text: str) -> None:
    shown = "".join(bars(exact_task((0.8, 0.1), title=text)).split())
    title = "".join(printable(text).split())
    assert f"Farthestfromitstarget:{title}(overlap0.600)" in shown


def test_settings_that_change_the_distribution_are_said() -> None:
    run = make_run_of(exact_task((0.5, 0.25)))
    assert "Estimator: exact. " in printed(print_results, run)
    settings = run.settings.model_copy(update={"temperature": 0.7, "top_k": 40})
    hot = run.model_copy(update={"settings": settings})
    assert "exact, at temperature 0.7, top-k 40." in printed(print_results, hot)
