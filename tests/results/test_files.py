from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.errors import ResultError
from diffbench.results import (
    content_sha256,
    load_results,
    write_atomic,
    write_results,
    write_samples,
)
from diffbench.results.compact import MOST_BYTES
from tests.results.factory import Content, content_of, leaves, make_run, node_at, seal

RUN = make_run()
CONTENT = content_of(RUN)
TEXT = json.dumps(CONTENT, indent=1, ensure_ascii=False) + "\n"
LEAVES = list(leaves(CONTENT))
NOT_HASHED = [("run", "created"), ("run", "duration_s"), ("content_sha256",)]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CONTENT, "\x1b[31m"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def refusal(path: Path, content: str | bytes) -> str:
    """Write a file, check that it is refused by its name, and return the message."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ResultError) as caught:
        load_results(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message and "\x1b" not in message
    return message


def altered(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


# Writing


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = write_results(tmp_path / "new" / "folder", RUN)
    assert path == tmp_path / "new" / "folder" / "results.json"
    assert path.read_text(encoding="utf-8") == TEXT
    assert load_results(path) == load_results(str(path.parent)) == RUN


def test_a_failing_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    write_atomic(path, b"old")

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(ResultError, match=r"results\.json: .*No space left on device"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "results.json", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_a_result_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ResultError, match="cannot be written"):
        write_results(tmp_path / "taken", RUN)


def test_the_same_samples_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"task": "t", "prompt": "p", "reply": "{ä\n\ud800}", "count": 3}]
    first = write_samples(tmp_path / "a", iter(rows))
    monkeypatch.setattr("time.time", lambda: 2e9)
    second = write_samples(tmp_path / "b", rows)
    assert first.name == "samples.jsonl.gz"
    assert first.read_bytes() == second.read_bytes()
    lines = gzip.decompress(first.read_bytes()).splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert write_samples(tmp_path / "b", rows * 2).read_bytes() != first.read_bytes()


# The content hash


def test_the_hash_changes_with_every_value_but_the_times() -> None:
    content = content_of(RUN)
    for path in LEAVES:
        holder, step = node_at(content, path[:-1]), path[-1]
        old = holder[step]
        for new in (None, not old, f"{old} ", 0.5):
            holder[step] = new
            same = json.dumps(new) == json.dumps(old) or path in NOT_HASHED
            assert (content_sha256(content) == CONTENT["content_sha256"]) == same, path
        holder[step] = old


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    turned = {key: CONTENT[key] for key in reversed(CONTENT)}
    assert content_sha256(turned) == CONTENT["content_sha256"]


# Refusals


def test_a_truncated_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = TEXT.encode()
    end = len(whole.rstrip())
    for cut in [*range(0, end, 997), end - 2, end - 1]:
        assert "truncated" in refusal(tmp_path / "results.json", whole[:cut])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"parameters": 3000000', '"parameters": 3000001'),
        ('"value": 0.75', '"value": 0.76'),
        ('"title": "A fair coin"', '"title": "A coin"'),
    ],
)
def test_an_edited_file_is_refused(tmp_path: Path, old: str, new: str) -> None:
    message = refusal(tmp_path / "results.json", altered(TEXT, old, new))
    assert "does not match its content_sha256" in message


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_literals_that_are_no_numbers_are_refused(tmp_path: Path, literal: str) -> None:
    text = altered(TEXT, '"value": 0.75', f'"value": {literal}')
    assert f"holds {literal}" in refusal(tmp_path / "results.json", text)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000])
def test_numbers_too_large_are_refused(tmp_path: Path, number: str) -> None:
    text = altered(TEXT, '"value": 0.75', f'"value": {number}')
    refusal(tmp_path / "results.json", text)


@pytest.mark.parametrize("version", ["2", "10", "999"])
def test_a_newer_schema_says_what_to_do(tmp_path: Path, version: str) -> None:
    message = refusal(
        tmp_path / "r.json", json.dumps({**CONTENT, "schema_version": version})
    )
    assert f"schema_version is {version}," in message and "update diffbench" in message


@pytest.mark.parametrize(
    "version",
    [None, 1, 2, 1.0, "", "0", "01", "-2", "x", "²", "9" * 5000, ["1"], "\x1b[2J"],
)
def test_any_other_version_is_no_results_file(tmp_path: Path, version: object) -> None:
    message = refusal(
        tmp_path / "r.json", json.dumps({**CONTENT, "schema_version": version})
    )
    assert "not a DiffBench results file" in message


def test_a_missing_version_is_no_results_file(tmp_path: Path) -> None:
    assert "not a DiffBench results file" in refusal(tmp_path / "r.json", "{}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "truncated"),
        (b"[]", "a results file is a JSON object"),
        (b'"text"', "a results file is a JSON object"),
        (b"\xff\xfe{}", "not a whole JSON file"),
        (TEXT.encode("utf-16"), "not a whole JSON file"),
        (b"[" * 200_000, "not a whole JSON file"),
        (b'{"schema_version": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "not a whole"),
        (b"{}{}", "not a whole JSON file"),
    ],
    ids=["empty", "list", "text", "latin", "utf16", "open", "deep", "two"],
)
def test_what_is_no_json_object_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    assert words in refusal(tmp_path / "results.json", content)


@pytest.mark.parametrize("depth", [50, 500, 900, 980])
def test_deep_nesting_in_a_field_is_refused(tmp_path: Path, depth: int) -> None:
    for key in ("schema_version", "model"):
        content = {**CONTENT, key: "deep"}
        text = altered(json.dumps(content), '"deep"', "[" * depth + "]" * depth)
        refusal(tmp_path / "results.json", text)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (("overall",), "overall"),
        (("run", "id"), "run.id"),
        (("tasks", 0, "prompts", 1, "metrics", "kl", "value"), "tasks.0.prompts.1.metrics"),
    ],
)
def test_a_missing_key_is_named(
    tmp_path: Path, path: tuple[str | int, ...], where: str
) -> None:
    content = content_of(RUN)
    del node_at(content, path[:-1])[path[-1]]
    message = refusal(tmp_path / "r.json", json.dumps(seal(content)))
    assert f": {where}" in message and "Field required" in message


@pytest.mark.parametrize("key", ["surprise", "\x1b[31m", "two\nlines"])
def test_an_unknown_key_is_named_harmlessly(tmp_path: Path, key: str) -> None:
    content = content_of(RUN)
    content["model"][key] = 1
    message = refusal(tmp_path / "r.json", json.dumps(seal(content)))
    shown = key.encode("unicode_escape").decode()
    assert f"model.{shown}: Extra inputs are not permitted" in message


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        (("tasks", 0, "prompts", 0, "probabilities", 0), 1.1),
        (("tasks", 0, "prompts", 0, "probabilities", 0), -0.1),
        (("tasks", 2, "prompts", 0, "counts", 0), -1),
        (("tasks", 2, "prompts", 0, "counts", 0), 1.5),
        (("tasks", 0, "estimator"), "guessed"),
        (("tasks", 0, "prompts"), []),
        (("tasks",), []),
        (("content_sha256",), "0" * 63),
    ],
)
def test_values_outside_their_range_are_named(
    tmp_path: Path, path: tuple[str | int, ...], bad: object
) -> None:
    content = content_of(RUN)
    node_at(content, path[:-1])[path[-1]] = bad
    where = ".".join(map(str, path))
    message = refusal(tmp_path / "r.json", json.dumps(content))
    assert message.startswith(f"{tmp_path / 'r.json'}: {where}: ")


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(ResultError, match=r"none\.json: |results\.json: ") as caught:
            load_results(path)
        assert "there is no such file" in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").mkdir()
    with pytest.raises(ResultError, match=r"results\.json: cannot be read"):
        load_results(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_impossible_paths_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text(TEXT)
    with pytest.raises(ResultError, match="cannot be read"):
        load_results(tmp_path / name)


@pytest.mark.parametrize("method", ["is_dir", "read_bytes"])
def test_an_unreadable_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    path = write_results(tmp_path, RUN)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, method, denied)
    with pytest.raises(ResultError, match=r"results\.json: .*Permission denied"):
        load_results(path)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None, max_examples=100)
def test_no_other_file_is_read_or_raises_otherwise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    refusal(tmp_path_factory.getbasetemp() / "any.json", content)


@given(st.sampled_from(LEAVES), JSON)
@settings(deadline=None, max_examples=150)
def test_any_value_anywhere_is_read_or_refused_as_a_result_error(
    tmp_path_factory: pytest.TempPathFactory, path: tuple[str | int, ...], value: Any
) -> None:
    content: Content = content_of(RUN)
    node_at(content, path[:-1])[path[-1]] = value
    file = tmp_path_factory.getbasetemp() / "altered.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    try:
        read = load_results(file)
    except ResultError as error:
        assert str(error).startswith(f"{file}: ")
    else:
        assert path in NOT_HASHED or json.dumps(value) == json.dumps(
            node_at(CONTENT, path)
        ), read


def test_a_packed_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path = write_results(tmp_path, RUN, packed=True)
    assert path.name == "results.json.gz"
    assert gzip.decompress(path.read_bytes()).decode() == TEXT
    assert load_results(tmp_path) == load_results(path) == RUN
    again = write_results(tmp_path / "again", RUN, packed=True)
    assert again.read_bytes() == path.read_bytes()


def test_a_folder_with_two_results_files_is_refused(tmp_path: Path) -> None:
    write_results(tmp_path, RUN)
    write_results(tmp_path, RUN, packed=True)
    with pytest.raises(ResultError, match=r"holds both results\.json and results"):
        load_results(tmp_path)


def test_a_packed_file_that_is_cut_or_edited_is_refused(tmp_path: Path) -> None:
    path = write_results(tmp_path, RUN, packed=True)
    packed = path.read_bytes()
    assert "truncated" in refusal(path, packed[:-9])
    assert "more than one" in refusal(path, packed + packed)
    assert "more than one" in refusal(path, packed + b"{}")
    middle = len(packed) // 2
    flipped = packed[:middle] + bytes([packed[middle] ^ 1]) + packed[middle + 1 :]
    assert "cannot be decompressed" in refusal(path, flipped)


def test_a_packed_file_never_unpacks_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "results.json.gz"
    bomb = gzip.compress(b" " * (MOST_BYTES + 1), 1)
    assert len(bomb) < MOST_BYTES / 100
    tracemalloc.start()
    assert f"more than {MOST_BYTES:,} bytes" in refusal(path, bomb * 8)
    assert tracemalloc.get_traced_memory()[1] < 3 * MOST_BYTES
    tracemalloc.stop()
