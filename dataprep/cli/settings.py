"""Settings beside the command line: variables of the environment, then `[tool.dataprep]` of pyproject.toml.

    [tool.dataprep.clean]            as --out cleaned --exclude "*.gif", paths relative to the folder of the file
    out = "cleaned"
    exclude = ["*.gif"]

    DATAPREP_CLEAN_OUT=cleaned       wins over the file; a flag of the command line wins over both

A name that no flag has is refused in both, as it is on the command line: what is misspelt would be ignored in silence.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
from click.core import ParameterSource

from dataprep.errors import suggestion
from dataprep.files import is_url

FILE: Final = "pyproject.toml"
UNSET: Final = ("help", "verbose")
"""Flags that are of one call only."""


class Settings(NamedTuple):
    """What a file says about a command.

    Attributes:
        command: The command.
        file: The file, None where there is none.
        values: By the names of its parameters.
    """

    command: click.Command
    file: Path | None
    values: dict[str, Any]

    def origin(self, context: click.Context, parameter: click.Parameter) -> str | None:
        """Returns where the value of a parameter is from, None where it is from the command line or its default."""
        source = context.get_parameter_source(parameter.name or "")
        if source is ParameterSource.ENVIRONMENT:
            return str(parameter.envvar)
        return self._table if source is ParameterSource.DEFAULT_MAP else None

    def lines(self, context: click.Context) -> Iterator[str]:
        """Yields a line for each parameter whose value is neither from the command line nor its default."""
        for parameter in self.command.params:
            origin = self.origin(context, parameter)
            if origin is not None:
                text = os.environ[origin] if origin in os.environ else _spelt(self.values[parameter.name or ""])
                yield f"{flag_of(parameter)} {text}  (from {origin})"

    def note(self, context: click.Context, parameter: click.Parameter) -> str:
        """Returns what help adds to an option: the variable that sets it, and what sets it now."""
        if not parameter.envvar:
            return ""
        variable, value, now = str(parameter.envvar), self.values.get(parameter.name or ""), ""
        if os.environ.get(variable):
            now = f"; now {os.environ[variable]}"
        elif value is not None:
            now = f"; now {_spelt(value)}, from {self._table}"
        return f"  [{variable}{now}]"

    @property
    def _table(self) -> str:
        return f"[tool.dataprep.{self.command.name}] of {self.file}"


def read_settings(command: click.Command, *, lenient: bool = False) -> Settings:
    """Returns what the environment and the nearest file say about a command.

    Args:
        command: The command.
        lenient: Whether to take for nothing what cannot be understood.

    Raises:
        UsageError: They name what the command does not have.
    """
    settable = {flag_of(parameter).lstrip("-"): parameter for parameter in command.params if parameter.envvar}
    try:
        _check_environment(_prefix(command), [str(parameter.envvar) for parameter in settable.values()])
        file, tables = _read_file()
        values = dict(_values(tables.get(str(command.name), {}), settable, file, str(command.name)))
    except click.UsageError:
        if not lenient:
            raise
        file, values = None, {}
    return Settings(command, file, values)


def name_variables(command: click.Command) -> None:
    """Gives each parameter of a command the variable that sets it, such as DATAPREP_CLEAN_OUT; not to a flag of one call only."""
    for parameter in command.params:
        if parameter.name not in UNSET:
            parameter.envvar = _prefix(command) + flag_of(parameter).lstrip("-").replace("-", "_").upper()


def _prefix(command: click.Command) -> str:
    return f"DATAPREP_{str(command.name).upper()}_"


def flag_of(parameter: click.Parameter) -> str:
    """Returns the long name of an option, or the name of an argument."""
    if isinstance(parameter, click.Argument):
        return str(parameter.name)
    return max(parameter.opts, key=len)


def _check_environment(prefix: str, known: list[str]) -> None:
    for name in sorted(os.environ):
        if name.startswith(prefix) and name not in known:
            raise click.UsageError(f"the variable {name} sets no flag; {suggestion(name, known)}")


def _read_file() -> tuple[Path | None, Mapping[str, Any]]:
    """Returns the nearest file with settings, from the working folder upwards, and its tables by command."""
    import tomllib

    from dataprep.cli import SUBCOMMANDS

    here = Path.cwd()
    for folder in (here, *here.parents):
        try:
            found = tomllib.loads((folder / FILE).read_text(encoding="utf-8")).get("tool", {}).get("dataprep")
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{folder / FILE} cannot be read: {error}") from error
        if found is None:
            continue
        if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
            raise click.UsageError(f"{folder / FILE}: [tool.dataprep] holds tables of commands, such as [tool.dataprep.clean]")
        for name in found:
            if name not in SUBCOMMANDS:
                raise click.UsageError(f"{folder / FILE}: no command is called {name!r}; {suggestion(name, SUBCOMMANDS)}")
        return folder / FILE, found
    return None, {}


def _values(
    table: Mapping[str, Any], settable: Mapping[str, click.Parameter], file: Path | None, command: str
) -> Iterator[tuple[str, Any]]:
    """Yields the values of a table by the names of parameters, in the form in which click takes them."""
    for name, value in table.items():
        where = f"{file}: [tool.dataprep.{command}] {name} = {_spelt(value)}"
        parameter = settable.get(name.replace("_", "-")) or settable.get(name)
        if parameter is None:
            raise click.UsageError(f"{where}: no such flag; {suggestion(name, settable)}")
        is_flag = isinstance(parameter, click.Option) and parameter.is_flag
        several = isinstance(value, list)
        if isinstance(value, bool) != is_flag:
            raise click.UsageError(f"{where}: give {'true or false' if is_flag else 'a value'}")
        if any(isinstance(item, dict | list | bool) for item in (value if several else [])) or isinstance(value, dict):
            raise click.UsageError(f"{where}: give a text, a number or a list of these")
        many = parameter.nargs == -1 or getattr(parameter, "multiple", False)
        if several and not many:
            raise click.UsageError(f"{where}: give one value")
        items = [_below(item, parameter, file) for item in (value if several else [value])]
        yield str(parameter.name), items if many else items[0]


def _below(value: Any, parameter: click.Parameter, file: Path | None) -> Any:
    """Returns a value as on the command line: paths are relative to the folder of the file."""
    if isinstance(value, bool):
        return value
    if isinstance(parameter.type, click.Path) and value != "-" and not is_url(value) and file is not None:
        return os.path.join(file.parent, str(value))
    return str(value)


def _spelt(value: Any) -> str:
    """Returns a value as it would stand on a command line."""
    if isinstance(value, list):
        return " ".join(map(_spelt, value))
    return str(value).lower() if isinstance(value, bool) else shlex.quote(str(value))
