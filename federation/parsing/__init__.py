"""A query read to the small algebra that plans are made on (SPARQL 1.1 section 18)."""
