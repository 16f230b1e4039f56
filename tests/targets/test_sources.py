from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from diffbench.errors import TargetError
from diffbench.targets import Outcome, range_outcomes, read_csv_outcomes

UNITS = b"outcome,kind,weight,aliases,value\nm,SI,5,metre|meter,1\nft,US,7,,0.3\ns,SI,5,,\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "units.csv"
    path.write_bytes(UNITS)
    return path


def texts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.text for outcome in outcomes]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((1, 4), ["1", "2", "3", "4"]),
        ((1, 6, 2), ["1", "3", "5"]),
        ((-1, 1), ["-1", "0", "1"]),
        ((3, 3), ["3"]),
    ],
)
def test_range_includes_both_ends(bounds: tuple[int, ...], expected: list[str]) -> None:
    outcomes = range_outcomes(*bounds)
    assert texts(outcomes) == expected
    assert [outcome.value for outcome in outcomes] == [float(text) for text in expected]


@pytest.mark.parametrize(
    ("bounds", "message"),
    [((5, 4), "from 5 to 4 by 1 is empty"), ((1, 9, 0), "by 0"), ((9, 1, -1), "by -1")],
)
def test_empty_range_is_refused(bounds: tuple[int, ...], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        range_outcomes(*bounds)


def test_csv_columns(table: Path) -> None:
    assert read_csv_outcomes(table) == [
        Outcome(text="m", weight=5, aliases=("metre", "meter"), value=1),
        Outcome(text="ft", weight=7, value=0.3),
        Outcome(text="s", weight=5),
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"where": {"kind": "SI"}}, ["m", "s"]),
        ({"where": {"kind": "SI", "outcome": "s"}}, ["s"]),
        ({"where": {"kind": "si"}}, []),
        ({"top": 1}, ["ft"]),
        ({"top": 2}, ["ft", "m"]),  # m and s weigh the same; m stands first
        ({"top": 1, "where": {"kind": "SI"}}, ["m"]),
    ],
)
def test_csv_rows_can_be_chosen(
    table: Path, choice: dict[str, Any], expected: list[str]
) -> None:
    assert texts(read_csv_outcomes(table, **choice)) == expected


def test_csv_from_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text('\ufeffoutcome\r\n"a, b"\r\n\r\nc\r\n', encoding="utf-8")
    assert read_csv_outcomes(path) == [Outcome(text="a, b"), Outcome(text="c")]


@pytest.mark.parametrize(
    ("content", "choice", "message"),
    [
        (b"", {}, "column 'outcome' is missing; the header has nothing"),
        (b"name,weight\na,1\n", {}, "'outcome' is missing; the header has name, weight"),
        (UNITS, {"where": {"colour": "red"}}, "column 'colour' is missing"),
        (b"outcome,weight,weight\na,1,2\n", {}, "column 'weight' stands twice"),
        (b"outcome,weight\na,1\nb,many\n", {}, "line 3: weight is 'many', not a number"),
        (b"outcome,weight\na,\n", {}, "line 2: weight is '', not a number"),
        (b"outcome,weight\na,1\nb,nan\n", {"top": 1}, "line 3: weight is nan"),
        (b"outcome,weight\na,1\nb,-1\n", {"top": 1}, "line 3: weight is -1.0"),
        (b"outcome,weight\na,inf\n", {}, "line 2: weight is inf"),
        (b"outcome,value\na,x\n", {}, "line 2: value is 'x', not a number"),
        (b"outcome,weight\na,1\nb\n", {}, "line 3: the row does not fit the header"),
        (b"outcome,weight\na,1,2\n", {}, "line 2: the row does not fit the header"),
        # A row that is broken may not slip through the filter either.
        (b"outcome,of\na,x\nb\n", {"where": {"of": "x"}}, "line 3: the row does not fit"),
        (b"outcome\n\xff\xfe\n", {}, "not a UTF-8 CSV table"),
        (b'outcome\n"a\n', {}, "not a UTF-8 CSV table"),
        (UNITS, {"top": 4}, "top is 4, but 3 rows are there"),
        (UNITS, {"top": 0}, "top is 0"),
    ],
)
def test_csv_fault_is_named_with_its_place(
    table: Path, content: bytes, choice: dict[str, Any], message: str
) -> None:
    table.write_bytes(content)
    with pytest.raises(TargetError, match=message) as caught:
        read_csv_outcomes(table, **choice)
    assert str(caught.value).startswith(str(table))


def test_csv_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"none\.csv: there is no such file"):
        read_csv_outcomes(tmp_path / "none.csv")
    with pytest.raises(TargetError, match="cannot be read"):
        read_csv_outcomes(tmp_path)
