"""Declared HTTP routes: one declaration parses, authorises, answers, and is the OpenAPI document."""

from wayside_service.http.json_body import Lenient, Rejected, parse_json
from wayside_service.http.mount import OPENAPI, add_routes
from wayside_service.http.openapi import ApiInfo, openapi_document
from wayside_service.http.route import ClosedModel, MediaType, Reply, Route, RouteTable

__all__ = [
    "OPENAPI",
    "ApiInfo",
    "ClosedModel",
    "Lenient",
    "MediaType",
    "Rejected",
    "Reply",
    "Route",
    "RouteTable",
    "add_routes",
    "openapi_document",
    "parse_json",
]
