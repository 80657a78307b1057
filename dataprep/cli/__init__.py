"""The command `dataprep`: one small module for each subcommand, and the exit codes that they share.

0    done
1    nothing was done: the source, the manifest or the folder for the results cannot be used
2    wrong usage: a flag or a pipeline file that cannot be understood
3    done, but a check failed: no image is kept, --fail-on found something, files were changed, the backends do not agree
4    done in part: the error says what is not, and the same command goes on
130  stopped by Ctrl-C: the same command goes on
"""

import os
import sys
from contextlib import suppress
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import Final, NoReturn

import click

from dataprep.cli.terminal import say
from dataprep.errors import DataprepError, PipelineError, suggestion

SUBCOMMANDS: Final = {
    "clean": "Find bad images and duplicates, and write a manifest.",
    "split": "Divide a manifest into train, val and test.",
    "info": "Print what a manifest says.",
    "why": "Say what decided about an image.",
    "diff": "Compare two manifests.",
    "report": "Write the page that shows a manifest, and open it.",
    "verify": "Read the images of a manifest, and list those that were changed.",
    "materialize": "Write the kept images of a manifest as a tree of folders.",
    "pack": "Write the kept images of a manifest as shards, which load faster.",
    "export": "Write the records of a manifest as CSV, JSON lines or a list of paths.",
    "quarantine": "Move the dropped images of a manifest out of the source.",
    "undo": "Move back what was moved to quarantine.",
    "bench": "Measure how fast images load, and find the bottleneck.",
    "parity": "Compare the batches of the CPU backend with those of DALI.",
    "demo": "Clean a messy folder of photographs, and score the result.",
    "completion": "Print what a shell needs to complete commands and flags.",
}
GROUPS: Final = {
    "Clean, look and decide": ("clean", "info", "why", "diff", "report"),
    "Use the result": ("split", "materialize", "pack", "export", "quarantine", "undo", "verify"),
    "Measure loading": ("bench", "parity"),
    "Begin": ("demo", "completion"),
}
"""Which commands stand together in help."""

EXAMPLES: Final = (
    "dataprep demo --open                       # a messy folder, cleaned: what does the report look like?",
    "dataprep clean photos -o cleaned --open    # your own",
    "dataprep why cleaned cat/0003.jpg",
)

EPILOG: Final = (
    "Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 3 done, but a check failed; 4 done in part; 130 stopped by Ctrl-C."
)


class Subcommands(click.Group):
    """Each is loaded when it is run: `clean` need not wait for what `bench` imports, nor `--help` for anything."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Returns the function of the same name in the module of that name."""
        if cmd_name not in SUBCOMMANDS:
            ctx.fail(f"No such command {cmd_name!r}: {suggestion(cmd_name, SUBCOMMANDS)}")
        command: click.Command = getattr(import_module(f"dataprep.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists all, in groups."""
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, SUBCOMMANDS[name]) for name in names])
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


@click.group(cls=Subcommands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(None, "-V", "--version", package_name="dataprep-images", prog_name="dataprep")
def cli() -> None:
    """From a pile of images to batches that a model can trust."""


def main() -> None:
    """Runs the command line and ends the process with one of the exit codes; an expected error is one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot show is spelt out
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(standalone_mode=False) or 0
        sys.stdout.flush()
    except click.ClickException as error:
        usage = StringIO()
        error.show(usage)
        _fail(2, *usage.getvalue().splitlines())
    except (click.Abort, KeyboardInterrupt):
        _fail(130, "Stopped. What was measured is saved; the same command goes on from there.")
    except DataprepError as error:
        _fail(_code(error), f"Error: {error}")
    except MemoryError:
        _fail(1, "Error: out of memory; run this where there is more, or with a smaller --workers")
    except OSError as error:
        _fail(1, f"Error: {error}")
    sys.exit(code)


def _code(error: DataprepError) -> int:
    """Returns the exit code of an error."""
    from dataprep.cli.outcome import PartlyError

    if isinstance(error, PartlyError):
        return 4
    return 2 if isinstance(error, PipelineError) else 1


def _fail(code: int, *lines: str) -> NoReturn:
    """Ends the process after some lines on standard error, or after none where that cannot be written to."""
    with suppress(OSError):
        for line in lines:
            say(line, error=True)
    _give_up_output()
    sys.exit(code)


def _give_up_output() -> None:
    """Lets what standard output could not take go nowhere: Python would try again at its end, and end with another code."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
