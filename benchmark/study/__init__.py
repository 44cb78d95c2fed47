"""Comparison of search policies on programs that were evaluated once and for all."""
