"""Stages as plain data and back: what pipeline files, manifests and cache keys are written in.

A stage is `{Name: {field: value}}`, fields at their default left out. Third-party stages take part by `register`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from dataprep.errors import PipelineError, suggestion

STAGES: Final[dict[str, type]] = {}
"""Every stage that can be named in a file."""

Stage = TypeVar("Stage", bound=type)


def register(stage: Stage) -> Stage:
    """Makes a stage's class known by its name, so that files can name it; works as a class decorator.

    Raises:
        PipelineError: It is no frozen dataclass, or another stage has this name.
    """
    name = stage.__name__
    if not dataclasses.is_dataclass(stage):
        raise PipelineError(f"register({name}): a stage is a frozen dataclass; decorate it with @dataclass(frozen=True)")
    known = STAGES.setdefault(name, stage)
    if known.__qualname__ != stage.__qualname__ or known.__module__ != stage.__module__:
        raise PipelineError(f"register({name}): {known.__module__}.{name} has this name already; choose another")
    STAGES[name] = stage
    return stage


def describe(stage: object) -> dict[str, Any]:
    """Returns a stage as `{Name: {field: value}}` of plain data."""
    if not dataclasses.is_dataclass(stage) or isinstance(stage, type):
        raise PipelineError(f"{stage!r} is no stage; a stage is an instance of a frozen dataclass")
    arguments = {}
    for field in dataclasses.fields(stage):
        value = getattr(stage, field.name)
        if field.init and value != field.default:
            arguments[field.name] = _plain(value)
    return {type(stage).__name__: arguments}


def build(description: object, where: str) -> Any:
    """Returns the stage that `{Name: {field: value}}` describes, `Name: value` for its first field, or a bare name.

    Args:
        description: Plain data, as from YAML or JSON.
        where: What an error calls the place, such as "stage 3".

    Raises:
        PipelineError: The name or a field is unknown, or a value does not fit.
    """
    if isinstance(description, str):
        description = {description: None}
    if not isinstance(description, Mapping) or len(description) != 1:
        raise PipelineError(f"{where}: write one stage as `Name: {{field: value}}`, got {description!r}")
    ((name, arguments),) = description.items()
    if name not in STAGES:
        raise PipelineError(f"{where}: no stage is called {name!r}; {suggestion(str(name), STAGES)}")
    return _construct(STAGES[name], {} if arguments is None else arguments, where)


def _construct(stage: type, arguments: object, where: str) -> Any:
    name = stage.__name__
    known = [field.name for field in dataclasses.fields(stage) if field.init]
    if not isinstance(arguments, Mapping):
        if not known:
            raise PipelineError(f"{where}: {name} has no fields, got {arguments!r}")
        arguments = {known[0]: arguments}
    for argument in arguments:
        if argument not in known:
            raise PipelineError(f"{where}: {name} has no field {argument!r}; {suggestion(str(argument), known)}")
    try:
        return stage(**{key: _value(value, where) for key, value in arguments.items()})
    except PipelineError as error:
        raise PipelineError(f"{where}: {error}") from error
    except TypeError as error:
        raise PipelineError(f"{where}: {name}: {str(error).replace(f'{name}.__init__()', '').strip()}") from error


def _plain(value: object) -> Any:
    """Returns a field's value as plain data: nested stages described, tuples as lists."""
    if dataclasses.is_dataclass(value):
        return describe(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _value(value: object, where: str) -> Any:
    """Returns plain data as a field's value: nested stages built, lists as tuples, since stages are hashable."""
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in STAGES:
        return build(value, where)
    if isinstance(value, list):
        return tuple(_value(item, where) for item in value)
    return value
