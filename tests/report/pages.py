"""A page as a tree, made with the standard library's tokeniser: what a browser would see as elements and text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Node:
    """An element with its attributes, children and own text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def every(self, tag: str | None = None) -> Iterator[Node]:
        """This element and all below it, in order, of one tag or of any."""
        if tag is None or self.tag == tag:
            yield self
        for child in self.children:
            yield from child.every(tag)

    def one(self, tag: str) -> Node:
        """The first element with a tag below this one."""
        return next(self.every(tag))

    def text(self) -> str:
        """All text below, spaces squeezed, without-break spaces made plain."""
        words = [text for node in self.every() for text in node.texts]
        return " ".join(" ".join(words).replace("\u00a0", " ").split())


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("root")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        assert len(node.attributes) == len(attrs), f"attribute twice in <{tag}>"
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parse(page: str) -> Node:
    """The tree of a page; elements that are not closed, or closed out of order, are errors."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert builder.open == [builder.root], f"not closed: {[node.tag for node in builder.open[1:]]}"
    return builder.root
