"""The rooms where pictures are made and looked at. One module per room."""
