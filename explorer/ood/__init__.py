"""The out-of-distribution page; only `page` is imported from outside."""
