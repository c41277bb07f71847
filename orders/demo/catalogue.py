"""What the demo shop shows beside names and prices: shelves, descriptions, pictures, ways of delivery."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from orders.demo.products import PRODUCTS
from orders.models import Category, DeliveryOption, Product

#: Slug, name, what is on the shelf, by the beginning of the codes of its products.
SHELVES: Final = {
    "KIT": ("kitchen", "Kitchen", "For cooking, baking and a long breakfast."),
    "HOM": ("home", "Home", "Light, wool and linen for the rooms you live in."),
    "GAR": ("garden", "Garden", "Tools and pots that get better with use."),
    "PAP": ("paper", "Paper and desk", "To write, wrap and plan with."),
    "BAT": ("bath", "Bath", "Towels, soap and what belongs beside them."),
    "KID": ("children", "Children", "Toys of wood and wool, and a light for the night."),
}
#: Code, name, what it is, price, and from which value of the goods it is free.
DELIVERIES: Final = (
    ("standard", "Standard delivery", "Three to five working days.", "3.95", "50.00"),
    ("express", "Express delivery", "The next working day, with tracking.", "7.95", None),
    ("collect", "Collect in the shop", "Ready in two hours; bring the number of your order.", "0.00", None),
)
#: One sentence about each product, by code.
DESCRIPTIONS: Final = {
    "KIT-101": "Thrown by hand and glazed in a warm oat; it holds 350 ml and goes into the dishwasher.",
    "KIT-102": "The same 350 ml mug with a deep blue glaze that breaks brown at the rim.",
    "KIT-103": "Wide and low, for cereals, soup or a salad for one. 16 cm across.",
    "KIT-104": "A dinner plate of 27 cm with a dark rim that frames what is on it.",
    "KIT-105": "For a roast or a tart: 38 cm of white stoneware with a raised rim.",
    "KIT-110": "Light enamel on steel, with a strainer in the spout. For gas, induction and the fire.",
    "KIT-111": "Dripper and glass jug for four cups; the filters are sold beside it.",
    "KIT-112": "Unbleached cone filters for two to four cups.",
    "KIT-120": "Cut from one piece of olive wood, 30 cm long, oiled and ready for the pan.",
    "KIT-121": "End grain walnut with a juice groove, 40 by 28 cm. Oil it twice a year.",
    "KIT-122": "Seasoned with linseed oil; from the hob to the oven to the table.",
    "KIT-123": "Four cups from 60 to 240 ml with handles that do not bend.",
    "KIT-130": "Half linen, half cotton, 50 by 70 cm: it dries glasses without a lint.",
    "KIT-131": "Stone-washed linen with crossed straps and two deep pockets.",
    "KIT-132": "Quilted cotton with a heatproof lining, a pair.",
    "KIT-140": "Clear glass with a beech lid that seals, for tea, spices and rice.",
    "KIT-141": "The larger jar of the series; lids fit both sizes.",
    "KIT-142": "Powder-coated steel with an ash lid that doubles as a board.",
    "HOM-201": "Two hand-dipped candles of pure beeswax, 20 cm, eight hours each.",
    "HOM-202": "Fig leaf and green wood in soy wax; burns for forty hours.",
    "HOM-203": "Cedar, smoke and a little resin in soy wax; burns for forty hours.",
    "HOM-204": "Solid brass on a wide foot, for candles of 22 mm.",
    "HOM-210": "Woven in Yorkshire from lambswool, 130 by 180 cm, with a short fringe.",
    "HOM-211": "Light cotton in two blues, 130 by 170 cm, for sofas and summer nights.",
    "HOM-212": "Heavy linen with a hidden zip, for cushions of 50 cm.",
    "HOM-213": "Duck feathers in a cotton cover; fits our covers of 50 cm.",
    "HOM-220": "A brass arm that turns and a paper shade; 1.8 m of cloth cable.",
    "HOM-221": "Folded by hand from washi paper, 50 cm, for the bulbs we sell beside it.",
    "HOM-222": "A warm LED filament of 4 W that looks like a bulb of 40 W.",
    "HOM-230": "Three oak hooks with steel pegs and the screws to put them up.",
    "HOM-231": "Oak and real glass for a sheet of A4, to stand or to hang.",
    "HOM-232": "Woven from seagrass, 40 cm high, for wood, wool or washing.",
    "HOM-233": "Coir on a back that does not slip, 45 by 75 cm.",
    "HOM-240": "A glass tube with a scale to 40 mm, on an oak stake.",
    "GAR-301": "Five litres of hammered copper with a fine rose; it ages to brown.",
    "GAR-302": "A forged blade on an ash handle that sits well in the hand.",
    "GAR-303": "Carbon steel that can be sharpened, with a leather loop.",
    "GAR-304": "Three-ply jute on a spool: ties tomatoes and parcels.",
    "GAR-305": "Twelve native flowers for two square metres, from March to October.",
    "GAR-306": "Fired in Italy, with a hole; it stands the frost.",
    "GAR-307": "The larger pot, for herbs that have outgrown the window.",
    "GAR-308": "Oak with a copper roof; holds half a kilo of seeds.",
    "GAR-309": "Zinc and glass for a candle, 30 cm, for table or tree.",
    "PAP-401": "160 dotted pages of 100 g paper that lies flat.",
    "PAP-402": "Fifty undated weeks, a spread each, in a card cover.",
    "PAP-403": "Eight cards printed from lead type, with kraft envelopes.",
    "PAP-404": "Three sheets of 70 by 50 cm with copper stars.",
    "PAP-405": "A steel nib in a metal body; with a converter for ink.",
    "PAP-406": "50 ml of blue-black ink that survives water.",
    "PAP-407": "A month on each page, with moons and room to write.",
    "BAT-501": "Waffle cotton that dries fast, 70 by 140 cm.",
    "BAT-502": "The hand towel of the series, 50 by 90 cm.",
    "BAT-503": "Cold-made from olive oil, 120 g, without perfume.",
    "BAT-504": "A slab of Welsh slate with a groove that drains.",
    "BAT-505": "Sea salt with lavender from Norfolk, 500 g.",
    "BAT-506": "Cedar slats on rubber feet, 60 by 40 cm; it dries in an hour.",
    "KID-601": "Engine and two cars of beech, painted with milk paint. From one year.",
    "KID-602": "Four rings on a peg, in colours that are safe to chew. From ten months.",
    "KID-603": "Knitted in Peru from alpaca; every rabbit is a little different.",
    "KID-604": "A moon of warm light that goes out by itself after an hour.",
}


def store_catalogue() -> None:
    """Store shelves, products and deliveries that are not there yet."""
    Category.objects.bulk_create(
        [Category(slug, name, about, place) for place, (slug, name, about) in enumerate(SHELVES.values())],
        ignore_conflicts=True,
    )
    DeliveryOption.objects.bulk_create(
        [
            DeliveryOption(
                code=code,
                name=name,
                about=about,
                price=Decimal(price),
                free_from=Decimal(free_from) if free_from else None,
                position=place,
            )
            for place, (code, name, about, price, free_from) in enumerate(DELIVERIES)
        ],
        ignore_conflicts=True,
    )
    Product.objects.bulk_create([demo_product(*row) for row in PRODUCTS], ignore_conflicts=True)


def demo_product(sku: str, name: str, price: str) -> Product:
    return Product(
        sku=sku,
        name=name,
        price=Decimal(price),
        description=DESCRIPTIONS[sku],
        category_id=SHELVES[sku[:3]][0],
        picture=f"products/{sku}.svg",
        picture_shows=f"A drawing of the product: {name}",
    )
