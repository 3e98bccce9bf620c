"""``python -m k2rel.cli`` is the command ``k2rel``."""

import sys

from k2rel.cli import main

sys.exit(main())
