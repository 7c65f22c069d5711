"""A card or a table tells how the stores behind it stand: one rule for all pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from xolite_qt.stores import Store, StoreState
from xolite_qt.ui.errors import Explained, explain
from xolite_qt.ui.widgets import Card, DataTable


def why(error: Exception | None) -> Explained:
    """What went wrong, in words."""
    return explain(error) if error is not None else Explained("This could not be loaded.")


def show_card_state(card: Card, *stores: Store[Any]) -> bool:
    """Make a card say loading, failed or stale, as the worst of its stores does.

    Returns:
        Whether there are rows to fill the card with.
    """
    states = [store.state for store in stores]
    if StoreState.FAILED in states and not _all_have_rows(stores):
        failed = next(store for store in stores if store.state is StoreState.FAILED)
        said = why(failed.error)
        card.set_error(said.summary, _retry(stores), details=said.advice)
        return False
    if StoreState.LOADING in states or StoreState.IDLE in states:
        card.set_loading()
        return False
    if StoreState.STALE in states or StoreState.FAILED in states:
        card.set_stale(_oldest(stores))
        return True
    card.set_ready()
    return True


def show_cards_state(cards: Iterable[Card], *stores: Store[Any]) -> bool:
    """`show_card_state` for several cards that live on the same stores."""
    ready = False
    for card in cards:
        ready = show_card_state(card, *stores)
    return ready


def show_table_state(
    table: DataTable, store: Store[Any], *, total: int, shown: int, empty: str, good: bool = False
) -> None:
    """Make a table say loading, failed, empty or "nothing found", or show its rows.

    Args:
        total: rows known.
        shown: rows that passed the filters.
        empty: what is said where there is none at all.
        good: whether none at all is good news.
    """
    if store.state is StoreState.FAILED and not total:
        said = why(store.error)
        table.show_hero(
            "error",
            said.summary,
            said.advice,
            action=table.tr("Try again"),
            on_action=store.retry,
        )
    elif store.state in (StoreState.LOADING, StoreState.IDLE) and not total:
        table.show_hero("loading", table.tr("Loading…"))
    elif not total:
        table.show_hero("good" if good else "empty", empty)
    elif not shown:
        table.show_hero("no-result", table.tr("Nothing matches the filter"))
    else:
        table.show_rows()


def _all_have_rows(stores: tuple[Store[Any], ...]) -> bool:
    return all(store.as_of is not None for store in stores)


def _oldest(stores: tuple[Store[Any], ...]) -> datetime | None:
    dates = [store.as_of for store in stores if store.as_of is not None]
    return min(dates, default=None)


def _retry(stores: tuple[Store[Any], ...]) -> Callable[[], None]:
    def retry() -> None:
        for store in stores:
            store.retry()

    return retry
