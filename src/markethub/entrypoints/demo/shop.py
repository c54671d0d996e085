"""What the demo shop sells. Prices are known here alone: a page only names what is bought."""

from collections.abc import Mapping
from typing import Final

import attrs

from markethub.domain.ids import CustomerId
from markethub.domain.money import Currency, Money
from markethub.domain.order import Cart, Line

CURRENCY: Final = Currency.of("usd")
SHIPPING: Final = Money(minor=490, currency=CURRENCY)
QUANTITY_MAXIMUM: Final = 9
"""Of one product in a cart; a demo needs no more."""


@attrs.frozen(kw_only=True)
class Product:
    """Something to buy. ``picture`` names its drawing in the templates."""

    sku: str
    title: str
    note: str
    price: Money
    picture: str


def _product(sku: str, title: str, note: str, price: int, picture: str) -> Product:
    money = Money(minor=price, currency=CURRENCY)
    return Product(sku=sku, title=title, note=note, price=money, picture=picture)


PRODUCTS: Final = (
    _product("sencha", "Sencha, first flush", "Japan. Fresh, grassy. 100 g", 1850, "tin"),
    _product("earl-grey", "Earl Grey", "Ceylon, oil of bergamot. 100 g", 1400, "packet"),
    _product("matcha", "Matcha, ceremonial", "Uji. Stone-ground. 30 g", 2900, "bowl"),
    _product("teapot", "Stoneware teapot", "Glazed by hand. 0.9 l", 6400, "teapot"),
    _product("cups", "Two tea cups", "To go with the teapot. 0.2 l", 3200, "cups"),
    _product("whisk", "Bamboo whisk", "For matcha. 80 prongs", 2450, "whisk"),
)
BY_SKU: Final[Mapping[str, Product]] = {product.sku: product for product in PRODUCTS}


def cart_of(customer_id: CustomerId, quantities: Mapping[str, int]) -> Cart:
    """Return what an order of these quantities is, at our prices."""
    lines = tuple(
        Line(
            sku=product.sku,
            title=product.title,
            unit_price=product.price.minor,
            quantity=quantities[product.sku],
        )
        for product in PRODUCTS
        if product.sku in quantities
    )
    return Cart(customer_id=customer_id, currency=CURRENCY, lines=lines, shipping=SHIPPING.minor)
