"""Credit accounts of the user's own customers: hold before a call, capture what was used, release on failure.

    from kie_sync import KieClient
    from kie_sync.ledger import open_ledger

    ledger = open_ledger("customers.sqlite")
    ledger.create("ann", bonus=100)
    with KieClient(journal=True, ledger=ledger, account="ann") as client:
        ...

`Ledger` is the protocol that a credit system of one's own fulfils with four methods; `SqlLedger` is ours.
"""

from __future__ import annotations

from ..holds import Balance, FindingLedger, Hold, Ledger, Purpose, read_purpose
from .plans import opening_bonus, plan_for
from .settling import Settled, settle_holds
from .sql import SqlLedger, open_ledger
from .statements import Finding, Line

__all__ = [
    "Balance",
    "Finding",
    "FindingLedger",
    "Hold",
    "Ledger",
    "Line",
    "Purpose",
    "Settled",
    "SqlLedger",
    "open_ledger",
    "opening_bonus",
    "plan_for",
    "read_purpose",
    "settle_holds",
]
