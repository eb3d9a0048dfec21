"""The gateway: every HTTP route behind one door, and live events on the stream's own feed."""
