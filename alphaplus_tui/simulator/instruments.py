"""The instruments the demo exchange lists: names, price levels, decimals and how busy each is."""

from dataclasses import dataclass

QUOTE = "USDT"
MOST = 500

# base, price level, decimals of the price, decimals of the quantity, relative activity
_KNOWN = """
BTC 64000 2 5 100|ETH 3100 2 4 80|SOL 150 2 3 52|BNB 580 2 3 30|XRP 0.62 4 1 40|DOGE 0.14 5 0 34|ADA 0.46 4 1 18
TRX 0.125 4 1 12|AVAX 29 2 2 15|LINK 14.5 2 2 15|DOT 6.1 3 2 10|LTC 78 2 3 11|BCH 410 1 3 7|SUI 1.45 4 1 20
NEAR 5.2 3 1 11|APT 8.3 3 2 9|UNI 8.8 3 2 8|ATOM 6.9 3 2 7|ETC 24 2 2 6|XLM 0.105 4 0 7|FIL 4.6 3 2 6
ARB 0.82 4 1 10|OP 1.9 3 2 8|HBAR 0.078 5 0 6|ICP 9.2 3 2 5|INJ 22 2 2 7|AAVE 105 2 3 6|VET 0.026 5 1 4
ALGO 0.145 4 0 4|GRT 0.19 4 0 4|FTM 0.58 4 0 8|SAND 0.34 4 0 3|MANA 0.36 4 0 3|AXS 6.3 3 2 3|THETA 1.55 3 1 3
EGLD 34 2 2 2|XTZ 0.76 3 1 2|EOS 0.62 4 1 3|FLOW 0.68 3 2 2|CHZ 0.071 4 0 3|CRV 0.33 4 1 4|MKR 2500 1 4 3
LDO 1.6 3 2 4|SNX 2.1 3 1 2|COMP 52 2 3 2|ENJ 0.18 4 1 2|ZEC 24 2 3 2|DASH 26 2 3 2|KSM 24 2 3 1|ROSE 0.082 5 1 2
GALA 0.026 5 0 4|IMX 1.5 3 2 3|DYDX 1.3 3 2 3|STX 1.75 3 1 4|SEI 0.38 4 1 6|TIA 6.4 3 2 6|WLD 2.4 3 1 7
JUP 0.88 4 1 5|ENS 19 2 2 3|PENDLE 4.3 3 1 3
"""

_FIRST = ("AL", "BE", "CO", "DU", "EK", "FA", "GO", "HI", "IX", "JO", "KU", "LO", "MI", "NU", "OR", "PA", "QI", "RE")
_SECOND = ("RA", "VEX", "NIS", "TOR", "LUM", "DAR", "KIN", "ZO", "MET", "PIX", "GEN", "SYL", "BIT", "CAP", "FLO")
_THIRD = ("", "X", "O")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed symbol; prices are whole ticks and quantities whole lots everywhere inside."""

    symbol: str
    base: str
    quote: str
    index: int
    level: float
    """The price that the walk stays around."""
    price_decimals: int
    quantity_decimals: int
    activity: float
    """How busy it is, relative to the others."""

    @property
    def tick(self) -> float:
        return 10.0**-self.price_decimals

    @property
    def lot(self) -> float:
        return 10.0**-self.quantity_decimals

    def price(self, ticks: int) -> str:
        """As the exchange writes prices: eight decimals."""
        return f"{ticks / 10**self.price_decimals:.8f}"

    def quantity(self, lots: int) -> str:
        return f"{lots / 10**self.quantity_decimals:.8f}"

    def value(self, tick_lots: int) -> str:
        """Price times quantity, summed in whole tick-lots, digit for digit."""
        decimals = self.price_decimals + self.quantity_decimals
        whole, part = divmod(tick_lots, 10**decimals)
        return f"{whole}.{part:0{decimals}d}".ljust(len(str(whole)) + 9, "0") if decimals else f"{whole}.00000000"


def _generated(index: int) -> Instrument:
    n = index * 7 % (len(_FIRST) * len(_SECOND) * len(_THIRD))
    base = (
        _FIRST[n % len(_FIRST)] + _SECOND[n // len(_FIRST) % len(_SECOND)] + _THIRD[n // (len(_FIRST) * len(_SECOND))]
    )
    level, price_decimals, quantity_decimals = (
        (0.0184, 6, 0),
        (0.47, 4, 1),
        (3.65, 3, 1),
        (17.2, 3, 2),
        (92.0, 2, 3),
    )[index % 5]
    level *= 0.6 + 0.8 * (index * 37 % 101) / 101
    return Instrument(base + QUOTE, base, QUOTE, index, level, price_decimals, quantity_decimals, 40.0 / index)


def listed(count: int) -> tuple[Instrument, ...]:
    """The first ``count`` instruments: known names first, then generated ones, at most ``MOST``."""
    if not 1 <= count <= MOST:
        raise ValueError(f"symbols must be between 1 and {MOST}, not {count}")
    known: list[Instrument] = []
    for index, row in enumerate(_KNOWN.replace("\n", "|").strip("|").split("|")):
        base, level, price_decimals, quantity_decimals, activity = row.split()
        known.append(
            Instrument(
                base + QUOTE,
                base,
                QUOTE,
                index,
                float(level),
                int(price_decimals),
                int(quantity_decimals),
                float(activity),
            )
        )
    return (*known[:count], *(_generated(index) for index in range(len(known), count)))
