"""What a function is given for a manifest, checked at the door."""

from pathlib import Path

from dataprep.errors import ManifestError
from dataprep.manifest.manifest import Manifest


def check_manifest(given: object, where: str) -> None:
    """Checks that a function got a manifest, and no path of one, nor what else is easily taken for it.

    Raises:
        ManifestError: It did not.
    """
    if isinstance(given, Manifest):
        return
    advice = f"read it first: `Manifest.read({str(given)!r})`" if isinstance(given, str | Path) else "`dp.clean(...)` makes one"
    raise ManifestError(f"{where} takes a manifest, got {given!r:.200}; {advice}")
