"""What the reference cannot read off the code by itself: how classes of attrs are made, where examples stand, what a name means.

The arguments of a class of attrs are its fields, and of those of the classes that it extends; what an argument may be is said by
the converter of its field, if that has one.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import griffe

EXAMPLE: Final = re.compile(r"^Example:\n((?:    .*\n?|\n)+)", re.MULTILINE)
DECORATORS: Final = ("attrs.define", "attrs.frozen")


class Stages(griffe.Extension):
    """Adds `__init__` to classes of attrs, and makes an `Example:` of a docstring what is shown as one."""

    def on_object(self, *, obj: griffe.Object, **others: Any) -> None:
        """Calls the section of the example as Griffe does; an example that is no session of the interpreter becomes a block."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(_example, obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **others: Any) -> None:
        """Adds `__init__` to the classes of a package; a name that a module shares with its function is the function's."""
        for name, member in list(pkg.members.items()):
            own = isinstance(member, griffe.Alias) and member.target_path.startswith(f"{pkg.name}.")
            if own and member.is_module and name in member.members:
                pkg.set_member(name, griffe.Alias(name, f"{member.target_path}.{name}", parent=pkg))
        for made in list(_classes(pkg)):
            if _decorator(made) is not None and "__init__" not in made.members:
                own = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
                found = {parameter.name: parameter for parent in [*reversed(made.mro()), made] for parameter in _fields(parent)}
                ordered = sorted(found.values(), key=lambda parameter: parameter.kind is griffe.ParameterKind.keyword_only)
                made.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(own, *ordered), parent=made))


def _example(found: re.Match[str]) -> str:
    code = found[1].rstrip()
    return f"Examples:\n{code}\n\n" if ">>>" in code else f"Examples:\n    ```python\n{code}\n    ```\n\n"


def _classes(found: griffe.Module | griffe.Class) -> Iterator[griffe.Class]:
    for member in found.members.values():
        if not member.is_alias and isinstance(member, griffe.Module | griffe.Class):
            if isinstance(member, griffe.Class):
                yield member
            yield from _classes(member)


def _decorator(made: griffe.Class) -> griffe.Expr | None:
    """Returns the decorator by which attrs makes a class, None where it does not."""
    for decorator in made.decorators:
        if isinstance(decorator.value, griffe.Expr) and decorator.value.canonical_path in DECORATORS:
            return decorator.value
    return None


def _fields(made: griffe.Class) -> Iterator[griffe.Parameter]:
    """Yields what each field of a class is as an argument."""
    decorator = _decorator(made)
    if decorator is None:
        return
    all_by_name = _arguments(decorator).get("kw_only") == "True"
    for attribute in made.members.values():
        if not isinstance(attribute, griffe.Attribute) or attribute.annotation is None or "property" in attribute.labels:
            continue
        if "instance-attribute" not in attribute.labels:  # a ClassVar
            continue
        given = _arguments(attribute.value) if _is_field(attribute.value) else None
        if given is None:
            given = {} if attribute.value is None else {"default": attribute.value}
        if given.get("init") == "False":
            continue
        by_name = all_by_name or given.get("kw_only") == "True"
        default = given.get("default")
        if "factory" in given:
            default = griffe.ExprCall(function=cast("griffe.Expr", given["factory"]), arguments=[])
        yield griffe.Parameter(
            attribute.name,
            annotation=_accepted(made, given.get("converter")) or attribute.annotation,
            kind=griffe.ParameterKind.keyword_only if by_name else griffe.ParameterKind.positional_or_keyword,
            default=default,
        )


def _is_field(value: object) -> bool:
    return isinstance(value, griffe.ExprCall) and value.canonical_path == "attrs.field"


def _arguments(call: object) -> dict[str, Any]:
    """Returns the named arguments of a call."""
    arguments = call.arguments if isinstance(call, griffe.ExprCall) else []
    return {argument.name: argument.value for argument in arguments if isinstance(argument, griffe.ExprKeyword)}


def _accepted(made: griffe.Class, converter: object) -> Any:
    """Returns what the function that converts a field accepts, None where that is not known or is anything."""
    if not isinstance(converter, griffe.ExprName):
        return None
    try:
        function = made.modules_collection[converter.canonical_path]
        annotation = function.parameters[0].annotation
    except (KeyError, AttributeError, IndexError, griffe.AliasResolutionError):
        return None
    return None if str(annotation) in ("Any", "object") else annotation
