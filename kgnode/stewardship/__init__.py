"""What stewards do to mapping sets on a home, and what they decide by."""
