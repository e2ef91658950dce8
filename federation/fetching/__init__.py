"""What the members are asked, round by round, and what came back."""
