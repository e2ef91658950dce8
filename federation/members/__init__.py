"""The members: how they are asked, for whom, and what is known of what they hold."""
