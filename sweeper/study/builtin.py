"""The studies that ship with the package."""

from pathlib import Path


def builtin_studies() -> dict[str, Path]:
    """name -> file of every study that ships with the package."""
    package = Path(__file__).resolve().parents[1]
    folder = package / "studies"  # in a wheel
    if not folder.is_dir():
        folder = package.parent / "studies"  # in a checkout
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}
