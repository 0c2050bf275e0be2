"""The Traverse page; only `page` is imported from outside."""
