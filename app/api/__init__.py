"""The REST API: translate, call one service method, answer."""
