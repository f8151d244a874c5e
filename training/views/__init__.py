"""The room where adapters are trained. One module per screen."""
