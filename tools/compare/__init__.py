"""What tools/compare-pytorch and tools/compare-java share."""
