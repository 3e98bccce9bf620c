"""The same chunks on the workers of a Dask cluster that the user names."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from k2rel.errors import K2relError
from k2rel.parallel import connected, in_order, is_lost
from k2rel.simulation.kernel.records import Sums
from k2rel.simulation.model import SiteModel
from k2rel.simulation.plan import Plan
from k2rel.simulation.prepared import Prepared

__all__ = ["cluster"]


@lru_cache(maxsize=4)
def _prepared(inputs: bytes) -> Prepared:
    """A site, prepared once on each worker."""
    return Prepared(SiteModel(*pickle.loads(inputs)))


def _chunk(inputs: bytes, plan: Plan, first: int, last: int) -> Sums:
    return _prepared(inputs).chunk(plan, first, last)


class _Cluster:
    """Chunks on a cluster; a chunk whose worker dies is run again by another one, and counted once."""

    def __init__(self, client: Any, site: SiteModel, plan: Plan) -> None:
        self.client = client
        self.plan = plan
        self.inputs = pickle.dumps((site.study, site.organisation, site.circumstances))

    def chunks(self, ranges: list[tuple[int, int]]) -> Iterator[Sums]:
        """Run chunks, and give their sums in order."""
        ahead = 3 * max(1, sum(self.client.nthreads().values()))
        inputs = self.client.scatter(self.inputs, broadcast=True)

        def submit(n: int) -> Any:
            return self.client.submit(_chunk, inputs, self.plan, *ranges[n], pure=False, retries=5)

        for (first, end), future in zip(ranges, in_order(len(ranges), ahead, submit), strict=True):
            try:
                yield future.result()
            except (K2relError, KeyboardInterrupt):
                raise
            except Exception as error:
                if is_lost(self.client, error):
                    raise
                raise K2relError(
                    f"scheduler: the cluster could not run histories {first:,} to {end:,}: "
                    f"{type(error).__name__}: {str(error)[:200]}"
                ) from None


@contextmanager
def cluster(site: SiteModel, plan: Plan, address: str) -> Iterator[_Cluster]:
    """Connect to a scheduler.

    Examples
    --------
    >>> from k2rel.organisation import Organisation
    >>> from k2rel.simulation import Circumstances, Plan
    >>> from k2rel.studies import study
    >>> with cluster(SiteModel(study("L1"), Organisation(), Circumstances()), Plan(), "nonsense"):
    ...     pass
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: scheduler 'nonsense': an address such as tcp://host:8786 is needed
    """
    with connected(address) as client:
        yield _Cluster(client, site, plan)
