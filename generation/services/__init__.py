"""What can be done with templates, generations and replays. One module per noun."""
