"""The lines that notebooks show: whatever names and labels hold is text there, never markup."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from dataprep.html import LONG, card, few

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=40)


class Parts(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


@given(TEXT, TEXT, TEXT)
def test_everything_is_text(title: str, name: str, value: str) -> None:
    """A title, a name and a value come out as they went in, between the tags of a table."""
    parts = Parts(card(title, [(name, value)]))
    assert parts.tags == ["div", "strong", "table", "tr", "td", "td"]
    assert parts.texts == ["", title, "", "", name, value]


def test_what_is_long_is_cut() -> None:
    """A value of many characters ends in dots."""
    assert Parts(card("", [("", "x" * 9999)])).texts[-1] == "x" * LONG + "…"


@given(st.dictionaries(TEXT, st.integers(0, 9), max_size=12), st.integers(1, 12))
def test_counts_add_up(counts: dict[str, int], most: int) -> None:
    """The names that are not shown are counted."""
    said = few(counts, most)
    assert said.endswith(f"and {len(counts) - most} more") == (len(counts) > most)
