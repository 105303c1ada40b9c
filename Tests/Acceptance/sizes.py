"""How large the proofs of docs/reliability.md are: in every run, and in `scripts/proofs`.

A size that stands in the environment goes before both: R10_LEADS=500 python3 -m unittest …
"""

import os

SIZES = {
    # name: (in every run, in scripts/proofs)
    "R01_KILLS": (20, 1000),
    "R02_CUTS": (2, 200),
    "R03_RUNS": (4, 600),
    "R04_FILLS": (5, 100),
    "R05_SECONDS": (2, 300),
    "R07_JUMPS": (10, 200),
    "R10_LEADS": (300, 20_000),
    "R11_TRAPS": (3, 10),
    "R12_EDITS": (100, 1000),
    "R12_SECONDS": (0, 600),
    "R12_RATE": (0, 500),
    "R12_RULES": (0, 1000),
    "R16_ROWS": (3000, 1_000_000),
    "R18_CONNECTIONS": (300, 2000),
    "R18_SECONDS": (10, 600),
    "R19_CONNECTIONS": (100, 1000),
    "R20_SECONDS": (2, 10),
    "R21_LEADS": (500, 100_000),
    "R24_STOPS": (10, 500),
    "R25_KILLS": (3, 50),
    "R30_CANARIES": (200, 10_000),
    "R39_LEADS": (100, 1000),
}


def size(name):
    """How large this run is."""
    return int(os.environ.get(name, SIZES[name][0]))
