"""What every command is: examples and flags under headings in its `--help`, and settings that files and variables may give.

A module of a command imports nothing heavy: what the command does is imported when it is done, so that help and the completion
of a shell answer at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from dataprep.cli.arrow import do_without_pandas
from dataprep.cli.settings import Settings, name_variables, read_settings

Function = TypeVar("Function", bound=Callable[..., Any])
Option = Callable[[Function], Function]

HEADING: Final = "heading"
"""The attribute of an option that names its group."""

VERBOSE: Final = "dataprep.verbose"
"""Where a context notes that all is to be told."""

CODES: Final = {0: "done", 1: "nothing was done", 2: "wrong usage", 130: "stopped by Ctrl-C"}
AGAIN: Final = {130: "stopped by Ctrl-C: run the same command to continue"}
PARTLY: Final = {4: "done in part, and the error says what is not"}
"""What exit codes mean; each command has its own beside."""


def group(heading: str, *options: Option[Any]) -> Option[Any]:
    """Returns one decorator that adds several options under a heading, in the order in which `--help` shows them."""

    def add(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
            setattr(command.__click_params__[-1], HEADING, heading)  # type: ignore[attr-defined]  # what click keeps them in
        return command

    return add


def printed(json: str | None = None, *, quiet: bool = True) -> Option[Any]:
    """Returns the options about what is printed.

    Args:
        json: What `--json` prints; None stands for no such flag.
        quiet: Whether there is something that `--quiet` can leave out.
    """
    options: list[Option[Any]] = []
    if json is not None:
        options.append(click.option("--json", "as_json", is_flag=True, help=f"Print {json} as JSON."))
    if quiet:
        options.append(click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."))
    options.append(
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            expose_value=False,
            callback=_note_verbose,
            help="Cut no list short, and say which settings come from pyproject.toml or from the environment.",
        )
    )
    return group("What is printed", *options)


def is_verbose() -> bool:
    """Returns whether the command that runs was asked to tell all."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(VERBOSE, False)


def _note_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    context.meta[VERBOSE] = value


class Command(click.Command):
    """A command of `dataprep`."""

    def __init__(
        self, *arguments: Any, examples: Sequence[str] = (), codes: Mapping[int, str] | None = None, **attributes: Any
    ) -> None:
        """Takes command lines to show in its help, and what exit codes mean beside the usual ones."""
        super().__init__(*arguments, **attributes)
        self.examples = tuple(examples)
        self.codes = {**CODES, **(codes or {})}
        self.settings = Settings(self, None, {})
        name_variables(self)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Reads the command line, and what files and variables say where it says nothing.

        Raises:
            UsageError: One of them cannot be understood; of a file or a variable it is named.
        """
        wants_help = not {"-h", "--help"}.isdisjoint(args)
        self.settings = read_settings(self, lenient=wants_help)
        return super().make_context(info_name, args, parent, default_map=self.settings.values, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the arguments; an error about a value says where it is from."""
        ctx.meta[VERBOSE] = not {"-v", "--verbose"}.isdisjoint(args)  # for help, which ends the reading
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            origin = error.param and self.settings.origin(ctx, error.param)
            if origin:
                raise click.BadParameter(f"{error.message} (from {origin})", ctx, error.param, error.param_hint) from error
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Runs it."""
        if is_verbose():
            from dataprep.cli.terminal import say

            for line in self.settings.lines(ctx):
                say(line, error=True)
        do_without_pandas()
        return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what it does, and examples."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options, those of a group under its heading."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                name, text = record
                if ctx.meta.get(VERBOSE):
                    text += self.settings.note(ctx, parameter)
                groups.setdefault(getattr(parameter, HEADING, "Help"), []).append((name, text))
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what the exit codes mean."""
        said = "; ".join(f"{code} {meaning}" for code, meaning in sorted(self.codes.items()))
        formatter.write_paragraph()
        formatter.write_text(f"Exit codes: {said}.")
