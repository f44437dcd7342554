"""The compiled torch as an image of its own: what decides its bytes, and under which name it is published."""
