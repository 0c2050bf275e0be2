"""The Home page; only `page` is imported from outside."""
