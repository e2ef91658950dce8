"""One SPARQL request, from bytes to bytes.

parse -> guard -> answer (decide, view, narrow, evaluate) -> serialise, after SPARQL 1.1 Query and
Protocol; nothing a query names is ever fetched.
"""
