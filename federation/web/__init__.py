"""The gateway's pages and the one route table."""
