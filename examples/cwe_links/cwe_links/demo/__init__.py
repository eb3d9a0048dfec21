"""The `wayside demo` command: the main job of Wayside on real input, watched, reviewed and checked."""
