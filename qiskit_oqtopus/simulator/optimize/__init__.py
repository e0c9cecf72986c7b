"""Plans that take less time: operations are merged, fused, and sorted into stages."""
