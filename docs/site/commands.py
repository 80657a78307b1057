"""The reference of the command line, written from the commands themselves: usage, flags by heading, examples, exit codes."""

import html
import re
from collections.abc import Iterator
from typing import Final

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from dataprep.cli import EXAMPLES, GROUPS, SUBCOMMANDS, cli
from dataprep.cli.command import HEADING, Command

FLAG: Final = re.compile(r"(?<![\w`-])--[a-z][a-z-]*")
URI: Final = "reference/commands.md"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adds all commands to what their page begins with."""
    return "\n".join([markdown, *_page()]) if page.file.src_uri == URI else markdown


def _page() -> Iterator[str]:
    for heading, names in GROUPS.items():
        yield f"{heading}\n"
        yield from (f":   [`dataprep {name}`](#dataprep-{name}) {_text(SUBCOMMANDS[name])}\n" for name in names)
    yield from _examples(EXAMPLES)
    with click.Context(cli, info_name="dataprep") as parent:
        for names in GROUPS.values():
            for name in names:
                yield from _command(name, parent)


def _command(name: str, parent: click.Context) -> Iterator[str]:
    """Yields the section of a command."""
    command = cli.get_command(parent, name)
    assert isinstance(command, Command)
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## dataprep {name} {{ #dataprep-{name} }}\n\n```text\n{context.command_path} {usage}\n```\n"
    yield from (f"{_text(paragraph)}\n" for paragraph in (command.help or "").split("\n\n"))
    yield from _examples(command.examples)
    yield from _flags(command, context)
    yield "| exit code | meaning |\n|---|---|"
    yield from (f"| {code} | {_text(meaning)} |" for code, meaning in sorted(command.codes.items()))
    yield ""


def _examples(lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield "```bash\n" + "\n".join(lines) + "\n```\n"


def _flags(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yields the flags of a command under their headings, each with its variable."""
    shown = ""
    for option in command.get_params(context):
        record = option.get_help_record(context)
        heading = getattr(option, HEADING, "")
        if record is None or not heading:
            continue
        if heading != shown:
            yield f"**{heading}**{{ .flags }}\n"
            shown = heading
        variable = f"<br><small>`{option.envvar}`</small>" if option.envvar else ""
        yield f"`{record[0]}`\n:   {_text(record[1])}{variable}\n"


def _text(said: str) -> str:
    """Returns plain text as Markdown that shows it as it is, in one line; flags and what is between back quotes are code."""
    parts = html.escape(" ".join(said.split()), quote=False).split("`")
    plain = ("".join(f"\\{sign}" if sign in "*_[]|" else sign for sign in part) for part in parts[::2])
    parts[::2] = [FLAG.sub(r"`\g<0>`", part) for part in plain]
    return "`".join(parts)
