"""Looks at pictures before training: what is wrong with each, which are the same, and what a crop would lose."""
