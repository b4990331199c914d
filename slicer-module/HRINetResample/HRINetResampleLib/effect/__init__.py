"""Effect of the Segment Editor."""
