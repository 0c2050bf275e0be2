"""The Clusters page; only `page` is imported from outside."""
