"""Which tasks and groups there are, and what a `--tasks` value means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from diffbench.assets import asset_dir
from diffbench.errors import TaskError, brief, did_you_mean, printable
from diffbench.suite.biography import AnyTask, BiographyDefinition
from diffbench.suite.biography_file import biography_from_config, is_biography
from diffbench.suite.definition import TaskDefinition
from diffbench.suite.family_file import family_from_config, is_family
from diffbench.suite.paper import load_paper_folder, load_paper_prompt
from diffbench.suite.task_file import definition_from_config
from diffbench.suite.yaml_file import read_task_yaml

__all__ = ["Catalog", "Group", "Selection", "check_folder", "shipped_catalog"]

_Definition = TypeVar("_Definition", TaskDefinition, BiographyDefinition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named list of tasks, groups within it already unfolded."""

    name: str
    title: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What `--tasks` chose, and the files that it had to leave out."""

    tasks: tuple[TaskDefinition, ...] = ()
    biographies: tuple[BiographyDefinition, ...] = ()
    left_out: tuple[str, ...] = ()


class Catalog:
    """All tasks and groups below one folder, read on first use.

    Args:
        folder: A folder of task files, searched with its sub-folders.

    Raises:
        TaskError: If a file is malformed or two files claim one name. Nothing is ever
            skipped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _configs(self) -> list[tuple[Path, dict[str, Any]]]:
        if not self.folder.is_dir():
            raise TaskError(f"{self.folder}: there is no such folder")
        paths = sorted(self.folder.rglob("*.yaml"))
        return [(path, read_task_yaml(path)) for path in paths]

    @cached_property
    def tasks(self) -> dict[str, TaskDefinition]:
        """Every closed task by name."""
        found: dict[str, TaskDefinition] = {}
        for path, config in self._configs:
            if "group" in config or is_biography(config):
                continue
            for definition in _definitions(config, path):
                if definition.name in found:
                    raise TaskError(
                        f"{path}: task: {definition.name!r} is already the name of "
                        f"{found[definition.name].file}; give it another"
                    )
                found[definition.name] = definition
        return found

    @cached_property
    def biographies(self) -> dict[str, BiographyDefinition]:
        """Every biography task by name."""
        found: dict[str, BiographyDefinition] = {}
        for path, config in self._configs:
            if not is_biography(config):
                continue
            definition = biography_from_config(config, path)
            if definition.name in found or definition.name in self.tasks:
                raise TaskError(
                    f"{path}: task: {definition.name!r} is already the name of another "
                    "task; give it another"
                )
            found[definition.name] = definition
        return found

    @cached_property
    def groups(self) -> dict[str, Group]:
        """Every group by name, with its members unfolded to tasks."""
        raw: dict[str, tuple[Path, dict[str, Any]]] = {}
        for path, read in self._configs:
            config = _as_group(read, path)
            if "group" not in config:
                continue
            name = _group_name(config, path)
            if name in raw or name in self.tasks:
                raise TaskError(
                    f"{path}: group: {name!r} is already the name of another file's group "
                    "or task; give it another"
                )
            raw[name] = (path, config)
        return {
            name: Group(
                name=name,
                title=str(config.get("group_alias", name)),
                tasks=tuple(self._members(name, raw, path, ())),
            )
            for name, (path, config) in raw.items()
        }

    def _members(
        self,
        name: str,
        raw: dict[str, tuple[Path, dict[str, Any]]],
        path: Path,
        above: tuple[str, ...],
    ) -> Iterable[str]:
        if name in above:
            raise TaskError(f"{path}: task: the group {name!r} contains itself")
        if name in self.tasks:
            yield name
            return
        if name not in raw:
            raise TaskError(
                f"{path}: task: {printable(name)!r} is neither a task nor a group."
                f"{did_you_mean(name, [*self.tasks, *raw])}"
            )
        here, config = raw[name]
        for member in config["task"]:
            yield from self._members(member, raw, here, (*above, name))

    def select(self, names: Sequence[str]) -> Selection:
        """Return the tasks that names, files and folders stand for, in order.

        Args:
            names: Task or group names, `.yaml` or `.json` files, or folders of them.

        Raises:
            TaskError: For an unknown name (with the nearest ones) or a broken file.
        """
        selections = [self._select_one(name) for name in names]
        chosen = _by_name(task for selection in selections for task in selection.tasks)
        open_ended = _by_name(one for found in selections for one in found.biographies)
        if not chosen and not open_ended:
            raise TaskError("the list of tasks is empty; name at least one task or group")
        return Selection(
            tasks=tuple(chosen.values()),
            biographies=tuple(open_ended.values()),
            left_out=tuple(reason for found in selections for reason in found.left_out),
        )

    def _select_one(self, name: str) -> Selection:
        path = Path(name)
        if path.suffix == ".json":
            return _selection([load_paper_prompt(path)])
        if path.suffix == ".yml":
            raise TaskError(f"{printable(name)}: lm-eval reads .yaml only; rename the file")
        if path.suffix == ".yaml":
            return _selection(_any_definitions(read_task_yaml(path), path))
        if name in self.groups:
            return Selection(tasks=tuple(self.tasks[t] for t in self.groups[name].tasks))
        if name in self.tasks:
            return Selection(tasks=(self.tasks[name],))
        if name in self.biographies:
            return Selection(biographies=(self.biographies[name],))
        if name and _is_folder(path):
            return _select_folder(path)
        raise TaskError(
            f"there is no task, group, file or folder {printable(name)!r}."
            f"{did_you_mean(name, [*self.groups, *self.tasks, *self.biographies])}"
            " `diffbench tasks list` shows all."
        )


def _selection(found: Iterable[AnyTask], left_out: Iterable[str] = ()) -> Selection:
    listed = list(found)
    return Selection(
        tasks=tuple(one for one in listed if isinstance(one, TaskDefinition)),
        biographies=tuple(one for one in listed if isinstance(one, BiographyDefinition)),
        left_out=tuple(left_out),
    )


def _any_definitions(config: Mapping[str, Any], path: Path) -> tuple[AnyTask, ...]:
    if is_biography(config):
        return (biography_from_config(config, path),)
    return _definitions(config, path)


def _definitions(config: Mapping[str, Any], path: Path) -> tuple[TaskDefinition, ...]:
    if is_family(config):
        return family_from_config(config, path)
    return (definition_from_config(config, path),)


def _as_group(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a family file as the group of the tasks that it names."""
    if "group" in config or not is_family(config):
        return config
    members = [task.name for task in family_from_config(config, path)]
    return {"group": config["task"], "task": members}


def _by_name(tasks: Iterable[_Definition]) -> dict[str, _Definition]:
    found: dict[str, _Definition] = {}
    for task in tasks:
        other = found.setdefault(task.name, task)
        if other != task:
            raise TaskError(
                f"two different tasks are both named {task.name!r} "
                f"({other.file} and {task.file}); rename one"
            )
    return found


def _group_name(config: Mapping[str, Any], path: Path) -> str:
    members = config.get("task")
    if (
        not isinstance(members, list)
        or not members
        or not all(isinstance(member, str) for member in members)
    ):
        raise TaskError(f"{path}: task: got {brief(members)}; list the names of its tasks")
    return str(config["group"])


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        # A name that no file could have, such as one of 300 characters.
        return False


def _select_folder(path: Path) -> Selection:
    prompts, left_out = load_paper_folder(path)
    catalog = Catalog(path)
    tasks: list[AnyTask] = [*catalog.tasks.values(), *catalog.biographies.values()]
    if not prompts and not tasks:
        reasons = f" ({'; '.join(left_out)})" if left_out else ""
        raise TaskError(
            f"{path}: no task file (.yaml) and no prompt file (.json) in this folder"
            f"{reasons}"
        )
    return _selection([*tasks, *prompts], left_out)


def check_folder(folder: Path) -> list[str]:
    """Check every task, prompt and group file below a folder, or a single file.

    Returns:
        One message per broken file, in file order; empty if all are sound.
    """
    if folder.is_file():
        paths = [folder]
    else:
        paths = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.json")])
    if not paths:
        return [f"{folder}: no task file (.yaml) and no prompt file (.json) in this folder"]
    problems: list[str] = []
    for path in paths:
        try:
            _check_file(path)
        except TaskError as error:
            problems.append(str(error))
    if problems or folder.is_file():
        return problems
    try:
        catalog = Catalog(folder)
        _ = catalog.groups
        found = _selection([*catalog.tasks.values(), *load_paper_folder(folder)[0]])
        _by_name(found.tasks)
        _by_name([*catalog.biographies.values(), *found.biographies])
    except TaskError as error:
        return [str(error)]
    return []


def _check_file(path: Path) -> None:
    if path.suffix == ".json":
        load_paper_prompt(path)
        return
    config = read_task_yaml(path)
    if "group" in config:
        _group_name(config, path)
    else:
        _any_definitions(config, path)


def shipped_catalog() -> Catalog:
    """Return the catalog of the tasks that DiffBench ships, read once a process."""
    return _catalog(asset_dir("tasks"))


@lru_cache(maxsize=1)
def _catalog(folder: Path) -> Catalog:
    return Catalog(folder)
