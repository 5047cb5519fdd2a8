"""A question to a fresh Python process, and its answer, both as JSON."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def answer_of(code: str, question: Any, folder: Path) -> Any:
    """What ``python -c code``, run in `folder`, prints last; it reads `question` from stdin."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
