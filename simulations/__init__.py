"""What is known of estimates and intervals by drawing from models of known probabilities."""
