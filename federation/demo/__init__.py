"""A whole federation to try: the GB transmission network, two DNOs and the system operator."""
