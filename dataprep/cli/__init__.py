"""The command `dataprep`: one small module for each subcommand, and the exit codes that they share.

0    done
1    nothing was done: the source, the manifest or the place for the results is no good
2    wrong usage: a flag or a pipeline file that cannot be understood
3    done, and what --fail-on names was found; or the backends do not agree
130  stopped by Ctrl-C: the same command goes on
"""

import sys

import click

from dataprep.cli.bench import bench
from dataprep.cli.clean import clean
from dataprep.cli.demo import demo
from dataprep.cli.parity import parity
from dataprep.cli.split import split
from dataprep.cli.undo import undo
from dataprep.errors import DataprepError, PipelineError

EPILOG = "Exit codes: 0 done; 1 nothing was done; 2 wrong usage; 3 --fail-on found something; 130 stopped by Ctrl-C."


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dataprep-images")
def cli() -> None:
    """From a pile of images to batches that a model can trust."""


cli.add_command(bench)
cli.add_command(clean)
cli.add_command(demo)
cli.add_command(parity)
cli.add_command(split)
cli.add_command(undo)


def main() -> None:
    """Runs the command line and ends the process with one of the exit codes; an expected error is one sentence."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was measured is saved; the same command goes on from there.", err=True)
        sys.exit(130)
    except DataprepError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, PipelineError) else 1)
