"""What changes in training, each with its ledger entry."""
