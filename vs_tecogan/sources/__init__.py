"""Clips that are made of numbers, without any footage."""
