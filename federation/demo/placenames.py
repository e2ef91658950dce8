"""Invented place names that sound English and repeat for a seed.

In: a seed. Out: an endless supply of names, none twice. They are marked invented in the data.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

_FIRST = (
    "Al Amber Ash Barn Beck Bel Birch Black Bram Bright Brook Calder Chal Clay Cold Cran Dun Eden "
    "Elm Fal Fen Fern Gar Glen Gorse Hal Harrow Hazel Holl Ink Kel Lang Lark Lin Lorn Mar Mere "
    "Mill Moor Nether Oak Over Pen Quar Ral Raven Row Sal Sedge Shel Stan Sum Thorn Tor Under "
    "Vale Wal Wen Whin Wil Wood Wren Yar"
)
_LAST = (
    "acre beck bourne bridge brook burn bury by cliffe combe cote croft dale den don fell field "
    "ford garth gate grave hall ham haven hurst lea ley low mere mont more ness over ridge rigg "
    "sall scar shaw side stead stoke stow thorpe thwaite tree wick wold worth"
)


def invent(seed: str) -> Iterator[str]:
    """Yield invented names in an order that only the seed decides.

    >>> first = invent("1/TNO")
    >>> next(first) == next(invent("1/TNO"))
    True
    """
    names = [first + last for first in _FIRST.split() for last in _LAST.split()]
    random.Random(seed).shuffle(names)  # noqa: S311 - a demo's names, not a secret
    yield from names
    for number in range(2, 1000):
        yield from (f"{name} {number}" for name in names)
