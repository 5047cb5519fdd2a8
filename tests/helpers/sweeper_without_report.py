"""The command line without figures and page, which take longer than the runs of these tests.

Usage: python sweeper_without_report.py run study.toml …
"""

from pathlib import Path

from sweeper.cli import main
from sweeper.result import Result


def _no_report(self: Result, folder: str | Path, **options: object) -> Path:
    return Path(folder) / "index.html"


def run() -> None:
    """The command that ``sys.argv`` names."""
    Result.report = _no_report  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run()
