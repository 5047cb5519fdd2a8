"""``python -m sweeper``, and the ``sweeper`` command: a Ctrl-C while modules are imported is one, too."""

from sweeper.exits import exit_code, interruptible


def main() -> None:
    """Run the command line."""

    def command() -> None:
        # loaded late: a Ctrl-C meanwhile is one, too
        from sweeper.cli import app

        app()

    with interruptible(for_good=True):
        raise SystemExit(exit_code(command))


if __name__ == "__main__":
    main()
