"""Which members a query needs, and how much of it can go whole to them."""
