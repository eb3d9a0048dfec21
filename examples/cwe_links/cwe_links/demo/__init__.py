"""The `wayside demo` command: the main job of Wayside on real input, watched, reviewed and checked.

`story` tells it in order. Everything it shows comes through the gateway, as it would in a browser.
"""
