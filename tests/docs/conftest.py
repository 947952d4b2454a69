"""The repository's pages."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSIDE = {"target", "dist", "node_modules", "site"}
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part in OUTSIDE or part.startswith((".", "_")) for part in path.relative_to(ROOT).parts)
)


def pytest_generate_tests(metafunc):
    """Give each test with a parameter `page` every page of the repository."""
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])
