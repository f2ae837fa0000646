"""What happens between model calls: pure torch, one file per method."""
