"""Drift over many rounds of editing."""
