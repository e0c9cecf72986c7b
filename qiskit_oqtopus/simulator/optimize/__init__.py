"""Plans that take less time: operations merged, fused, in stages."""
