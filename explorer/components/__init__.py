"""Components that answer in the browser: HTML and CSS beside their Python, JavaScript in explorer/static/js."""
