"""The Generate page; only `page` is imported from outside."""
