"""Files that are whole or as they were, whatever happens while they are written."""

import os
from pathlib import Path


def write_atomically(file: Path, content: str | bytes) -> None:
    """Write to a temporary file beside `file`, sync, rename. Text is UTF-8 with plain newlines."""
    temporary = file.with_name(file.name + ".tmp")
    with temporary.open("wb") as sink:
        sink.write(content.encode("utf-8") if isinstance(content, str) else content)
        sink.flush()
        os.fsync(sink.fileno())
    temporary.replace(file)
