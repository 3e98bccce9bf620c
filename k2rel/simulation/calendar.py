"""On which days parts are tested, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from k2rel.rates import Law
from k2rel.studies import Study

__all__ = ["calendar"]


def calendar(study: Study, parts: Sequence[str]) -> dict[str, Any]:
    """Lay out the tests of parts."""
    laws = [study.law(name) for name in parts]
    tested = [law if isinstance(law, Law) and law.test_interval_h > 0 else None for law in laws]
    days = [() if law is None else (0.0,) if law.tested_independently else law.test_days_h for law in tested]
    count = np.array([len(entry) for entry in days], dtype=np.int64)
    return {
        "test_h": np.array([0.0 if law is None else law.test_interval_h for law in tested]),
        "test_at": np.cumsum(count) - count,
        "test_n": count,
        "test_day_h": np.array([day for entry in days for day in entry], dtype=np.float64),
        "any_day": np.array([law is not None and law.tested_independently for law in tested], dtype=np.uint8),
    }
