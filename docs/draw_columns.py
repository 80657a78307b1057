"""Writes the table of columns in README.md, between the two marks, from `dataprep.columns`.

python docs/draw_columns.py
"""

import re
from pathlib import Path

from dataprep.columns import COLUMNS

README = Path(__file__).parents[1] / "README.md"
ARROW = {"float": "float32"}  # what Arrow prints leaves its size to be known
MARKS = ("<!-- columns, written by docs/draw_columns.py -->", "<!-- end of columns -->")


def table() -> str:
    """Returns a line for each column; columns of one type and meaning share it."""
    lines: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for filler, columns in COLUMNS.items():
        for column in columns:
            names, fillers = lines.setdefault((str(column.type), column.meaning), ({}, {}))
            names[f"`{column.name}`"] = None
            fillers[f"`{filler}`" if filler[0].isupper() else filler] = None
    head = "| columns | type | what | filled by |\n|---|---|---|---|\n"
    return head + "".join(
        f"| {', '.join(names)} | `{ARROW.get(kind, kind)}` | {meaning} | {', '.join(fillers)} |\n"
        for (kind, meaning), (names, fillers) in lines.items()
    )


def insert(text: str) -> str:
    """Returns the text of the README with the table between the marks."""
    begin, end = map(re.escape, MARKS)
    text, count = re.subn(f"(?<={begin}\n\n).*?(?=\n{end})", lambda _: table(), text, flags=re.DOTALL)
    assert count == 1, "README.md has the two marks once each"
    return text


if __name__ == "__main__":
    README.write_text(insert(README.read_text(encoding="utf-8")), encoding="utf-8")
