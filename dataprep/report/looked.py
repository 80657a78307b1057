"""What was looked for at all, and what a distance means: what the page says so that "not checked" is not taken for "none"."""

import pyarrow.compute as pc

from dataprep.manifest import Manifest
from dataprep.protocols import Rule
from dataprep.stages import Deduplicate


def unchecked(manifest: Manifest) -> dict[str, str]:
    """Returns why there is nothing to say of duplicates, conflicts or leaks, for those of which it is so."""
    table = manifest.table
    if not any(getattr(rule, "finds_copies", False) for rule in manifest.pipeline.rules):
        return dict.fromkeys(("duplicates", "conflicts", "leaks"), "No rule looked for copies.")
    said = {}
    if pc.count_distinct(table["label"]).as_py() < 2:
        said["conflicts"] = "Pictures have no labels, or all the same one, so that copies cannot have two."
    if pc.count_distinct(table["split"]).as_py() < 2:
        said["leaks"] = "Pictures are not divided into splits yet, so that copies cannot lie in two."
    return said


def explain_distances(rules: tuple[Rule, ...]) -> str | None:
    """Returns what the distance of two copies means, in a sentence or two; None where no hashes were compared."""
    rule = next((rule for rule in rules if isinstance(rule, Deduplicate) and rule.by is not None), None)
    if rule is None or rule.by is None:
        return None
    proof = "" if rule.proof is None else " Hashes propose pairs only: small pictures of both had to agree, too."
    return (
        f"The distance is how many of the {rule.by.bits} bits of two hashes differ: 0 is the same hash, unrelated ones differ "
        f"in about {rule.by.unrelated}, and pairs up to {rule.radius} were compared.{proof}"
    )
