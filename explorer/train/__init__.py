"""The Train page; only `page` is imported from outside."""
