"""Stages as plain data and back: what pipeline files, manifests and cache keys are written in.

A stage is `{Name: {field: value}}`, fields at their default left out. A stage's class is one of `attrs` or a dataclass, frozen;
third-party stages take part by `register`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import attrs

from dataprep.errors import PipelineError, suggestion

STAGES: Final[dict[str, type]] = {}
"""Every stage that can be named in a file."""

UNDESCRIBED: Final = "undescribed"
"""Marks, in its metadata, a field that is of one process only, such as a table in memory: a description leaves it out."""

Stage = TypeVar("Stage", bound=type)


def register(stage: Stage) -> Stage:
    """Makes a stage's class known by its name, so that files can name it; works as a class decorator.

    Example:
        >>> from dataclasses import dataclass
        >>> @dp.register
        ... @dataclass(frozen=True)
        ... class Bright:
        ...     least: float = 200.0
        ...     needs = (dp.Luminance(),)
        ...
        ...     def judge(self, table):
        ...         import pyarrow.compute as pc
        ...         ids = table.filter(pc.less(table["brightness"], self.least))["id"].to_pylist()
        ...         return dp.Drops(ids, ["not bright"] * len(ids), ["it is not bright"] * len(ids))
        >>> dp.Pipeline.from_yaml("{version: 1, stages: [{Bright: {least: 120}}]}").rules[0].least
        120

    Raises:
        PipelineError: It is not a frozen class of attrs or a frozen dataclass, or another stage has this name.
    """
    name = stage.__name__
    _check_class(stage)
    known = STAGES.setdefault(name, stage)
    if known.__qualname__ != stage.__qualname__ or known.__module__ != stage.__module__:
        raise PipelineError(f"register({name}): {known.__module__}.{name} has this name already; choose another")
    STAGES[name] = stage
    return stage


def describe(stage: object) -> dict[str, Any]:
    """Returns a stage as `{Name: {field: value}}` of plain data."""
    if not _has_fields(type(stage)):
        raise PipelineError(f"{stage!r} is not a stage; a stage is an instance of a frozen class of attrs or dataclass")
    arguments = {}
    for name, field in _fields(type(stage)).items():
        value = getattr(stage, field.name)
        if UNDESCRIBED not in field.metadata and value != _default(field, stage):
            arguments[name] = _plain(value)
    return {type(stage).__name__: arguments}


def brief(stage: object) -> str:
    """Returns a stage as the call that makes it, fields at their default left out and long ones last; of others, what they say.

    Example:
        >>> brief(dp.ColorJitter(0.4, hue=18))
        'ColorJitter(hue=(-18, 18), brightness=(0.6, 1.4))'
    """
    return _call(describe(stage)) if _has_fields(type(stage)) else repr(stage)


def _call(plain: object) -> str:
    """Returns plain data as code, described stages in it as calls."""
    if isinstance(plain, list):
        items = ", ".join(map(_call, plain))
        return f"({items},)" if len(plain) == 1 else f"({items})"
    if not isinstance(plain, Mapping):
        return f"{plain:.4g}" if isinstance(plain, float) else repr(plain)
    ((name, arguments),) = plain.items()
    return f"{name}({', '.join(sorted((f'{key}={_call(value)}' for key, value in arguments.items()), key=len))})"


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
    name, known = stage.__name__, list(_fields(stage))
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


def _has_fields(stage: type) -> bool:
    return attrs.has(stage) or dataclasses.is_dataclass(stage)


def _fields(stage: type) -> dict[str, Any]:
    """Returns the fields of a class of attrs or a dataclass that are arguments, under their names as such."""
    fields: Any = attrs.fields(stage) if attrs.has(stage) else dataclasses.fields(stage)
    return {getattr(field, "alias", field.name): field for field in fields if field.init}


def _default(field: Any, stage: object) -> Any:
    """Returns what a field of a stage would be if it had not been given, or a mark that equals nothing."""
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
        return default.factory(stage) if default.takes_self else default.factory()
    made = getattr(field, "default_factory", dataclasses.MISSING)
    return default if made is dataclasses.MISSING else made()


def _check_class(stage: type) -> None:
    """Raises `PipelineError` unless a class is one of attrs or a dataclass whose instances do not change."""
    name = stage.__name__
    advice = "decorate it with @attrs.frozen or @dataclass(frozen=True)"
    if not _has_fields(stage):
        raise PipelineError(f"register({name}): a stage is a frozen class of attrs or a frozen dataclass; {advice}")
    if attrs.has(stage) and dataclasses.is_dataclass(stage):
        raise PipelineError(f"register({name}): its base is a class of attrs, so decorate it with @attrs.frozen")
    if not _is_frozen(stage):
        raise PipelineError(f"register({name}): its fields can be changed, so it cannot be compared or cached; {advice}")


def _is_frozen(stage: type) -> bool:
    """Says whether setting a field of an instance is refused, by trying; neither attrs nor dataclasses has a flag for it."""
    try:
        setattr(object.__new__(stage), next(iter(_fields(stage)), "field"), None)
    except AttributeError:
        return True
    return False


def _plain(value: object) -> Any:
    """Returns a field's value as plain data: nested stages described, tuples as lists."""
    if _has_fields(type(value)):
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
