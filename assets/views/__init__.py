"""The rooms of what arrives with a licence."""
