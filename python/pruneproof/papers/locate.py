"""Where in a TOML text each key stands: key path -> line number, which `tomllib` does not tell."""

import re
import tomllib

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
# Longest openers first; a quote or two may stand right before the closing triple.
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\n#]+")


def locate(text: str) -> dict[KeyPath, int]:
    r"""Return the line, from 1, of every table, key and array element of a valid TOML document.

    A path runs from the root through keys and array positions. A table that is opened twice (`[a.b]`, then `[a]`)
    stands where it is first named; an array of tables stands at its first element.

    >>> locate('title = "x"\n[[method]]\nsizes = [1,\n  2]\n')[("method", 0, "sizes", 1)]
    4
    """
    return _Scanner(text).document()


class _Scanner:
    """Walks through a document that `tomllib` has accepted, so it need not judge."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        """Where the line was last counted to; the walk never goes back."""
        self.lines: dict[KeyPath, int] = {}
        self.lengths: dict[KeyPath, int] = {}
        """Elements so far of each array of tables."""

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.lines

    def header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]` and return the path of the table that it opens."""
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        *parents, last = self.key()
        self.at += 2 if is_array else 1
        path: KeyPath = ()
        for part in parents:
            path = self.note((*path, part))
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        path = self.note((*path, last))
        if is_array:
            self.lengths[path] = self.lengths.get(path, 0) + 1
            path = self.note((*path, self.lengths[path] - 1))
        return path

    def pair(self, table: KeyPath) -> None:
        """Read `key = value` or `a.b = value` inside `table`."""
        path = table
        for part in self.key():
            path = self.note((*path, part))
        self.skip(_SPACE)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def key(self) -> list[str]:
        """Read a key, dotted or not, quoted or not."""
        parts: list[str] = []
        while True:
            self.skip(_SPACE)
            part = self.skip(_KEY)
            parts.append(next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part)
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def value(self, path: KeyPath) -> None:
        match self.text[self.at]:
            case '"' | "'":
                self.skip(_STRING)
            case "[":
                self.items("]", path, is_table=False)
            case "{":
                self.items("}", path, is_table=True)
            case _:
                self.skip(_SCALAR)

    def items(self, end: str, path: KeyPath, *, is_table: bool) -> None:
        """Read an array or an inline table up to its closing bracket."""
        self.at += 1
        position = 0
        while True:
            self.skip(_BLANK)
            match self.text[self.at]:
                case found if found == end:
                    self.at += 1
                    return
                case ",":
                    self.at += 1
                case _ if is_table:
                    self.pair(path)
                case _:
                    self.value(self.note((*path, position)))
                    position += 1

    def note(self, path: KeyPath) -> KeyPath:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        self.lines.setdefault(path, self.line)
        return path

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"not valid TOML at character {self.at}; check it with tomllib first")
        self.at = found.end()
        return found[0]
