"""Fleet: the aircraft that fly from New York, how much they fly, and how much they will."""
