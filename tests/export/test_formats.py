"""Exports against the schemas and parsers of the tools that read them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results

from diffbench.cli.main import main
from diffbench.errors import SettingsError
from diffbench.export import FORMATS, Source, export_result
from diffbench.export.csv_table import guard
from diffbench.metrics import METRICS
from diffbench.results import RunResult, write_results
from tests.cli.test_tables import HOSTILE
from tests.results.factory import exact_task, make_run, make_run_of

RUN = make_run()
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", '=cmd|"/c calc"!A1']
NASTY = [*HOSTILE.values(), *FORMULAS, 'a "quoted", b', "---\nmodel-index: x", "</script>"]
SCHEMA = json.loads(
    Path(__file__).with_name("every_eval_ever-0.3.0.schema.json").read_text("utf-8")
)


def _named(text: str) -> RunResult:
    run = make_run_of(exact_task((0.5, 0.25), title=text, family=text))
    return run.model_copy(update={"model": run.model.model_copy(update={"id": text})})


hostile = pytest.mark.parametrize("run", [RUN, *map(_named, NASTY)], ids=lambda run: "")


def _export(run: RunResult, form: str) -> str:
    source = Source(dataset_id="me/diffbench", url="https://example.org/r")
    return export_result(run, form, source)


@hostile
def test_csv_reads_back_and_holds_no_formula(run: RunResult) -> None:
    rows = list(csv.DictReader(io.StringIO(_export(run, "csv"), newline="")))
    n_levels = len(run.tasks) + len(run.families) + 1
    assert len(rows) == n_levels * len(METRICS)
    first = run.tasks[0]
    assert float(rows[0]["value"]) == first.metrics["overlap"].value
    assert rows[0]["model"].removeprefix("'") == run.model.id
    for row in rows:
        for name in ("model", "title", "family", "reason"):
            assert not row[name].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_text(text: str) -> None:
    assert guard(text) == f"'{text}"
    assert guard("Number 1 to 10") == "Number 1 to 10"


def test_a_value_that_is_missing_is_an_empty_cell_with_its_reason() -> None:
    rows = list(csv.DictReader(io.StringIO(_export(RUN, "csv"), newline="")))
    (row,) = [
        one for one in rows
        if (one["task"], one["metric"]) == ("diffbench_coin", "wasserstein")
    ]  # fmt: skip
    assert row["value"] == "" and row["reason"]


@hostile
def test_every_eval_ever_is_valid(run: RunResult) -> None:
    record = json.loads(_export(run, "every-eval-ever"))
    jsonschema.Draft7Validator(SCHEMA).validate(record)
    assert record["schema_version"] == SCHEMA["version"]
    found = {
        (one["evaluation_name"], one["metric_config"]["metric_kind"]): one["score_details"]
        for one in record["evaluation_results"]
    }
    for task in run.tasks:
        value = task.metrics["overlap"].value
        assert found[task.name, "overlap"]["score"] == value
        assert (task.name, "entropy_ratio") not in found, "neither side of it is better"


def test_the_schema_can_refuse() -> None:
    record = json.loads(_export(RUN, "every-eval-ever"))
    del record["evaluation_results"][0]["metric_config"]["lower_is_better"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(SCHEMA).validate(record)


@hostile
def test_hub_results_parse(run: RunResult) -> None:
    entries = parse_eval_result_entries(yaml.safe_load(_export(run, "hf-eval-results")))
    assert [(one.dataset_id, one.task_id, one.value) for one in entries] == [
        ("me/diffbench", task.name, task.metrics["overlap"].value) for task in run.tasks
    ]


def test_hub_results_need_a_registered_dataset() -> None:
    with pytest.raises(SettingsError, match="--dataset-id"):
        export_result(RUN, "hf-eval-results", Source())


@hostile
def test_a_model_index_parses_in_a_model_card(run: RunResult) -> None:
    text = _export(run, "model-index")
    card = ModelCard(f"---\n{text}---\n\n# A model\n")
    assert card.data.eval_results
    name, results = model_index_to_eval_results(yaml.safe_load(text)["model-index"])
    assert name == run.model.id
    values = {(one.dataset_config, one.metric_type): one.metric_value for one in results}
    for task in run.tasks:
        assert values[task.name, "overlap"] == task.metrics["overlap"].value


@pytest.mark.parametrize("form", list(FORMATS))
def test_the_same_result_gives_the_same_bytes(form: str) -> None:
    assert _export(RUN, form) == _export(RUN, form)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://example.org"])
def test_links_are_https(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        Source(url=url)


def _command(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


@pytest.mark.parametrize("form", list(FORMATS))
def test_the_command_prints_or_writes_it(form: str, tmp_path: Path) -> None:
    write_results(tmp_path, RUN)
    more = ("--dataset-id", "me/diffbench") if form == "hf-eval-results" else ()
    printed = _command(tmp_path, "--format", form, *more)
    assert printed.exit_code == 0, printed.output
    output = tmp_path / "out"
    assert _command(tmp_path, "--format", form, "--output", output, *more).exit_code == 0
    assert output.read_bytes() == printed.stdout_bytes
