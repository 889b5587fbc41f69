"""HTTP and WebSocket in: requests, answers, sockets, webhooks."""
