"""How good estimates and intervals are, by drawing from models of known probabilities."""
