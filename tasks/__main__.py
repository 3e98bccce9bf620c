"""``python -m tasks NAME [WORD ...]``: run a task; without a name, list all."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # said before anything is imported that an older Python cannot read
    have = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"k2rel needs Python 3.11 or newer, and this is {have}: python3.11 -m tasks, or make PYTHON=python3.11")

from tasks.running import main

sys.exit(main(sys.argv[1:]))
