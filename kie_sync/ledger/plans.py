"""Packages of credits for the customer's accounts: the catalog's plans, without those that the platform sells to us."""

from __future__ import annotations

from typing import Dict, Optional

from ..catalog import Catalog
from ..definitions import Plan
from ..errors import KieInputError, Problem
from ..params import nearest


def plan_for(catalog: Catalog, name: str) -> Plan:
    """The plan of this name.

    Raises:
        KieInputError: there is none, or the platform sells it to us.
    """
    plans = _sold_to_customers(catalog)
    if name not in plans:
        hint = nearest(name, plans) or ";"
        why = "is what the platform sells to you" if name in catalog.plans else "is no plan of the catalog"
        message = f"{name} {why}{hint} there are: {', '.join(plans) or 'none'}"
        raise KieInputError("ledger", [Problem("values", "plan", message)])
    return plans[name]


def opening_bonus(catalog: Catalog) -> Optional[Plan]:
    """What a new account is given: the catalog's first plan for customers that costs nothing; None without one."""
    return next((plan for plan in _sold_to_customers(catalog).values() if not plan.price), None)


def _sold_to_customers(catalog: Catalog) -> Dict[str, Plan]:
    platforms = {provider.title for provider in catalog.providers.values()}
    return {name: plan for name, plan in catalog.plans.items() if plan.seller not in platforms}
