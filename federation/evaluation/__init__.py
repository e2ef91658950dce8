"""The original query evaluated over what was fetched, in a process that can be ended."""
