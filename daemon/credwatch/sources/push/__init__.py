"""HTTP push: what shippers write in a request, turned into lines. The endpoints are in `web/push`."""
