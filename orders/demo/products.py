"""The demo shop's products, countries, payment methods, carriers and reasons."""

from __future__ import annotations

from typing import Final

#: Code, name, price in pounds.
PRODUCTS: Final = (
    ("KIT-101", "Stoneware mug, oat", "12.50"),
    ("KIT-102", "Stoneware mug, ink", "12.50"),
    ("KIT-103", "Cereal bowl, oat", "14.00"),
    ("KIT-104", "Dinner plate, ink", "18.00"),
    ("KIT-105", "Serving platter, oval", "34.00"),
    ("KIT-110", "Enamel teapot, 1.2 l", "29.50"),
    ("KIT-111", "Pour-over coffee set", "36.00"),
    ("KIT-112", "Paper filters, pack of 100", "6.25"),
    ("KIT-120", "Olive wood spatula", "9.75"),
    ("KIT-121", "Walnut chopping board", "42.00"),
    ("KIT-122", "Cast iron skillet, 26 cm", "58.00"),
    ("KIT-123", "Copper measuring cups", "24.95"),
    ("KIT-130", "Linen tea towel, stripe", "11.00"),
    ("KIT-131", "Linen apron, sage", "38.00"),
    ("KIT-132", "Oven gloves, quilted", "19.50"),
    ("KIT-140", "Storage jar, 0.5 l", "8.40"),
    ("KIT-141", "Storage jar, 1 l", "10.80"),
    ("KIT-142", "Bread bin, ash lid", "49.00"),
    ("HOM-201", "Beeswax candle, pair", "13.00"),
    ("HOM-202", "Scented candle, fig", "22.00"),
    ("HOM-203", "Scented candle, cedar", "22.00"),
    ("HOM-204", "Brass candle holder", "27.50"),
    ("HOM-210", "Wool blanket, heather", "89.00"),
    ("HOM-211", "Cotton throw, indigo", "54.00"),
    ("HOM-212", "Cushion cover, rust", "26.00"),
    ("HOM-213", "Feather cushion, 50 cm", "17.00"),
    ("HOM-220", "Reading lamp, brass", "118.00"),
    ("HOM-221", "Paper pendant shade", "32.00"),
    ("HOM-222", "Filament bulb, E27", "7.95"),
    ("HOM-230", "Wall hook, oak, set of 3", "21.00"),
    ("HOM-231", "Picture frame, A4", "16.50"),
    ("HOM-232", "Seagrass basket, large", "39.00"),
    ("HOM-233", "Doormat, coir", "28.00"),
    ("HOM-240", "Rain gauge, glass", "15.75"),
    ("GAR-301", "Copper watering can", "64.00"),
    ("GAR-302", "Hand trowel, ash", "18.50"),
    ("GAR-303", "Pruning shears", "31.00"),
    ("GAR-304", "Jute twine, 100 m", "5.60"),
    ("GAR-305", "Seed box, wildflowers", "12.00"),
    ("GAR-306", "Terracotta pot, 18 cm", "9.20"),
    ("GAR-307", "Terracotta pot, 25 cm", "14.60"),
    ("GAR-308", "Bird feeder, oak", "44.00"),
    ("GAR-309", "Lantern, zinc", "33.00"),
    ("PAP-401", "Notebook, dotted, A5", "10.50"),
    ("PAP-402", "Weekly planner", "14.95"),
    ("PAP-403", "Letterpress cards, set of 8", "16.00"),
    ("PAP-404", "Wrapping paper, stars", "4.75"),
    ("PAP-405", "Fountain pen, matte black", "47.00"),
    ("PAP-406", "Ink, bottle, midnight", "13.40"),
    ("PAP-407", "Desk calendar", "18.00"),
    ("BAT-501", "Waffle bath towel", "29.00"),
    ("BAT-502", "Waffle hand towel", "15.00"),
    ("BAT-503", "Olive oil soap", "6.80"),
    ("BAT-504", "Soap dish, slate", "12.25"),
    ("BAT-505", "Bath salts, lavender", "17.50"),
    ("BAT-506", "Cedar bath mat", "46.00"),
    ("KID-601", "Wooden train, 3 parts", "27.00"),
    ("KID-602", "Stacking rings", "19.00"),
    ("KID-603", "Knitted rabbit", "24.50"),
    ("KID-604", "Night light, moon", "35.00"),
)
#: The destination countries, and how many of a hundred orders go there.
COUNTRY_WEIGHTS: Final = {
    "United Kingdom": 62,
    "Ireland": 9,
    "France": 8,
    "Germany": 8,
    "Netherlands": 5,
    "Norway": 3,
    "Spain": 3,
    "Japan": 1,
    "Australia": 1,
}
PAYMENT_METHODS: Final = ("card", "card", "card", "paypal", "bank_transfer")
CARRIERS: Final = ("Royal Mail", "DPD", "Evri", "DHL")
DECLINE_REASONS: Final = ("insufficient funds", "card expired", "3-D Secure failed", "suspected fraud")
CANCELLATION_REASONS: Final = (
    "changed my mind",
    "found it cheaper elsewhere",
    "ordered twice by mistake",
    "delivery would take too long",
    "wrong address",
)
RETURN_REASONS: Final = (
    "arrived damaged",
    "not as described",
    "wrong size",
    "unwanted gift",
    "colour differs from the photo",
)
CREDIT_REASONS: Final = (
    "late delivery",
    "goodwill after a complaint",
    "price promise",
    "missing part replaced locally",
)
WRITE_OFF_REASONS: Final = ("damaged in the warehouse", "missing at the count", "water damage", "display piece")
