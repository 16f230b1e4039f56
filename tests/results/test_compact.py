"""Long lists of a results file: bit for bit, small, and never larger than declared."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from diffbench.errors import ResultError
from diffbench.results import compact as module
from diffbench.results import content_sha256, load_results, verify_result, write_results
from diffbench.results.compact import LONG, MOST_BYTES, Compact, declared_bytes
from diffbench.targets import Outcome, make_target
from tests.results.factory import content_of, exact_task, make_run_of, sampled_task


class Lists(BaseModel):
    floats: Annotated[list[float], Compact("float64")] | None = None
    ints: Annotated[list[int], Compact("int64")] | None = None
    shares: Annotated[
        list[Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]], Compact("float64")
    ] = []
    names: Annotated[list[list[str]], Compact("json")] = []


def packed(content: bytes, dtype: str, size: int) -> dict[str, Any]:
    data = base64.b64encode(zlib.compress(content)).decode()
    return {"encoding": "zlib+base64", "dtype": dtype, "size": size, "data": data}


def again(lists: Lists) -> Lists:
    return Lists.model_validate(json.loads(json.dumps(lists.model_dump(mode="json"))))


def longer(entries: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(st.lists(entries, min_size=1, max_size=20), st.integers(0, 400)).map(
        lambda drawn: (drawn[0] * 400)[: drawn[1]]
    )


@given(floats=longer(st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_come_back_bit_for_bit(floats: list[float]) -> None:
    found = again(Lists(floats=floats)).floats
    assert found is not None
    assert [struct.pack("<d", x) for x in found] == [struct.pack("<d", x) for x in floats]


@given(ints=longer(st.integers(-(2**63), 2**63 - 1)))
def test_counts_come_back(ints: list[int]) -> None:
    found = again(Lists(ints=ints)).ints
    assert found == ints and all(type(n) is int for n in found)


@given(names=longer(st.lists(st.text(max_size=5), max_size=3)))
def test_names_come_back(names: list[list[str]]) -> None:
    assert again(Lists(names=names)).names == names


def test_only_long_lists_are_compressed() -> None:
    short, long = [0.5] * LONG, [0.5] * (LONG + 1)
    dumped = Lists(floats=short, shares=long).model_dump(mode="json")
    assert dumped["floats"] == short and dumped["ints"] is None
    assert set(dumped["shares"]) == {"encoding", "dtype", "size", "data"}
    assert Lists(shares=long).model_dump()["shares"] == long
    assert Lists.model_validate({"shares": long}).shares == long


def test_a_file_s_bytes_do_not_depend_on_the_machine_s_order() -> None:
    data = Lists(floats=[1.0] * 300).model_dump(mode="json")["floats"]["data"]
    assert zlib.decompress(base64.b64decode(data)) == struct.pack("<d", 1.0) * 300


class TestHostile:
    ONES = np.ones(300).tobytes()

    def refusal(self, value: object, field: str = "floats") -> str:
        with pytest.raises(ValidationError) as caught:
            Lists.model_validate({field: value})
        return str(caught.value)

    def test_sound(self) -> None:
        assert Lists.model_validate({"floats": packed(self.ONES, "float64", 300)})

    @pytest.mark.parametrize("size", [0, 1, 299, 301, 2**20])
    def test_another_size_than_declared(self, size: int) -> None:
        assert "that size declares" in self.refusal(packed(self.ONES, "float64", size))

    def test_a_bomb_is_not_unpacked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []
        real = zlib.decompressobj

        class Counting:
            def __init__(self) -> None:
                self._stream = real()

            def decompress(self, data: bytes, most: int) -> bytes:
                content = self._stream.decompress(data, most)
                asked.append(len(content))
                return content

            def __getattr__(self, name: str) -> Any:
                return getattr(self._stream, name)

        monkeypatch.setattr(zlib, "decompressobj", Counting)
        bomb = packed(bytes(200_000_000), "float64", 1000)
        assert len(bomb["data"]) < 300_000
        assert "that size declares" in self.refusal(bomb)
        assert asked == [8001]

    def test_a_declared_bomb_is_not_even_begun(self) -> None:
        for dtype, field, unit in (("float64", "floats", 8), ("json", "names", 1)):
            bomb = packed(b"", dtype, MOST_BYTES // unit + 1)
            assert "at most" in self.refusal(bomb, field)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"data": "not base64!"}, "cannot be decompressed"),
            ({"data": "é"}, "cannot be decompressed"),
            ({"data": base64.b64encode(b"not zlib").decode()}, "cannot be decompressed"),
            ({"data": 7}, "valid string"),
            ({"dtype": "int64"}, "dtype is int64, not float64"),
            ({"dtype": "object"}, "'float64', 'int64' or 'json'"),
            ({"encoding": "pickle"}, "zlib+base64"),
            ({"size": -1}, "greater than or equal to 0"),
            ({"size": "300"}, "valid integer"),
            ({"size": True}, "valid integer"),
            ({"more": 1}, "not permitted"),
        ],
    )
    def test_malformed(self, change: dict[str, Any], message: str) -> None:
        assert message in self.refusal(packed(self.ONES, "float64", 300) | change)

    def test_truncated_or_followed_by_more(self) -> None:
        whole = zlib.compress(self.ONES)
        for content in (whole[:-1], whole + b"x", whole + whole):
            data = base64.b64encode(content).decode()
            value = packed(self.ONES, "float64", 300) | {"data": data}
            assert "that size declares" in self.refusal(value)

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.5])
    def test_numbers_are_checked_as_in_a_plain_list(self, bad: float) -> None:
        content = np.array([0.5] * 299 + [bad]).tobytes()
        assert "shares" in self.refusal(packed(content, "float64", 300), "shares")

    @pytest.mark.parametrize("text", ["[" * 200_000, "{}", "[[1]]", "", "\xff", "[NaN]"])
    def test_json_is_checked_as_in_a_plain_list(self, text: str) -> None:
        content = text.encode("latin-1")
        assert "names" in self.refusal(packed(content, "json", len(content)), "names")


# In a results file

MANY = make_target(
    [
        Outcome(text=f"n{i}", weight=1 / (i + 1), aliases=(f"a{i}",), value=i)
        for i in range(400)
    ]
)


def many_run() -> Any:
    q = [p * 0.9 for p in MANY.probabilities]
    replies = [f"{{n{i}}}" for i in range(0, 400, 7)]
    return make_run_of(
        exact_task(q, q, target=MANY), sampled_task(replies, target=MANY, name="drawn")
    )


def test_a_long_run_is_read_back_and_verified(tmp_path: Path) -> None:
    run = many_run()
    path = write_results(tmp_path, run)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["tasks"][0]["prompts"][0]["probabilities"]["dtype"] == "float64"
    assert content["tasks"][1]["prompts"][0]["counts"]["dtype"] == "int64"
    assert content["tasks"][0]["target"]["aliases"]["dtype"] == "json"
    assert content["tasks"][0]["target"]["outcomes"][0] == "n0"
    found = load_results(path)
    assert found == run
    assert verify_result(found) == []


def test_a_long_plain_file_is_read_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact = write_results(tmp_path / "compact", many_run())
    monkeypatch.setattr(module, "LONG", 10**9)
    run = many_run()
    plain = write_results(tmp_path / "plain", run)
    monkeypatch.undo()
    assert load_results(plain).tasks == load_results(compact).tasks
    assert compact.stat().st_size < plain.stat().st_size / 2


def test_many_small_bombs_are_refused_before_any_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_results(tmp_path, many_run())
    content = json.loads(path.read_text(encoding="utf-8"))
    bomb = packed(bytes(8_000_000), "float64", 1_000_000)
    content["tasks"][0]["prompts"] = [
        content["tasks"][0]["prompts"][0] | {"probabilities": bomb} for _ in range(9)
    ]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert path.stat().st_size < 400_000
    monkeypatch.setattr(zlib, "decompressobj", None)
    with pytest.raises(ResultError, match=r"declare 72,0\d\d,\d\d\d bytes, and at most"):
        load_results(path)


@pytest.mark.parametrize("size", [None, "9", 1.5, -8, [1], {"size": 2, "encoding": 1}])
def test_odd_sizes_are_left_to_the_schema(size: object) -> None:
    found = declared_bytes({"a": [{"encoding": "x", "size": size}]})
    assert found == (16 if isinstance(size, dict) else 0)


@settings(max_examples=20)
@given(place=st.integers(0, 399))
def test_an_edited_array_is_found(
    place: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("edited")
    run = many_run()
    path = write_results(folder, run)
    content = content_of(run)
    prompt = content["tasks"][0]["prompts"][0]
    q = list(run.tasks[0].prompts[0].probabilities)
    q[place] += 1e-3
    prompt["probabilities"] = packed(np.array(q).tobytes(), "float64", 400)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ResultError, match="does not match its content_sha256"):
        load_results(path)
    content["content_sha256"] = content_sha256(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    assert verify_result(load_results(path))
