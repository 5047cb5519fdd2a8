"""``python -m sweeper``, and the ``sweeper`` command: a Ctrl-C while modules are imported is one, too."""

import gc

from sweeper.exits import exit_code, interruptible


def main() -> None:
    """Run the command line."""

    def command() -> None:
        # loaded late: a Ctrl-C meanwhile is one, too
        from sweeper.cli import app
        from sweeper.memory import collect_rarely, keep_freed_memory

        keep_freed_memory()
        collect_rarely()
        app()

    with interruptible(for_good=True):
        code = exit_code(command)
        gc.freeze()  # else the collector goes through all that was loaded as the interpreter ends: a second
        raise SystemExit(code)


if __name__ == "__main__":
    main()
