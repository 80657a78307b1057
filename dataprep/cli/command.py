"""What every command is: flags under headings in its `--help`, and a start that loads nothing it does not need."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from dataprep.cli.arrow import do_without_pandas

Function = TypeVar("Function", bound=Callable[..., Any])
Option = Callable[[Function], Function]

HEADING: Final = "heading"
"""The attribute of an option that names its group."""


def group(heading: str, *options: Option[Any]) -> Option[Any]:
    """Returns one decorator that adds several options under a heading, in the order in which `--help` shows them."""

    def add(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
            setattr(command.__click_params__[-1], HEADING, heading)  # type: ignore[attr-defined]  # what click keeps them in
        return command

    return add


class Command(click.Command):
    """A command of `dataprep`, whose `--help` has a heading for each group of options, and the others at the end."""

    def invoke(self, context: click.Context) -> Any:
        """Runs it."""
        do_without_pandas()
        return super().invoke(context)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, HEADING, "Options"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)
