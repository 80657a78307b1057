"""`dataprep completion`: what a shell needs to complete commands, flags and their values."""

import click

from dataprep.cli.command import Command


@click.command(
    cls=Command,
    examples=(
        'eval "$(dataprep completion bash)"                                   # in ~/.bashrc',
        'eval "$(dataprep completion zsh)"                                    # in ~/.zshrc',
        "dataprep completion fish > ~/.config/fish/completions/dataprep.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets SHELL complete commands, flags and values with the tab key; it is one of bash, zsh and fish."""
    import sys

    from click.shell_completion import get_completion_class

    from dataprep.cli import cli

    made = get_completion_class(shell)
    assert made is not None, "click knows these shells"
    sys.stdout.write(made(cli, {}, "dataprep", "_DATAPREP_COMPLETE").source() + "\n")
