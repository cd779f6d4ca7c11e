"""Speaks HTTP to Harvest: requests, pages, budgets, retries, and the two ways to sign in."""
