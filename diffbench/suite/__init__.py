"""The tasks: what is asked, which target it is asked for, and where that is written."""

from __future__ import annotations

from diffbench.suite.biography import (
    BIOGRAPHY_FAMILY,
    AnyTask,
    BiographyDefinition,
    FieldReference,
)
from diffbench.suite.biography_file import biography_from_config
from diffbench.suite.catalog import (
    Catalog,
    Group,
    Selection,
    check_folder,
    shipped_catalog,
)
from diffbench.suite.definition import Mode, Prompt, Source, Split, TaskDefinition
from diffbench.suite.family_file import family_from_config
from diffbench.suite.paper import load_paper_folder, load_paper_prompt
from diffbench.suite.task_file import definition_from_config, load_task_file
from diffbench.suite.yaml_file import read_task_yaml

__all__ = [
    "BIOGRAPHY_FAMILY",
    "AnyTask",
    "BiographyDefinition",
    "Catalog",
    "FieldReference",
    "Group",
    "Mode",
    "Prompt",
    "Selection",
    "Source",
    "Split",
    "TaskDefinition",
    "biography_from_config",
    "check_folder",
    "definition_from_config",
    "family_from_config",
    "load_paper_folder",
    "load_paper_prompt",
    "load_task_file",
    "read_task_yaml",
    "shipped_catalog",
]
