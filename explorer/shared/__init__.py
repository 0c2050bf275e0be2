"""What more than one page uses; nothing in here knows a page."""
