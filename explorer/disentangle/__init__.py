"""The Disentangle page; only `page` is imported from outside."""
