"""A node over HTTP: the SPARQL endpoint, the API and the pages."""
