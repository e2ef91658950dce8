"""Terms of different vocabularies that mean the same, and queries that find them all."""
