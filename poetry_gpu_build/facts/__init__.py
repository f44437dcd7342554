"""What NVIDIA and PyTorch shipped: wheels, toolkits, drivers, base images and cards, each row with its source.

The tables are ``policies/facts/*.toml``; ``rows`` says what a row of each holds, ``evidence`` how it is known, ``load``
reads them.
"""
