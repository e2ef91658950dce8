"""Who may see which cells, and why: labels on data, policies of the owner, decisions per caller."""
