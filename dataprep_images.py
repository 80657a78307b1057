"""Says what is wrong where `import dataprep` is not this library. It lies beside the package, where no other library writes.

The unrelated library `dataprep` has files of the same names, `dataprep/__init__.py` among them: whichever of the two is installed
last overwrites those of the other, and uninstalling it removes them for both. So `dataprep_images.pth` calls `watch` when Python
starts, and the command `dataprep` begins here. That costs each start less than a millisecond: nothing is imported until needed.
"""

import sys

MARK = b"warn_of_namesake"
"""What this library's `dataprep/__init__.py` has in it, and no other."""

RESTORE = "pip install --force-reinstall --no-deps dataprep-images"


class Watch:
    """A finder of modules that finds none: it looks at what the others find as `dataprep`."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Warns where `dataprep` is something else, so that who wants that can have it.

        Raises:
            ImportError: If only a folder without a package is left.
        """
        if name != "dataprep" or (said := fault()) is None:
            return
        if said.startswith("dataprep-images is broken"):
            raise ImportError(said, name=name)
        import warnings

        warnings.warn(said, stacklevel=2)


def watch() -> None:
    """Looks at `dataprep` from now on, when it is imported."""
    sys.meta_path.insert(0, Watch())


def fault() -> str | None:
    """Returns what is wrong with what `import dataprep` finds, None where that is this library, or nothing."""
    from importlib.machinery import PathFinder

    found = PathFinder.find_spec("dataprep")
    if found is None:
        return None
    if found.origin is None:
        return (
            "dataprep-images is broken: the unrelated library `dataprep` was uninstalled, and with it went files that have the "
            f"same names in both; put them back: {RESTORE}"
        )
    with open(found.origin, "rb") as file:
        if MARK in file.read():
            return None
    other = namesake(found.origin)
    if other is None:
        return f"`import dataprep` gives {found.origin}, which is not dataprep-images: give that another name or place"
    return (
        f"`import dataprep` gives the unrelated library `dataprep` {other}, whose files have overwritten those of "
        f"dataprep-images; only one of them can be installed: pip uninstall -y dataprep && {RESTORE}"
    )


def namesake(origin: str) -> str | None:
    """Returns the version of the other library that is installed where a file `dataprep/__init__.py` lies, None if none is."""
    from pathlib import Path

    for info in Path(origin).parents[1].glob("dataprep-*.dist-info"):
        return info.name.removeprefix("dataprep-").removesuffix(".dist-info")
    return None


def main() -> None:
    """Runs the command `dataprep`, or says why it cannot be run."""
    if (said := fault()) is not None:
        sys.exit(f"Error: {said}")
    from dataprep.cli import main as command

    command()
