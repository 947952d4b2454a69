"""`Source`: where a method, model or schedule was published."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A citation precise enough to check an equation against."""

    authors: str
    year: int
    title: str
    arxiv: str = ""
    """arXiv identifier such as `1810.02340`, empty where there is none."""
    equation: str = ""
    """Equation, algorithm or section that defines the thing, e.g. `eq. 4`."""

    def __str__(self) -> str:
        """Return `Authors (year), arXiv id, equation`."""
        parts = [f"{self.authors} ({self.year})", f"arXiv {self.arxiv}" if self.arxiv else self.title, self.equation]
        return ", ".join(part for part in parts if part)
