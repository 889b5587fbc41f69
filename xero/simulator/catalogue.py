"""Other settings of an organisation: tracking categories, branding themes and items.

Written as Xero shows them, so that one type is read, kept and answered.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from xero.simulator.elements import Element, id_of, text_of

ACTIVE = "ACTIVE"


class TrackingOption(
    msgspec.Struct, frozen=True, rename={"id": "TrackingOptionID", "name": "Name", "status": "Status"}
):
    id: str
    name: str
    status: str = ACTIVE


class TrackingCategory(
    msgspec.Struct,
    frozen=True,
    rename={"id": "TrackingCategoryID", "name": "Name", "status": "Status", "options": "Options"},
):
    id: str
    name: str
    options: tuple[TrackingOption, ...]
    status: str = ACTIVE


class BrandingTheme(msgspec.Struct, frozen=True, rename="pascal"):
    branding_theme_id: str = msgspec.field(name="BrandingThemeID")
    name: str
    sort_order: int
    created: str = msgspec.field(name="CreatedDateUTC")
    type: str = "INVOICE"


class SalesDetails(msgspec.Struct, frozen=True, rename="pascal"):
    unit_price: float
    account_code: str
    tax_type: str


class Item(msgspec.Struct, frozen=True, rename="pascal"):
    item_id: str = msgspec.field(name="ItemID")
    code: str
    name: str
    description: str
    sales_details: SalesDetails
    updated: str = msgspec.field(name="UpdatedDateUTC")
    is_tracked_as_inventory: bool = False
    is_sold: bool = True
    is_purchased: bool = False


class Tracked(msgspec.Struct, frozen=True):
    """An option that a line has been given, as Xero shows it in a line."""

    category_id: str = msgspec.field(name="TrackingCategoryID")
    option_id: str = msgspec.field(name="TrackingOptionID")
    name: str = msgspec.field(name="Name")
    option: str = msgspec.field(name="Option")


class Catalogue(msgspec.Struct):
    tracking: list[TrackingCategory] = []
    themes: list[BrandingTheme] = []
    items: list[Item] = []

    def has_item(self, code: str) -> bool:
        return any(item.code == code for item in self.items)

    def has_theme(self, theme_id: str) -> bool:
        return any(theme.branding_theme_id == theme_id for theme in self.themes)

    def find_tracked(self, sent: Element, errors: list[str]) -> Tracked | None:
        """The option that an entry of a line's Tracking names, by ids or by names."""
        category = _chosen(self.tracking, id_of(sent, "TrackingCategoryID"), text_of(sent, "Name"))
        if category is None:
            named = text_of(sent, "Name") or text_of(sent, "TrackingCategoryID") or ""
            errors.append(f"There is no ACTIVE tracking category with the name '{named}'")
            return None
        option = _chosen(category.options, id_of(sent, "TrackingOptionID"), text_of(sent, "Option"))
        if option is None:
            named = text_of(sent, "Option") or text_of(sent, "TrackingOptionID") or ""
            errors.append(
                f"The tracking option '{named}' is not an ACTIVE option of the category '{category.name}'"
            )
            return None
        return Tracked(category.id, option.id, category.name, option.name)


T = TypeVar("T", TrackingCategory, TrackingOption)


def _chosen(known: Sequence[T], chosen_id: str | None, name: str | None) -> T | None:
    active = [one for one in known if one.status == ACTIVE]
    if chosen_id is not None:
        return next((one for one in active if one.id == chosen_id), None)
    return next((one for one in active if name and one.name.casefold() == name.casefold()), None)
