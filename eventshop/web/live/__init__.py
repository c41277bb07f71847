"""Live pages: a server-sent event tells the browser that something changed, and the page reloads its content."""
